"""Features of an old month derived anew from the raw rows that were known then.

The raw rows are cut at the end of `as_of` (rows and versions known later are gone, what was filled in later is empty),
the SQL that dbt compiled for the warehouse and the feature tables runs on them in memory, and the outcome is compared
with what training reads. Belongs here: that cut and that run. Does not belong here: the comparison of two frames
(`ml.leakage`), whether a difference stops anything (`orchestration.checks.features_as_known`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd

from feature_definitions.base import FeatureView
from orchestration.resources import Deployment

WAREHOUSE_TARGET, FEATURES_TARGET = "dbt_warehouse", "dbt_features"
MONTHS_OF_RUN: Final = re.compile(r"cast\('[\d-]{10}' as date\)\s+and cast\('[\d-]{10}' as date\)")
# The newest version of a row holds what was filled in later: the day that says when, and the columns it brought.
FILLED_LATER: Final[Mapping[str, Sequence[tuple[str, Mapping[str, str]]]]] = {
    "subscriptions": [("ended_on", {"ended_on": "null"})],
    "transactions": [("paid_at", {"paid_at": "null"})],
    "support_tickets": [
        ("first_response_at", {"first_response_at": "null"}),
        ("resolved_at", {"resolved_at": "null", "csat": "null", "escalated": "null"}),
    ],
    "deals": [("closed_at", {"closed_at": "null", "outcome": "'open'", "lost_reason": "null"})],
}


class RederivationError(RuntimeError):
    """The features cannot be derived anew; the message says what is missing and what to do."""


def middle_month(connection: duckdb.DuckDBPyConnection, views: Sequence[FeatureView]) -> date | None:
    """The month in the middle of those that the feature tables hold; None without any row."""
    parts = (connection.table(view.table).project("last_day(as_of)").distinct() for view in views)
    months = sorted({month for part in parts for (month,) in part.fetchall()})
    return months[len(months) // 2] if months else None


def derived_anew(deployment: Deployment, views: Sequence[FeatureView], as_of: date) -> dict[str, pd.DataFrame]:
    """The rows of each view for the month that ends at `as_of`, from the raw rows known at its end.

    Raises:
        RederivationError: no compiled SQL of the warehouse or of a view is at hand.
    """
    folder = deployment.state / "dbt"
    nodes = _nodes(folder)
    with duckdb.connect(":memory:") as connection:
        connection.execute("load icu")
        connection.execute(f"set memory_limit = '{deployment.memory_limit}'")
        connection.execute(f"set temp_directory = '{deployment.warehouse_path}.derived'")
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{deployment.warehouse_path}' as stored (read_only)")
        connection.execute(f"attach ':memory:' as \"{deployment.warehouse_path.stem}\"")
        connection.execute(f'use "{deployment.warehouse_path.stem}"')
        for identifier in _in_order(nodes, [f"model.customer_lifecycle.{view.name}" for view in views]):
            _make(connection, nodes[identifier], folder, as_of)
        return {view.name: connection.table(view.table).df() for view in views}


def stored_rows(connection: duckdb.DuckDBPyConnection, view: FeatureView, as_of: date) -> pd.DataFrame:
    """What training reads of the month that ends at `as_of`."""
    frame: pd.DataFrame = connection.execute(
        f"select * from {view.table} where last_day(as_of) = ?",  # noqa: S608 - a name from the registry
        [as_of],
    ).df()
    return frame


def _nodes(folder: Path) -> dict[str, Any]:
    """What dbt knows of every table, by unique id."""
    path = folder / FEATURES_TARGET / "manifest.json"
    if not path.is_file():
        msg = f"{path} is missing: the features were not built by this deployment. Build them (`make run`)."
        raise RederivationError(msg)
    manifest = json.loads(path.read_text(encoding="utf-8"))
    return {**manifest["sources"], **manifest["nodes"]}


def _in_order(nodes: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[str]:
    """The wanted nodes and all they read, each after what it reads; ephemeral ones live in their readers."""
    seen: set[str] = set()

    def visit(identifier: str) -> Iterator[str]:
        if identifier in seen:
            return
        seen.add(identifier)
        for parent in nodes[identifier].get("depends_on", {}).get("nodes", []):
            yield from visit(parent)
        if nodes[identifier].get("config", {}).get("materialized") != "ephemeral":
            yield identifier

    for identifier in wanted:
        yield from visit(identifier)


def _make(connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any], folder: Path, as_of: date) -> None:
    """Create one relation: raw rows as known then, settings and seeds as they are, models by their SQL."""
    schema, name = node["schema"], node.get("alias") or node["name"]
    connection.execute(f'create schema if not exists "{schema}"')
    is_model = node["resource_type"] == "model"
    kind = "table" if is_model and node["config"]["materialized"] != "view" else "view"
    query = _compiled(node, folder, as_of) if is_model else _cut(connection, schema, name, as_of)
    connection.execute(f'create {kind} "{schema}"."{name}" as {query}')


def _compiled(node: Mapping[str, Any], folder: Path, as_of: date) -> str:
    """The SQL dbt compiled last for a model, for one month where it is built by months."""
    target = FEATURES_TARGET if node["path"].startswith("features") else WAREHOUSE_TARGET
    path = folder / target / "compiled" / node["package_name"] / node["original_file_path"]
    if not path.is_file():
        msg = f"{path} is missing: build the warehouse and the features (`make run`)"
        raise RederivationError(msg)
    return MONTHS_OF_RUN.sub(f"cast('{as_of}' as date) and cast('{as_of}' as date)", path.read_text(encoding="utf-8"))


def _cut(connection: duckdb.DuckDBPyConnection, schema: str, name: str, as_of: date) -> str:
    """Query of a stored table; of a raw one the rows known at the end of `as_of`, without what was filled in later."""
    stored = f'stored."{schema}"."{name}"'
    if name == "company_settings":
        return f"from {stored} select * replace (date '{as_of}' as data_until)"
    if schema != "raw":
        return f"from {stored}"
    [(zone,)] = connection.execute("select time_zone from stored.control.company_settings").fetchall()
    columns = {column: kind for column, kind, *_ in connection.execute(f"describe {stored}").fetchall()}
    emptied: dict[str, str] = {}
    for day, changes in FILLED_LATER.get(name, ()):
        later = f"{_business_day(day, columns[day], zone)} > date '{as_of}'"
        emptied |= {column: f"case when {later} then {value} else {column} end" for column, value in changes.items()}
    replaced = ", ".join(f"{value} as {column}" for column, value in emptied.items())
    picked = f"* replace ({replaced})" if replaced else "*"
    known = _business_day("known_at", columns["known_at"], zone)
    return f"from {stored} select {picked} where {known} <= date '{as_of}'"


def _business_day(column: str, kind: str, zone: str) -> str:
    """SQL of the company's calendar day of a day or a UTC instant."""
    if kind == "DATE" or zone == "UTC":
        return f"cast({column} as date)"
    return f"cast(timezone('{zone}', timezone('UTC', {column})) as date)"
