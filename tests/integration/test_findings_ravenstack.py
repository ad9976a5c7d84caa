"""Findings of RavenStack held against the faults that its files are known to have."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from companies.settings import load
from ingestion.landing import land
from orchestration.transformations.dbt_command import run_dbt
from tests.dbt_builds import FINDINGS, Query, reader

pytestmark = pytest.mark.slow  # a landing and a dbt build

NOW = datetime(2026, 1, 15, tzinfo=UTC)
FILES = ("accounts.csv", "subscriptions.csv", "feature_usage.csv.gz", "support_tickets.csv", "churn_events.csv")


@pytest.fixture(scope="module")
def files(data_dir: Path) -> dict[str, pd.DataFrame]:
    """The source's files as they are."""
    paths = {name.split(".")[0]: data_dir / "ravenstack" / f"ravenstack_{name}" for name in FILES}
    if not all(path.is_file() for path in paths.values()):
        pytest.skip(f"the RavenStack files are not in {data_dir / 'ravenstack'}")
    return {name: pd.read_csv(path) for name, path in paths.items()}


@pytest.fixture(scope="module")
def query(files: dict[str, pd.DataFrame], data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Query:
    """The marts of findings after one landing."""
    assert files
    folder = tmp_path_factory.mktemp("ravenstack")
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as con:
        land(con, load("ravenstack"), data_dir, NOW)
    run_dbt("build", *FINDINGS, warehouse=warehouse, target=folder / "target")
    return reader(warehouse)


@pytest.fixture(scope="module")
def usage(files: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Usage rows beside their subscription, with whether they lie outside it and whether their id occurred before."""
    dates = files["subscriptions"][["subscription_id", "start_date", "end_date"]]
    rows = files["feature_usage"].merge(dates, on="subscription_id", how="left", validate="many_to_one")
    return rows.assign(
        is_early=rows["usage_date"] < rows["start_date"],
        is_late=rows["usage_date"] > rows["end_date"],
        is_repeated=rows.duplicated("usage_id"),
    )


def counts(query: Query, rule: str) -> tuple[int, int]:
    """Open findings of a rule and the rows in them."""
    return query(
        "select count(*), coalesce(sum(rows_count), 0) from marts.fct_data_quality_findings"
        f" where is_open and rule = '{rule}'"
    )[0]


def keys(query: Query, rule: str) -> set[str]:
    return {key for (key,) in query(f"select row_key from marts.fct_data_quality_findings where rule = '{rule}'")}


def test_repeated_usage_ids_are_quarantined(query: Query, usage: pd.DataFrame) -> None:
    """The 21 later rows with an id that another row has are refused, each one finding."""
    assert usage["is_repeated"].sum() == 21
    assert counts(query, "quarantined_row") == (21, 21)


@pytest.mark.parametrize(
    ("rule", "fault", "in_file", "refused"),
    [
        ("usage_before_subscription", "is_early", 19_142, 14),
        ("usage_after_subscription_end", "is_late", 290, 1),
    ],
)
def test_usage_outside_its_subscription_reconciles(
    query: Query, usage: pd.DataFrame, rule: str, fault: str, in_file: int, refused: int
) -> None:
    """Rows of the findings and faulty rows among the quarantined ones add up to the faulty rows of the file."""
    faulty = usage[usage[fault]]
    assert (len(faulty), faulty["is_repeated"].sum()) == (in_file, refused)
    kept = faulty[~faulty["is_repeated"]]
    assert counts(query, rule) == (kept["subscription_id"].nunique(), in_file - refused)
    assert keys(query, rule) == set(kept["subscription_id"])


def test_quarantined_usage_is_told_with_its_fault(query: Query) -> None:
    """The refused rows themselves hold the days that make the counts reconcile: 14 early ones and one late one."""
    rows = query("""
        select count(*), count(*) filter (where used_on < started_on), count(*) filter (where used_on > ended_on)
        from (
            select cast(json_extract_string(q."row", '$.used_on') as date) as used_on, s.started_on, s.ended_on
            from quarantine.product_usage as q
            join raw.subscriptions as s
                on s.subscription_id = json_extract_string(q."row", '$.subscription_id')
            where q.mended_at is null
        )
    """)
    assert rows == [(21, 14, 1)]


def test_tickets_before_signup_are_all_found(query: Query, files: dict[str, pd.DataFrame]) -> None:
    """Each of the 1,077 tickets dated before its account signed up is a finding under its own key."""
    signups = files["accounts"][["account_id", "signup_date"]]
    tickets = files["support_tickets"].merge(signups, on="account_id", how="left", validate="many_to_one")
    early = tickets[tickets["submitted_at"] < tickets["signup_date"]]
    assert len(early) == 1_077
    assert counts(query, "ticket_before_signup") == (1_077, 1_077)
    assert keys(query, "ticket_before_signup") == set(early["ticket_id"])


def test_churn_flags_are_held_against_churn_events(query: Query, files: dict[str, pd.DataFrame]) -> None:
    """277 accounts have churn events and no flag, 35 have the flag and no event."""
    accounts = files["accounts"]
    has_event = accounts["account_id"].isin(files["churn_events"]["account_id"])
    unflagged = set(accounts.loc[has_event & ~accounts["churn_flag"], "account_id"])
    without_event = set(accounts.loc[~has_event & accounts["churn_flag"], "account_id"])
    assert (len(unflagged), len(without_event)) == (277, 35)
    assert keys(query, "churned_without_flag") == unflagged
    assert keys(query, "churn_flag_without_event") == without_event


def test_usage_score_follows_from_the_faults(query: Query) -> None:
    """25,000 rows; 21 refused count whole, 19,128 early and 289 late ones half: 9,729.5 rows, score 61.082."""
    rows = query(
        "select rows_count, error_rows_count, warning_rows_count, weighted_rows_count, round(score, 6)"
        " from marts.fct_data_quality_scores where table_name = 'product_usage'"
    )
    assert rows == [(25_000, 21, 19_417, 9_729.5, 61.082)]
