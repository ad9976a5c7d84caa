"""Evaluate the expectations of raw tables with Great Expectations, without its files, its network and its docs.

Belongs here: the order of the work for one table, and the translation of the library's results. The library is
imported when the first table is evaluated: 3 to 8 CPU seconds that only this step should pay.
"""

# ruff: noqa: S608 - names come from the contract
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb

from companies.reporting import Quality
from ingestion.contract import TABLES
from ingestion.contract_fields import RawTable
from ingestion.expectations import batches, history
from ingestion.expectations.contract_suite import contract_suite
from ingestion.expectations.history_suite import expected
from ingestion.expectations.outcomes import Outcome, Suite, TableReport, number

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.data_context import EphemeralDataContext

MOST_SAMPLES = 5
LONGEST_TEXT = 60
LONGEST_MESSAGE = 200


def evaluate(
    con: duckdb.DuckDBPyConnection, until: date, quality: Quality, tables: Iterable[str] = tuple(TABLES)
) -> Iterator[TableReport]:
    """One report per table, in the order of the contract.

    Args:
        con: connection to the warehouse; nothing is written but temporary tables.
        until: the last day the source covers.
        quality: limits of staleness, from the company's settings.
    """
    library = Library()
    con.execute("set TimeZone = 'UTC'")
    wanted = set(tables)
    for table in TABLES.values():
        if table.name in wanted:
            yield _report(con, table, until, quality, library)


def covered_until(con: duckdb.DuckDBPyConnection, data_until: date | None) -> date:
    """The last day the source covers: the one its settings name, or the day of the newest landing."""
    if data_until is not None:
        return data_until
    newest = con.execute("select coalesce(max(loaded_at), now()) from control.loads").fetchall()[0][0]
    return date(newest.year, newest.month, newest.day)


def _report(
    con: duckdb.DuckDBPyConnection, table: RawTable, until: date, quality: Quality, library: "Library"
) -> TableReport:
    rows = int(con.execute(f"select count(*) from raw.{table.name}").fetchall()[0][0])
    if rows == 0:
        month = history.newest_complete_month(until)
        return TableReport(table.name, rows, 0, month, (), ("The table is empty; there is nothing to judge.",))
    usual = history.read(con, table, until)
    landed = batches.landed(con, table)
    outcomes = list(library.outcomes("contract", table, contract_suite(table), landed))
    hopes = expected(table, usual, until, quality)
    for expectations, batch in (
        (hopes.delivery, batches.delivery(usual)),
        (hopes.month, batches.newest_month(con, usual)),
    ):
        if expectations:
            outcomes += library.outcomes("history", table, library.suite(table, expectations), batch)
    return TableReport(table.name, rows, len(landed), usual.month, tuple(outcomes), hopes.notes)


class Library:
    """Great Expectations with everything in memory, silent, and told not to report its own use."""

    def __init__(self) -> None:
        import great_expectations as gx
        from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

        settings = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            analytics_enabled=False,
            progress_bars={"globally": False},
        )
        self.context: EphemeralDataContext = gx.get_context(mode="ephemeral", project_config=settings)
        source = self.context.data_sources.add_pandas("warehouse")
        self.batch = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("all")

    def suite(self, table: RawTable, expectations: Any) -> "ExpectationSuite":  # noqa: ANN401 - the library's union
        """The expectations that follow from history, as a suite."""
        import great_expectations as gx

        return gx.ExpectationSuite(name=f"{table.name} history", expectations=list(expectations))

    def outcomes(
        self, suite: Suite, table: RawTable, expectations: "ExpectationSuite", batch: "pd.DataFrame"
    ) -> Iterator[Outcome]:
        """Evaluate a suite on a data frame."""
        wanted: dict[str, object] = {"result_format": "SUMMARY"}
        if suite == "contract":
            wanted["unexpected_index_column_names"] = [table.key]
        result = self.batch.get_batch({"dataframe": batch}).validate(expectations, result_format=wanted)
        for each in result.results:
            yield _outcome(suite, table, each)


def _outcome(suite: Suite, table: RawTable, result: "ExpectationValidationResult") -> Outcome:
    config = result.expectation_config
    if config is None:
        msg = f"{table.name}: a result without its expectation"
        raise ValueError(msg)
    meta, found = config.meta or {}, result.result
    broken = _exceptions(result.exception_info or {})
    observed = str(meta.get("observed") or _observed(config.type, found))
    return Outcome(
        suite=suite,
        subject=str(meta.get("subject") or config.kwargs.get("column") or table.name),
        expectation=config.type,
        severity=config.severity.value,
        statement=str(config.description),
        passed=bool(result.success),
        observed=f"not evaluated: {broken[0]}" if broken else observed,
        unexpected=int(found.get("unexpected_count") or 0),
        samples=tuple(dict.fromkeys(_samples(table, found)))[:MOST_SAMPLES],
    )


def _samples(table: RawTable, found: Mapping[str, Any]) -> Iterator[str]:
    """Values that do not fit; of a row that was changed by hand with its key, by which a person finds it."""
    values = found.get("partial_unexpected_list", [])
    rows = found.get("partial_unexpected_index_list") or values
    for value, row in zip(values, rows, strict=False):
        is_known = isinstance(row, dict) and not isinstance(value, dict) and table.key in row
        yield f"{_text(row[table.key])}: {_text(value)}" if is_known else _text(value)


def _exceptions(found: Mapping[str, Any]) -> list[str]:
    """Messages of what went wrong in the library; it tells of one exception, or of one per metric."""
    each = [found] if "raised_exception" in found else list(found.values())
    return [str(info["exception_message"])[:LONGEST_MESSAGE] for info in each if info.get("raised_exception")]


def _observed(kind: str, found: Mapping[str, Any]) -> str:
    """What was found, in few words."""
    if "unexpected_count" in found:
        unexpected, rows = found["unexpected_count"], found["element_count"]
        return f"{unexpected:,} of {rows:,} rows do not fit" if unexpected else f"all {rows:,} rows fit"
    value = found.get("observed_value")
    if isinstance(value, dict) and "values" in value:
        return " / ".join(_text(each) for each in value["values"])
    if isinstance(value, list):
        return f"{len(value)} columns"
    return f"{value:.1%}" if isinstance(value, float) and "proportion" in kind else _text(value)


def _text(value: object) -> str:
    if value is None or value != value:  # a number or a day that is none does not equal itself
        return "missing"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(_text(each) for each in value.values())[:LONGEST_TEXT]
    return str(value)[:LONGEST_TEXT]
