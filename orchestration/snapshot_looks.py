"""What changed between two published snapshots, for the page of the snapshot.

Belongs here: row counts and headline figures of two versions side by side. Does not belong here: writing and switching
versions (`orchestration.snapshot`), row by row differences of a warehouse (`orchestration.warehouse_diff`).
"""

from pathlib import Path
from typing import Final

import dagster as dg
import duckdb

from orchestration import metric_values
from orchestration.metric_values import Newest
from orchestration.snapshot import Snapshot

MOST_ROWS: Final = 40


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
    lines = ["| table | before | now | change |", "|---|---|---|---|"]
    lines += [f"| {name} | {_count(old)} | {_count(new)} | {(new or 0) - (old or 0):+,} |" for name, old, new in found]
    return dg.MetadataValue.md("\n".join(lines) if found else "every table has as many rows as before")


def _metrics(before: dict[str, Newest], now: dict[str, Newest]) -> dg.MetadataValue:
    lines = ["| metric | month before | value before | month | value |", "|---|---|---|---|---|"]
    differing = [name for name in now if before.get(name, (None, None))[:2] != now[name][:2]]
    for name in differing[:MOST_ROWS]:
        month, value, _ = now[name]
        old = f"{before[name][0]:%Y-%m} | {before[name][1]:,.4g}" if name in before else "– | –"
        lines.append(f"| {name} | {old} | {month:%Y-%m} | {value:,.4g} |")
    return dg.MetadataValue.md("\n".join(lines) if differing else "every metric is what it was")


def _newest(version: Path) -> dict[str, Newest]:
    with duckdb.connect(str(version / "analytics.duckdb"), read_only=True) as connection:
        tables = connection.execute("select 1 from duckdb_tables() where table_name = 'metric_values'").fetchall()
        return metric_values.newest(connection, schema="") if tables else {}


def _count(rows: int | None) -> str:
    return "–" if rows is None else f"{rows:,}"
