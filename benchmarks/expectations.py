"""How often the expectations from history warn, and what they cost: `python -m benchmarks.expectations --state var`.

Walks each landed company back over its last month ends and judges every month by the months before it. Silence is left
out: it is about the last row of all, which is the same at every month end.
"""

import argparse
import resource
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb

from companies import settings
from ingestion.contract import TABLES
from ingestion.contract_fields import RawTable
from ingestion.expectations import batches, evaluation, history
from ingestion.expectations.history_suite import expected
from ingestion.expectations.outcomes import Outcome

MONTHS = 18


def main() -> None:
    """Print the cost of one evaluation per company, then warnings by kind of expectation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", type=Path, default=Path("var"), help="folder that holds a folder per company")
    state = parser.parse_args().state
    evaluated: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for name in settings.available():
        warehouse = state / name / "warehouse.duckdb"
        if not warehouse.exists():
            continue
        with duckdb.connect(str(warehouse), read_only=True) as con:
            company = settings.load(name)
            _print_cost(con, company)
            for table, month, outcome in _past(con, company):
                evaluated[outcome.expectation] += 1
                if not outcome.passed:
                    failed[outcome.expectation] += 1
                    print(f"  {table} {month:%Y-%m}: {outcome.statement} Found: {outcome.observed}.")
    for kind, count in evaluated.items():
        print(f"{kind}: {failed[kind]} of {count}")


def _print_cost(con: duckdb.DuckDBPyConnection, company: settings.Company) -> None:
    started = time.process_time()
    until = evaluation.covered_until(con, company.data_until)
    reports = list(evaluation.evaluate(con, until, company.quality))
    outcomes = [outcome for report in reports for outcome in report.outcomes]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{company.name}: {sum(report.rows for report in reports):,} rows, {len(outcomes)} expectations, "
        f"{sum(not outcome.passed for outcome in outcomes)} failed, {time.process_time() - started:.1f} CPU s, "
        f"peak {peak:,.0f} MB"
    )


def _past(con: duckdb.DuckDBPyConnection, company: settings.Company) -> Iterator[tuple[str, date, Outcome]]:
    last = history.newest_complete_month(evaluation.covered_until(con, company.data_until))
    for table in TABLES.values():
        if con.execute(f"from raw.{table.name} limit 1").fetchall():
            for back in range(MONTHS):
                month = history.added(last, -back)
                for outcome in _judged(con, company, table, month):
                    yield table.name, month, outcome


def _judged(
    con: duckdb.DuckDBPyConnection, company: settings.Company, table: RawTable, month: date
) -> Iterator[Outcome]:
    until = history.added(month, 1) - timedelta(days=1)
    usual = history.read(con, table, until)
    hopes = expected(table, usual, until, company.quality)
    library = evaluation.Library()
    volume = [each for each in hopes.delivery if each.column == "rows_in_month"]
    for expectations, batch in ((volume, batches.delivery(usual)), (hopes.month, batches.newest_month(con, usual))):
        if expectations:
            yield from library.outcomes("history", table, library.suite(table, expectations), batch)


if __name__ == "__main__":
    main()
