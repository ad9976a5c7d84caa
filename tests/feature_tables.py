"""Feature tables made in code, for tests of what reads them.

Belongs here: tables of the declared columns with rows of any values. Does not belong here: what a reader should do.
"""

import random
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import duckdb

from feature_definitions.base import FeatureColumn, FeatureView

TYPES = {"numeric": "double", "categorical": "varchar", "flag": "boolean"}


def create(connection: duckdb.DuckDBPyConnection, views: Iterable[FeatureView]) -> None:
    """Empty tables of these views."""
    connection.execute("create schema if not exists features")
    for view in views:
        columns = "".join(f', "{column.name}" {TYPES[column.kind]}' for column in view.columns)
        connection.execute(f"create table {view.table} ({view.entity} varchar, as_of date{columns})")


def insert(connection: duckdb.DuckDBPyConnection, view: FeatureView, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows of key, `as_of` and the features in order of declaration."""
    marks = f"({', '.join('?' for _ in range(2 + len(view.columns)))})"
    if rows:  # one statement: DuckDB takes a millisecond for each
        values = ", ".join(marks for _ in rows)
        connection.execute(f"insert into {view.table} values {values}", [value for row in rows for value in row])


def fill(connection: duckdb.DuckDBPyConnection, view: FeatureView, keys: Iterable[tuple[str, date]], seed: int) -> None:
    """Insert a row of random values, some of them null, for each key and day."""
    made = random.Random(f"{seed} {view.name}")  # noqa: S311 - test data
    insert(connection, view, [[*key, *(_value(column, made) for column in view.columns)] for key in keys])


def _value(column: FeatureColumn, made: random.Random) -> float | str | bool | None:
    if column.kind == "categorical":
        return made.choice(["north", "südost", "unknown", "it's"])
    if column.kind == "flag":
        return made.random() < 0.5
    return None if made.random() < 0.2 else made.choice([made.gauss(0, 100), float(made.randrange(5))])
