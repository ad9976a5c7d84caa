"""What changed between two published snapshots, for the page of the snapshot.

Belongs here: row counts and headline figures of two versions side by side. Does not belong here: writing and switching
versions (`orchestration.snapshot`), row by row differences of a warehouse (`orchestration.reports.warehouse_diff`).
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb

from orchestration.markdown import table
from orchestration.metrics import metric_values
from orchestration.metrics.metrics_report import as_text
from orchestration.snapshot import Snapshot

# Metric to its newest complete month, its value in it and its unit.
Metrics = Mapping[str, tuple[date, float, str]]


def changes(root: Path, before: Snapshot | None, now: Snapshot) -> dict[str, dg.MetadataValue]:
    """Tables whose number of rows changed, and metrics whose newest value did."""
    if before is None or not before.path(root).exists():
        return {"changes": dg.MetadataValue.md("the first version: nothing to compare with")}
    told = {
        "rows_changed": _rows(before, now),
        "metrics_changed": _metrics(_newest(before.path(root)), _newest(now.path(root))),
    }
    return {"compared_with": dg.MetadataValue.text(before.version), **told}


def _rows(before: Snapshot, now: Snapshot) -> dg.MetadataValue:
    found = [
        (name, before.rows.get(name), now.rows.get(name))
        for name in sorted({*before.rows, *now.rows})
        if before.rows.get(name) != now.rows.get(name)
    ]
    rows = [(name, old, new, f"{(new or 0) - (old or 0):+,}") for name, old, new in found]
    told = table(["table", "before", "now", "change"], rows) if found else "every table has as many rows as before"
    return dg.MetadataValue.md(told)


def _metrics(before: Metrics, now: Metrics) -> dg.MetadataValue:
    differing = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    rows = [(name, *_told(before.get(name)), *_told(now.get(name))) for name in differing]
    names = ["metric", "month before", "value before", "month", "value"]
    return dg.MetadataValue.md(table(names, rows) if differing else "every metric is what it was")


def _told(newest: tuple[date, float, str] | None) -> tuple[str | None, str | None]:
    return (None, None) if newest is None else (f"{newest[0]:%Y-%m}", as_text(*newest[1:]))


def _newest(version: Path) -> Metrics:
    with duckdb.connect(str(version / "analytics.duckdb"), read_only=True) as connection:
        if not connection.execute("select 1 from duckdb_tables() where table_name = 'metric_values'").fetchall():
            return {}
        units = dict(connection.execute("select metric, unit from metric_definitions").fetchall())
        newest = metric_values.newest(connection, schema="")
    return {name: (month, value, units[name]) for name, (month, value, _) in newest.items()}
