"""One point-in-time join by one engine, in a process of its own; started by `benchmarks.point_in_time`.

Belongs here: ours and the alternatives of this environment. Does not belong here: data, comparison, Feast (which has
an environment of its own).
"""

import json
import resource
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandera.pandas as pa

COLUMNS = 20
MAX_AGE = timedelta(days=90)
NAMES = [f"f{number:02d}" for number in range(COLUMNS)]
# What an engine may hold before it spills; ours takes less CPU than with 4 GB and a third of the memory.
MEMORY_LIMIT = "1GB"


def ours(folder: Path, store: Path, spacing_days: int, *, known: str = "known_at", from_parquet: bool = True) -> Any:  # noqa: ANN401 - an Arrow table
    """Our SQL on the Parquet files, or on the tables of a DuckDB file."""
    import duckdb

    from feature_definitions.base import FeatureTable, FeatureView, feature, key
    from feature_definitions.point_in_time import training_sql

    types = {"account_id": str, "event_at": pa.DateTime, known: pa.DateTime} | dict.fromkeys(NAMES, float)
    fields = {name: key("Key.") for name in ("account_id", "event_at", known)}
    fields |= {name: feature("A number.") for name in NAMES}
    schema = type("Features", (FeatureTable,), {"__annotations__": types, "__module__": __name__, **fields})
    times = {"event_time": "event_at", "known_time": known, "time_type": "timestamp"}
    spacing = timedelta(days=spacing_days)
    view = FeatureView("wide", "account_id", schema, MAX_AGE, "benchmark", 1, spacing=spacing, **times)
    with duckdb.connect(":memory:" if from_parquet else str(store / "wide.duckdb"), read_only=False) as con:
        con.execute(f"set threads = 2; set memory_limit = '{MEMORY_LIMIT}'")
        con.execute(f"create temp view labels as from '{folder}/labels.parquet'")
        if from_parquet:
            con.execute(f"create schema features; create view features.wide as from '{store}/features.parquet'")
        return con.sql(training_sql([view], "temp.labels", "label_at")).to_arrow_table()


def polars(folder: Path, store: Path) -> Any:  # noqa: ANN401 - a polars frame
    """`join_asof` on event time, lazily, sorted back."""
    import polars as pl

    labels = pl.scan_parquet(folder / "labels.parquet").sort("label_at")
    features = pl.scan_parquet(store / "features.parquet").select("account_id", "event_at", *NAMES).sort("event_at")
    asof = {"left_on": "label_at", "right_on": "event_at", "by": "account_id", "check_sortedness": False}
    return labels.join_asof(features, tolerance="90d", strategy="backward", **asof).sort("label_position").collect()


def pandas(folder: Path, store: Path) -> Any:  # noqa: ANN401 - a pandas frame
    """`merge_asof` on event time, sorted back."""
    import pandas as pd

    labels = pd.read_parquet(folder / "labels.parquet").sort_values("label_at")
    features = pd.read_parquet(store / "features.parquet", columns=["account_id", "event_at", *NAMES])
    asof = {"left_on": "label_at", "right_on": "event_at", "by": "account_id"}
    joined = pd.merge_asof(labels, features.sort_values("event_at"), tolerance=MAX_AGE, **asof)
    return joined.sort_values("label_position")


def main(engine: str, folder: str, store: str, spacing_days: int) -> None:
    """Join and print, as JSON, CPU seconds, start-up seconds, peak memory in MB and the result's checksum."""
    places = Path(folder), Path(store)
    engines: dict[str, Callable[[], Any]] = {
        "ours": lambda: ours(*places, spacing_days),
        "ours, DuckDB tables": lambda: ours(*places, spacing_days, from_parquet=False),
        "ours, late rows": lambda: ours(*places, spacing_days, known="known_late_at"),
        "polars": lambda: polars(*places),
        "pandas": lambda: pandas(*places),
    }
    import_of(engine)
    started = cpu()
    found = engines[engine]()
    seconds = cpu() - started
    peak = peak_mb()
    result = {"cpu": seconds, "start": started, "peak": peak, **checksum(found)}
    sys.stdout.write(json.dumps(result) + "\n")


def import_of(engine: str) -> None:
    """Load what the engine needs, so that start-up is counted by itself."""
    __import__("duckdb" if engine.startswith("ours") else engine)


def checksum(found: Any) -> dict[str, Any]:  # noqa: ANN401 - a frame of any engine
    """Rows, known rows, order, and per column the sum of value times (position mod 1009), exact in whole numbers."""
    position = np.asarray(found["label_position"])
    values = [np.asarray(found[name], dtype=float) for name in NAMES]
    known = int((~np.isnan(values[0])).sum())
    sums = [float(np.nansum(value * (position % 1009))) for value in values]
    in_order = bool((position[1:] > position[:-1]).all())
    return {"rows": len(position), "known": known, "sums": sums, "in_order": in_order}


def cpu() -> float:
    """User and system seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_mb() -> float:
    """High-water mark of resident memory. Not `ru_maxrss`: a new process inherits that from the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
