import dagster as dg

from orchestration.transformations import dbt_tests
from orchestration.transformations.dbt_results import DbtResults, TestResult
from orchestration.transformations.dbt_tests import Test

KEY = dg.AssetKey(["marts", "fct_deals"])
UNIQUE, SMALL, NEVER_RUN = Test("t.1", "unique", "error"), Test("t.2", "small", "warn"), Test("t.3", "other", "error")


def result(unique: str, small: str) -> dg.AssetCheckResult:
    found = DbtResults(tests={"t.1": TestResult("t.1", unique, 4), "t.2": TestResult("t.2", small, 2)})
    found.messages["t.1"] = "no such column"
    return dbt_tests.result(KEY, [UNIQUE, SMALL, NEVER_RUN], found, {"t.2": [{"deal_id": "d1"}]})


def test_all_tests_of_a_table_are_one_check() -> None:
    """It holds when all hold, and lists each test that was run with severity, result and failed rows."""
    made = result("pass", "pass")
    assert (made.passed, made.description) == (True, None)
    records = made.metadata["tests"].value.records  # type: ignore[union-attr]
    assert [record.data["test"] for record in records] == ["unique", "small"]


def test_one_denied_test_makes_it_an_error_and_a_warning_alone_does_not() -> None:
    """The severest result counts; one sentence per denied test and the mend are told, its rows are in the metadata."""
    warned, stopped = result("pass", "warn"), result("fail", "warn")
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert warned.description == "small: 2 row(s) deny it."
    assert warned.metadata["small"].value.records == [dg.TableRecord({"deal_id": "d1"})]  # type: ignore[union-attr]
    assert (stopped.passed, stopped.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert stopped.description == f"unique: 4 row(s) deny it. small: 2 row(s) deny it. {dbt_tests.MEND}"


def test_a_test_that_could_not_be_run_says_why() -> None:
    """No rows deny it; the message is dbt's."""
    assert result("error", "pass").description == f"unique could not be run: no such column {dbt_tests.MEND}"


def test_a_failure_names_the_first_tables_and_counts_the_others() -> None:
    """A run with many broken tables ends with a message that can be read."""
    told = dbt_tests.told({dg.AssetKey(["marts", f"t{number}"]): "denied." for number in range(5)})
    assert told.startswith("5 table(s) do not hold")
    assert "marts/t2: denied." in told
    assert "marts/t3" not in told
    assert told.endswith("And 2 more.")
