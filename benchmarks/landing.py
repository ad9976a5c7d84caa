"""Land a large CSV file twice under a memory limit: rows, seconds and peak memory of the whole process.

The file is generated (orders with a text nobody maps), about 85 bytes a row: 11.5 million rows are 1 GB.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion import landing
from orchestration.resources import Deployment

COMPANY = """
title = "Generated orders"
business_model = "transactional"
currency = "USD"
history_starts_on = 2020-01-01
[source]
kind = "files"
folder = "orders"
system = "generated"
[source.files.orders]
path = "orders.csv"
[[source.tables]]
table = "transactions"
file = "orders"
[source.tables.columns]
transaction_id = "id"
account_id = "customer"
amount = "amount"
currency = { value = "USD" }
kind = { value = "order" }
occurred_at = "at"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Generate, land, land again; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default="2GB")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        deployment = _company(Path(folder), chosen.memory_limit)
        size = _generate(Path(folder) / "data" / "orders" / "orders.csv", chosen.rows)
        print(f"{chosen.rows:,} rows, {size / 1e9:.2f} GB, memory limit {chosen.memory_limit}")
        for attempt in ("first", "second"):
            print(f"{attempt} landing: {_land(deployment)}")
    return 0


def _company(folder: Path, memory_limit: str) -> Deployment:
    for name in ("companies", "data/orders", "state"):
        (folder / name).mkdir(parents=True)
    (folder / "companies" / "orders.toml").write_text(COMPANY)
    return Deployment(
        company_name="orders",
        state_folder=str(folder / "state"),
        data_folder=str(folder / "data"),
        companies_folder=str(folder / "companies"),
        memory_limit=memory_limit,
    )


def _generate(path: Path, rows: int) -> int:
    """Write the file; returns its size in bytes."""
    with duckdb.connect() as connection:
        connection.execute("select setseed(0.5)")
        connection.execute(
            "copy (select 'T' || i as id, 'C' || (i % 200000) as customer, round(random() * 100, 2) as amount, "
            "strftime(timestamp '2020-01-01' + interval (i) second, '%Y-%m-%d %H:%M:%S') as at, "
            f"'some further text that nobody maps ' || i as note from range({rows}) t(i)) to '{path}' (header)"
        )
    return path.stat().st_size


def _land(deployment: Deployment) -> str:
    started = time.monotonic()
    with deployment.warehouse() as connection:
        (table,) = landing.land(connection, deployment.company, deployment.source_folder, datetime.now(UTC)).tables
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.monotonic() - started
    return f"{table.inserted:,} new, {table.unchanged:,} unchanged, {seconds:.0f} s, peak memory so far {peak:,.0f} MB"


if __name__ == "__main__":
    sys.exit(main())
