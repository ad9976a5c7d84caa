"""Twelve months of a shop's orders: 60 a month, two a day, amounts 1 to 60; one thing goes wrong in the last month."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from companies.reporting import Quality
from ingestion.contract import TABLES
from ingestion.expectations import evaluation, history
from ingestion.expectations.history import Range, added, newest_complete_month
from ingestion.expectations.history_suite import quantile_limits, volume_limits
from ingestion.expectations.outcomes import TableReport
from tests import factories

UNTIL = date(2024, 12, 31)
TRANSACTIONS = TABLES["transactions"]
ORDERS = """
    insert into raw.transactions (transaction_id, account_id, amount, currency, kind, occurred_at, paid_at, source,
        known_at, loaded_at, row_hash, source_file, source_row)
    select 'o' || m || '-' || n, 'a' || n, n, 'EUR', 'order', happened_at, null, 'shop', happened_at, '2025-01-01',
        m || '-' || n, 'orders.csv', m * 100 + n
    from (
        select m, n, timestamp '2024-01-01' + to_months(m) + to_days(cast((n - 1) // 2.2 as integer)) as happened_at
        from range({months}) as months (m), range(1, 61) as rows (n)
    )
"""
LAST_MONTH = "occurred_at >= '2024-12-01'"


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path = factories.raw_warehouse(tmp_path / "warehouse.duckdb")
    with duckdb.connect(str(path)) as made:
        made.execute(ORDERS.format(months=12))
        yield made


def judge(con: duckdb.DuckDBPyConnection, until: date = UNTIL) -> TableReport:
    (report,) = evaluation.evaluate(con, until, Quality(), ["transactions"])
    return report


def unmet(report: TableReport) -> list[tuple[str, str, str]]:
    return [(outcome.severity, outcome.subject, outcome.expectation) for outcome in report.failed()]


def test_sound_months_meet_everything(con: duckdb.DuckDBPyConnection) -> None:
    """A month like those before fails nothing, and everything that is watched was compared."""
    report = judge(con)
    assert unmet(report) == []
    assert report.notes == ()
    assert {outcome.subject for outcome in report.of("history")} == {"rows", "occurred_at", "amount", "currency"}


def test_the_usual_is_read_from_the_months_before(con: duckdb.DuckDBPyConnection) -> None:
    """The first month is left out, the newest is not part of its own history, the statistics are those of the rows."""
    usual = history.read(con, TRANSACTIONS, UNTIL)
    assert (usual.month, usual.months, usual.rows_in_month) == (date(2024, 12, 1), 10, 60)
    assert usual.volumes == (60,) * 6
    # Of 1 .. 60: a tenth of the way from 1 to 60 is 6.9.
    assert usual.quantiles["amount"] == (Range(6.9, 6.9), Range(30.5, 30.5), Range(54.1, 54.1))
    assert usual.missing["currency"] == Range(0, 0)
    assert usual.words["currency"] == ("EUR",)


def test_a_month_with_a_tenth_of_its_rows_is_a_warning(con: duckdb.DuckDBPyConnection) -> None:
    """Volume that drops to a tenth is told as rows found and rows expected, and stops nothing."""
    con.execute(f"delete from raw.transactions where {LAST_MONTH} and amount % 10 > 0")
    report = judge(con)
    assert unmet(report) == [("warning", "rows", "expect_column_values_to_be_between")]
    assert report.failed()[0].observed == "6 rows"
    assert "20 to 180 rows" in report.failed()[0].statement
    assert report.notes == ("Values are not compared: 2024-12 has 6 rows.",)


def test_amounts_a_hundred_times_too_large_are_a_warning(con: duckdb.DuckDBPyConnection) -> None:
    """Cents read as euros: the distribution of the newest month is told with what was usual."""
    con.execute(f"update raw.transactions set amount = amount * 100 where {LAST_MONTH}")
    report = judge(con)
    assert unmet(report) == [("warning", "amount", "expect_column_quantile_values_to_be_between")]
    assert "median 15.25 to 45.75 (was 30.5 to 30.5)" in report.failed()[0].statement


def test_a_silent_source_is_a_warning(con: duckdb.DuckDBPyConnection) -> None:
    """No order for three weeks where one came every day: the last day and the day it was due by."""
    con.execute("delete from raw.transactions where occurred_at >= '2024-12-10'")
    report = judge(con)
    assert ("warning", "occurred_at", "expect_column_values_to_be_between") in unmet(report)
    (silent,) = [outcome for outcome in report.failed() if outcome.subject == "occurred_at"]
    assert silent.observed == "2024-12-09"
    # Gaps are one day, so a week without rows is the shortest silence that counts.
    assert "2024-12-24 or later" in silent.statement


def test_a_column_that_is_suddenly_empty_is_a_warning(con: duckdb.DuckDBPyConnection) -> None:
    """A third of the currencies gone missing is told; columns that fill as a row ages are left out."""
    con.execute(f"update raw.transactions set currency = null where {LAST_MONTH} and amount <= 20")
    con.execute("update raw.transactions set paid_at = occurred_at where occurred_at < '2024-12-01'")
    report = judge(con)
    assert unmet(report) == [("warning", "currency", "expect_column_proportion_of_non_null_values_to_be_between")]
    assert report.failed()[0].observed == "66.7%"


def test_a_new_word_is_told(con: duckdb.DuckDBPyConnection) -> None:
    """A value that no earlier month had is information, with its rows and itself."""
    con.execute(f"update raw.transactions set currency = 'USD' where {LAST_MONTH} and amount = 7")
    report = judge(con)
    assert unmet(report) == [("info", "currency", "expect_column_values_to_be_in_set")]
    assert (report.failed()[0].unexpected, report.failed()[0].samples) == (1, ("USD",))


def test_a_row_changed_by_hand_is_critical_wherever_it_is(con: duckdb.DuckDBPyConnection) -> None:
    """A malformed value in the oldest of more rows than are looked at one by one is found all the same."""
    con.execute("alter table raw.transactions alter amount drop not null")
    con.execute("""
        insert into raw.transactions
        select t.* replace (n || transaction_id as transaction_id, n || row_hash as row_hash, loaded_at + to_days(n)
            as loaded_at) from raw.transactions as t, range(1, 20) as copies (n)
    """)
    con.execute("update raw.transactions set amount = null where transaction_id = 'o0-1'")
    report = judge(con)
    assert report.rows > report.rows_read
    assert ("critical", "amount", "expect_column_values_to_not_be_null") in unmet(report)


@pytest.mark.parametrize("months", [1, 5])
def test_a_young_table_says_so(con: duckdb.DuckDBPyConnection, months: int) -> None:
    """With fewer than six complete months before the newest one nothing is compared, and a note says why."""
    con.execute("delete from raw.transactions")
    con.execute(ORDERS.format(months=months))
    report = judge(con, until=added(date(2024, 1, 1), months).replace(day=1))
    assert unmet(report) == []
    assert [note.split(":")[0] for note in report.notes] == ["Volume is not compared", "Values are not compared"]
    assert all("not enough history" in note for note in report.notes)


def test_an_empty_table_has_nothing_to_judge(con: duckdb.DuckDBPyConnection) -> None:
    """A table that the source does not have fails nothing."""
    (report,) = evaluation.evaluate(con, UNTIL, Quality(), ["deals"])
    assert (report.rows, report.outcomes) == (0, ())
    assert report.notes == ("The table is empty; there is nothing to judge.",)


def test_rows_without_an_event_time_are_judged_by_the_contract_only(con: duckdb.DuckDBPyConnection) -> None:
    """A table whose rows are all undated has no months, and says so instead of failing."""
    con.execute("""
        insert into raw.lead_stage_events (event_id, lead_id, stage, source, known_at, loaded_at, row_hash, source_file,
            source_row)
        select 'e' || n, 'l', 'mql', 'crm', '2024-01-01', '2024-01-01', n, 'f', n from range(50) as rows (n)
    """)
    (report,) = evaluation.evaluate(con, UNTIL, Quality(), ["lead_stage_events"])
    assert unmet(report) == []
    assert report.rows_read == 50
    assert len(report.notes) == 3


def test_only_the_newest_version_of_a_row_counts(con: duckdb.DuckDBPyConnection) -> None:
    """A second version of every order of the newest month does not double its volume."""
    con.execute(f"""
        insert into raw.transactions
        select * replace (known_at + to_days(1) as known_at, row_hash || 'y' as row_hash, amount + 1 as amount)
        from raw.transactions where {LAST_MONTH}
    """)
    usual = history.read(con, TRANSACTIONS, UNTIL)
    assert usual.rows_in_month == 60
    assert unmet(judge(con)) == []


@pytest.mark.parametrize(
    ("until", "month"),
    [
        (date(2024, 12, 31), date(2024, 12, 1)),
        (date(2024, 12, 30), date(2024, 11, 1)),
        (date(2024, 1, 15), date(2023, 12, 1)),
        (date(2024, 2, 29), date(2024, 2, 1)),
    ],
)
def test_a_month_is_complete_on_its_last_day(until: date, month: date) -> None:
    """The month that `until` ends is complete; the one it only reaches is not."""
    assert newest_complete_month(until) == month


def test_limits_follow_from_what_was_usual() -> None:
    """Volume by a factor of three; a quantile by its range, half its size, a step for counts; never newly below 0."""
    assert volume_limits((60, 90, 70)) == (20, 270)
    ranges = (Range(0, 0), Range(10, 14), Range(100, 110))
    assert quantile_limits(ranges, 1, whole=False) == (3, 21)
    assert quantile_limits(ranges, 0, whole=False) == (0, 5.5)
    assert quantile_limits((Range(0, 0),) * 3, 2, whole=True) == (0, 1)
    assert quantile_limits((Range(-4, -2), Range(0, 0), Range(5, 5)), 0, whole=False) == (-6, 0)


def test_nothing_is_written_to_the_warehouse(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A connection that may only read is enough."""
    con.close()
    with duckdb.connect(str(tmp_path / "warehouse.duckdb"), read_only=True) as reader:
        assert unmet(judge(reader)) == []


def test_a_source_without_a_last_day_is_covered_until_its_landing(con: duckdb.DuckDBPyConnection) -> None:
    """A company that keeps delivering is judged as of its newest landing."""
    con.execute("insert into control.loads values ('l', 'deals', 'f', 1, 0, 1, 0, 0, 0, '2024-05-06 07:08:09')")
    assert evaluation.covered_until(con, None) == date(2024, 5, 6)
    assert evaluation.covered_until(con, UNTIL) == UNTIL


def test_an_older_version_at_fault_is_no_second_newest_one(con: duckdb.DuckDBPyConnection) -> None:
    """A broken version that has been superseded is found, and found once: its key still has one newest version."""
    con.execute("""
        insert into raw.transactions
        select * replace (known_at + to_days(1) as known_at, row_hash || 'y' as row_hash)
        from raw.transactions where transaction_id = 'o3-7'
    """)
    con.execute("""
        update raw.transactions set kind = 'gift'
        where transaction_id = 'o3-7' and not ends_with(row_hash, 'y')
    """)
    assert unmet(judge(con)) == [("critical", "kind", "expect_column_values_to_be_in_set")]


def test_two_newest_versions_of_a_key_are_critical(con: duckdb.DuckDBPyConnection) -> None:
    """A row copied by hand leaves it open which one counts."""
    con.execute("insert into raw.transactions from raw.transactions where transaction_id = 'o3-7'")
    assert unmet(judge(con)) == [("critical", "transaction_id", "expect_compound_columns_to_be_unique")]
