from pathlib import Path
from typing import Any

import duckdb
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.transformations import dbt_results
from orchestration.transformations.dbt_results import DbtResults, TestResult


def event(name: str, unique_id: str, message: str = "", **data: object) -> DbtCoreCliEventMessage:
    raw: dict[str, Any] = {
        "data": {"node_info": {"unique_id": unique_id}} | data,
        "info": {"name": name, "msg": message},
    }
    return DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={})


def read(*events: DbtCoreCliEventMessage) -> DbtResults:
    return dbt_results.read(events, lambda _: [])


def denied(*more: DbtCoreCliEventMessage) -> DbtResults:
    test = event("LogTestResult", "test.p.unique", status="fail", num_failures=3)
    return read(test, event("RunResultError", "test.p.unique", "Got 3 results"), *more)


def test_a_denied_test_has_its_rows_and_dbts_words() -> None:
    """Status, number of rows and message come from dbt's events, under the test's unique id."""
    found = denied()
    assert found.tests == {"test.p.unique": TestResult("test.p.unique", "fail", 3)}
    assert found.messages == {"test.p.unique": "Got 3 results"}


def test_denied_tests_are_not_a_failure_of_dbt() -> None:
    """A denied test is an answer; a table that was not built, or a test that could not be run, is none."""
    assert denied().only_tests_failed
    assert not denied(event("RunResultError", "model.p.deals", "no such column")).only_tests_failed
    broken = event("LogTestResult", "test.p.broken", status="error", num_failures=0)
    assert not denied(broken, event("RunResultError", "test.p.broken", "no such column")).only_tests_failed
    assert not read().only_tests_failed


def test_a_warning_does_not_stop() -> None:
    """Of the four results of a test, two stop what reads the table."""
    stops = {status: TestResult("t", status, None).stops for status in ("pass", "warn", "fail", "error")}
    assert stops == {"pass": False, "warn": False, "fail": True, "error": True}


def test_rows_that_deny_a_test_come_from_its_compiled_query(tmp_path: Path) -> None:
    """A generic test lies in a folder named after its YAML file, a singular one does not; days and NaN are text."""
    generic = {"package_name": "p", "original_file_path": "models/_deals.yml", "path": "unique_deal.sql"}
    singular = {"package_name": "p", "original_file_path": "tests/assert_x.sql", "path": "assert_x.sql"}
    for place in ("models/_deals.yml/unique_deal.sql", "tests/assert_x.sql"):
        path = tmp_path / "compiled" / "p" / place
        path.parent.mkdir(parents=True)
        path.write_text("select range as deal_id, date '2024-05-14' as day, 'nan'::double as rate from range(9)\n--")
    with duckdb.connect(":memory:") as connection:
        for node in (generic, singular):
            shown = dbt_results.denying_rows(connection, tmp_path, node)
            assert shown[0] == {"deal_id": 0, "day": "2024-05-14", "rate": "nan"}
            assert len(shown) == dbt_results.ROWS_SHOWN
