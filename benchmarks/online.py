"""How long a look-up of one customer's features takes: `python -m benchmarks.online [--entities N ...] [--write]`.

Tables of random values in the shape of the customer views are published as the pipeline publishes them. Then one
customer after another is looked up in the published SQLite file, by its primary key, and by other ways to answer the
same question: the same table with a row number and an index beside it, a point query of DuckDB on the published
analytics file, and a scan of the published Parquet file.
"""

import argparse
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.pages import Page, table
from feature_definitions import registry
from feature_definitions.base import FeatureView
from feature_definitions.entities import CUSTOMER
from feature_definitions.online import OnlineFeatures, online_sql, online_table
from orchestration import snapshot
from orchestration.snapshot import Face

MODEL, TABLE = "churn", online_table(CUSTOMER)
VIEWS = registry.views_of(CUSTOMER.key)
DAY = date(2025, 12, 31)
SEED = 7
VALUES = {
    "numeric": "case when random() < 0.9 then random() * 100 end",
    "categorical": "'level ' || cast(floor(random() * 9) as integer)",
    "flag": "random() < 0.5",
}
# A slow way is asked less often, so that the benchmark ends.
WARM, LOOKUPS, SLOW_LOOKUPS = 200, 3000, 50
Ask = Callable[[str], object]


def main() -> None:
    """Print latencies per number of customers and way; with --write also the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, nargs="+", default=[1_200, 1_000_000])
    parser.add_argument("--write", action="store_true", help="write docs/results/online.md")
    arguments = parser.parse_args()
    started = time.perf_counter()
    measured = [_measured(entities) for entities in arguments.entities]
    found = pd.concat([latencies for latencies, _ in measured], ignore_index=True)
    made = pd.DataFrame([costs for _, costs in measured])
    print(found.to_string(index=False, float_format=lambda value: f"{value:.3f}"))
    print(made.to_string(index=False, float_format=lambda value: f"{value:.1f}"))
    if arguments.write:
        _page(found, made, time.perf_counter() - started).write()


def _measured(entities: int) -> tuple[pd.DataFrame, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        costs = _publish(Path(folder), entities)
        version = Path(folder) / "v1"
        keys = [_key(number) for number in random.Random(SEED).choices(range(entities), k=WARM + LOOKUPS)]  # noqa: S311
        rows = [(way, *_latency(ask, keys[: lookups + min(WARM, lookups)])) for way, ask, lookups in _ways(version)]
    frame = pd.DataFrame(rows, columns=["way", "p50_ms", "p99_ms", "cpu_ms", "lookups"])
    frame.insert(0, "customers", entities)
    return frame.assign(times_ours=frame["cpu_ms"] / frame["cpu_ms"].iloc[0]), costs


def _key(number: int) -> str:
    return f"account-{number:07d}"


def _publish(folder: Path, entities: int) -> dict[str, float]:
    """Publish the newest rows; returns what that took."""
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2GB'; set threads = 2")
        connection.execute(f"set temp_directory = '{folder / 'spill'}'; create schema features; select setseed(0.5)")
        for view in VIEWS:
            connection.execute(_table_sql(view, entities))
        face = Face("features", TABLE, query=online_sql(VIEWS), primary_key=CUSTOMER.key)
        started = time.process_time()
        made = snapshot.publish(connection, folder, [face], version="v1", at="2026-01-01T00:00:00", as_of=str(DAY))
        seconds = time.process_time() - started
    lookup = made.path(folder) / "lookup.sqlite"
    costs = {"customers": entities, "publish_cpu_s": seconds, "lookup_mb": lookup.stat().st_size / 1e6}
    with sqlite3.connect(folder / "rowid.sqlite") as other:
        other.execute("attach database ? as published", [str(lookup)])
        other.execute(f"create table {TABLE} as select * from published.{TABLE}")
        other.execute(f"create index by_key on {TABLE} ({CUSTOMER.key})")
    other.close()
    return costs | {"with_index_beside_mb": (folder / "rowid.sqlite").stat().st_size / 1e6}


def _table_sql(view: FeatureView, entities: int) -> str:
    columns = ", ".join(f'{VALUES[column.kind]} as "{column.name}"' for column in view.columns)
    key = f"'account-' || lpad(cast(i as varchar), 7, '0') as {view.entity}"
    return f"create table {view.table} as select {key}, date '{DAY}' as as_of, {columns} from range({entities}) t(i)"


def _ways(version: Path) -> Sequence[tuple[str, Ask, int]]:
    """Ways to look a customer up, ours first, with how often each is asked."""
    online = OnlineFeatures(version / "lookup.sqlite")
    columns = ", ".join(column.name for column in registry.columns_for(MODEL))
    where = f"where {CUSTOMER.key} = ?"
    plain, beside = (
        sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        for path in (version / "lookup.sqlite", version.parent / "rowid.sqlite")
    )
    analytics, files = duckdb.connect(str(version / "analytics.duckdb"), read_only=True), duckdb.connect()
    parquet = version / "parquet" / f"{TABLE}.parquet"
    query = f"select {columns} from {TABLE} {where}"
    scan = f"select {columns} from read_parquet('{parquet}') {where}"

    def framed(key: str) -> pd.DataFrame | None:
        row = online.row(MODEL, key, DAY)
        return None if row is None else row.frame()

    return (
        ("published row, typed and aged (OnlineFeatures.row)", lambda key: online.row(MODEL, key, DAY), LOOKUPS),
        ("the same as a frame for `predict`", framed, LOOKUPS),
        ("SQLite, primary key, values only", lambda key: plain.execute(query, (key,)).fetchone(), LOOKUPS),
        ("SQLite, index beside the table, values only", lambda key: beside.execute(query, (key,)).fetchone(), LOOKUPS),
        ("DuckDB, point query", lambda key: analytics.execute(query, [key]).fetchone(), SLOW_LOOKUPS),
        ("Parquet, scanned by DuckDB", lambda key: files.execute(scan, [key]).fetchone(), SLOW_LOOKUPS),
    )


def _latency(ask: Ask, keys: Sequence[str]) -> tuple[float, float, float, int]:
    """Median, 99th percentile and mean CPU time in milliseconds, after some look-ups that are not counted."""
    warm, taken = min(WARM, len(keys) // 3), []
    for key in keys[:warm]:
        ask(key)
    busy = time.process_time()
    for key in keys[warm:]:
        started = time.perf_counter()
        found = ask(key)
        taken.append(time.perf_counter() - started)
        if found is None:
            msg = f"{key} was published and is not found"
            raise LookupError(msg)
    cpu = (time.process_time() - busy) / len(taken)
    p50, p99 = np.percentile(taken, [50, 99]) * 1000
    return float(p50), float(p99), cpu * 1000, len(taken)


def _page(found: pd.DataFrame, made: pd.DataFrame, seconds: float) -> Page:
    largest = found[found["customers"] == found["customers"].max()].set_index("way")
    ours, duck = largest.iloc[0], largest.loc["DuckDB, point query"]
    ways = ("primary key", "index beside the table")
    plain, beside = (largest.loc[f"SQLite, {way}, values only", "cpu_ms"] for way in ways)
    features, customers = len(registry.columns_for(MODEL)), found["customers"].max()
    outcome = (
        f"Among {customers:,} customers, one customer's {features} features take "
        f"{ours['p50_ms']:.2f} ms (99 of 100 look-ups: at most {ours['p99_ms']:.2f} ms), typed and with their ages; "
        f"DuckDB's point query takes {duck['times_ours']:.0f} times the CPU time. The table ordered by its key takes "
        f"{plain / beside:.2f} times that of one with an index beside it, without a second copy of the keys."
    )
    remarks = (
        "Look-ups one after another in one process, warm; random keys that exist. A frame costs more than the look-up: "
        "it is what pandas takes to make one. Other work on the machine is in the milliseconds, but not in the CPU "
        "time, from which the ratios are."
    )
    found, made = (frame.assign(customers=frame["customers"].map("{:,.0f}".format)) for frame in (found, made))
    blocks = [table(found), "What publishing took, and the size of the files:", table(made, digits=1), remarks]
    command = "python -m benchmarks.online --write"
    return Page("online", "Looking up one customer's features", outcome, command, SEED, seconds, blocks)


if __name__ == "__main__":
    main()
