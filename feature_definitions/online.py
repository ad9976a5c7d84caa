"""The newest features of one entity for look-ups by key, typed as the rows that models were trained on.

Belongs here: the query that makes the published table, and the reader of that table. Does not belong here: publishing
it, knowing which version is current, predicting, the web.

A published table has one row per entity with all its views side by side, each with the day of its newest row. The
reader honours a view's `max_age` as the training join does: a row that is too old is absent, its features are null.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
import pandas as pd

from feature_definitions import registry
from feature_definitions.base import FeatureColumn, FeatureView, Kind
from feature_definitions.entities import TIME_COLUMN, Entity

Value = float | str | bool | None
# SQLite has no truth values; numbers and texts come as they were written.
_TYPED: Final[Mapping[Kind, Callable[[Value], Value]]] = {
    "numeric": lambda value: value,
    "categorical": lambda value: value,
    "flag": lambda value: None if value is None else bool(value),
}
_DTYPES: Final[Mapping[Kind, str]] = {"numeric": "float64", "categorical": "object", "flag": "bool"}


class OnlineError(ValueError):
    """The published table cannot answer; the message says what to do instead."""


def online_table(entity: Entity) -> str:
    """Name of the published table of an entity."""
    return f"online_{entity.name}s"


def online_sql(views: Sequence[FeatureView]) -> str:
    """SQL of the published table: per entity the newest row of each view, side by side, ordered by the key.

    Args:
        views: all of one entity.

    Returns:
        A query with the entity's key, then per view `<view>_as_of` (null where it has no row) and its features. Keys
        are joined to their newest day first, the wide columns are fetched for the winners only.
    """
    key = views[0].entity
    steps = [
        f"newest_{view.name} as (\n    select {key}, max(as_of) as as_of from {view.table} group by {key}\n)"  # noqa: S608 - names from the registry
        for view in views
    ]
    keys = "\n    union\n".join(f"    select {key} from newest_{view.name}" for view in views)  # noqa: S608 - as above
    columns = [f"{source}.{name}" for view in views for source, name in _sources(view)]
    joins = [
        f"left join newest_{view.name} on entities.{key} = newest_{view.name}.{key}\n"
        f"left join {view.table} as {view.name}\n"
        f"    on newest_{view.name}.{key} = {view.name}.{key} and newest_{view.name}.as_of = {view.name}.as_of"
        for view in views
    ]
    head = ["select", "    " + ",\n    ".join([f"entities.{key}", *columns]), "from entities"]
    query = "\n".join([*head, *joins, f"order by entities.{key}"])
    return "with " + ",\n\n".join([*steps, f"entities as (\n{keys}\n)"]) + "\n\n" + query


def _sources(view: FeatureView) -> list[tuple[str, str]]:
    return [(f"newest_{view.name}", f"as_of as {view.name}_as_of"), *((view.name, one.name) for one in view.columns)]


@dataclass(frozen=True)
class ViewAge:
    """How old an entity's newest row of a view is.

    Attributes:
        as_of: the row's day; None: there is none.
        age_days: days from then to the day that was asked about.
        is_used: whether it is young enough for the view's `max_age`; if not, its features are null.
    """

    as_of: date | None
    age_days: int | None
    is_used: bool


@dataclass(frozen=True)
class OnlineRow:
    """What a model may know of one entity.

    Attributes:
        entity: name of the key column.
        at: the day that was asked about.
        views: view to the age of the row found.
        columns: the features in the order in which a model reads them.
        values: the features in that order: floats, texts and truth values; None where there is no value.
    """

    entity: str
    key: str
    at: date
    views: Mapping[str, ViewAge]
    columns: tuple[FeatureColumn, ...]
    values: Mapping[str, Value]

    @property
    def as_of(self) -> date | None:
        """Day of the newest row that is used; None if none is."""
        return max((age.as_of for age in self.views.values() if age.is_used and age.as_of), default=None)

    def frame(self) -> pd.DataFrame:
        """The row as a model's `predict` reads it: key, `as_of` and features, of the types of the offline frame."""
        # One block per type: pandas takes milliseconds to make a column of its own for each of many features.
        kinds: dict[str, list[str]] = {}
        for one in self.columns:
            kinds.setdefault(_dtype(self.values[one.name], one.kind), []).append(one.name)
        stamp = np.array([self.as_of], dtype="datetime64[ns]")
        head = pd.DataFrame({self.entity: [self.key], TIME_COLUMN: stamp})
        blocks = [
            pd.DataFrame(np.array([[self.values[name] for name in names]], dtype=kind), columns=names, copy=False)
            for kind, names in kinds.items()
        ]
        return pd.concat([head, *blocks], axis=1)[[self.entity, TIME_COLUMN, *self.values]]


def _dtype(value: Value, kind: Kind) -> str:
    """Type of a feature's column; a flag without a value has no type of its own, in the training join neither."""
    return "object" if value is None and kind == "flag" else _DTYPES[kind]


@dataclass(frozen=True)
class _Query:
    """What is asked of the table for a model, prepared once."""

    entity: str
    views: tuple[FeatureView, ...]
    columns: tuple[FeatureColumn, ...]
    sql: str

    @cached_property
    def places(self) -> tuple[tuple[FeatureView, tuple[tuple[int, str, Callable[[Value], Value]], ...]], ...]:
        """Per view its features with their place in the answer, which opens with the views' days."""
        of_view = {column.name: view.name for view in self.views for column in view.columns}
        placed = [
            (of_view[one.name], (len(self.views) + at, one.name, _TYPED[one.kind]))
            for at, one in enumerate(self.columns)
        ]
        return tuple((view, tuple(place for name, place in placed if name == view.name)) for view in self.views)


class OnlineFeatures:
    """The look-up file of one published version, open for reading; for one thread.

    A published version never changes, so the file is read without locks.

    Args:
        lookup: path of `lookup.sqlite`.

    Raises:
        OnlineError: there is no such file.
    """

    def __init__(self, lookup: Path) -> None:
        if not lookup.is_file():
            msg = f"there is no published {lookup.name} in {lookup.parent}; run the pipeline first: make run"
            raise OnlineError(msg)
        uri = f"{lookup.resolve().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(uri, uri=True)
        self._queries: dict[str, _Query] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def row(self, model: str, key: str, at: date) -> OnlineRow | None:
        """The features that a model may use of one entity, as known on a day.

        Args:
            model: one that reads features; the lead score does not get what sales fills in after the contact.
            at: the day of the prediction, from the newest row's day on.

        Returns:
            None if the entity has no row at all; a view whose newest row is too old is absent from the row.

        Raises:
            OnlineError: the version was published without this table, or the newest row is from after `at`.
            KeyError: no model of that name reads features.
        """
        query = self._queries.get(model) or self._prepare(model)
        # The keys of a row, found by the primary key: microseconds, so no cache stands before it.
        with closing(self._connection.execute(query.sql, (key,))) as cursor:
            found: tuple[Value, ...] | None = cursor.fetchone()
        return None if found is None else _row(query, key, found, at)

    def _prepare(self, model: str) -> _Query:
        views, columns = registry.views_for(model), registry.columns_for(model)
        entity = registry.entity_of(views[0])
        table = online_table(entity)
        names = [*(f"{view.name}_as_of" for view in views), *(column.name for column in columns)]
        have = {name for _, name, *_ in self._connection.execute(f'pragma table_info("{table}")')}
        if missing := [name for name in names if name not in have]:
            msg = f"the published {table} lacks {', '.join(missing)}; publish again with this code: make run"
            raise OnlineError(msg)
        selected = ", ".join(f'"{name}"' for name in names)
        sql = f'select {selected} from "{table}" where "{entity.key}" = ?'  # noqa: S608 - names from the registry
        self._queries[model] = _Query(entity.key, views, columns, sql)
        return self._queries[model]


def _row(query: _Query, key: str, found: Sequence[Value], at: date) -> OnlineRow:
    ages: dict[str, ViewAge] = {}
    values: dict[str, Value] = {}
    for position, (view, places) in enumerate(query.places):
        age = ages[view.name] = _age(view, key, found[position], at)
        values |= {name: typed(found[place]) if age.is_used else None for place, name, typed in places}
    return OnlineRow(query.entity, key, at, ages, query.columns, values)


def _age(view: FeatureView, key: str, day: Value, at: date) -> ViewAge:
    if day is None:
        return ViewAge(None, None, is_used=False)
    as_of = date.fromisoformat(str(day))
    age = at - as_of
    if age.days < 0:
        msg = (
            f"the newest row of {key} in {view.name} is of {as_of}, after {at}; only newest rows are published, "
            "older ones are in the warehouse (feature_definitions.point_in_time)"
        )
        raise OnlineError(msg)
    return ViewAge(as_of, age.days, is_used=age <= view.max_age)
