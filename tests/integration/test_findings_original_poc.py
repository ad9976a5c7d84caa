"""Findings of the original proof of concept, each number computed once more from the export itself."""

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
COMPANY = load("original_poc")
DATES = ("Lead_Creation_Date", "MQL_Date", "SQL_Date", "Conversion_Date", "Churn_Date")
FLAGGED = {"MQL": "MQL_Date", "SQL": "SQL_Date", "Customer": "Conversion_Date", "Churn": "Churn_Date"}


@pytest.fixture(scope="module")
def export(data_dir: Path) -> pd.DataFrame:
    """The export with its dates read."""
    path = data_dir / "original_poc" / "customers.csv"
    if not path.is_file():
        pytest.skip(f"the export is not at hand: {path} does not exist")
    rows = pd.read_csv(path)
    return rows.assign(**{name: pd.to_datetime(rows[name], format="%m/%d/%Y") for name in DATES})


@pytest.fixture(scope="module")
def query(export: pd.DataFrame, data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Query:
    """The marts of findings and the profiles of leads after one landing."""
    assert len(export)
    folder = tmp_path_factory.mktemp("original_poc")
    warehouse = folder / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as con:
        land(con, COMPANY, data_dir, NOW)
    run_dbt("build", *FINDINGS, warehouse=warehouse, target=folder / "target")
    run_dbt("run", "--select", "+feat_lead_profile", warehouse=warehouse, target=folder / "target")
    return reader(warehouse)


def test_every_rule_has_the_count_of_the_export(query: Query, export: pd.DataFrame) -> None:
    """Findings and rows of each rule are those that the export's own columns give; no other rule finds anything."""
    until = pd.Timestamp(COMPANY.data_until)
    limits = COMPANY.thresholds
    is_mql, is_sql, is_customer, is_expanded, has_churned = (
        export[f"{name}_Flag"] for name in ("MQL", "SQL", "Customer", "Expansion", "Churn")
    )
    is_beyond_sql = is_customer | is_expanded
    is_low = export["Lead_Score"] <= limits.mql_max_score
    is_only_sql = is_sql & ~is_beyond_sql & ~has_churned
    is_only_mql = is_mql & ~is_sql & ~is_beyond_sql & ~has_churned
    late_mql = export["MQL_Date"] + pd.Timedelta(days=limits.stale_mql_days) < until
    late_sql = export["SQL_Date"] + pd.Timedelta(days=limits.stale_sql_days) < until
    late_stages = stages_out_of_order(export)
    denied = sum(int((~export[f"{name}_Flag"] & export[day].notna()).sum()) for name, day in FLAGGED.items())
    undated = sum(int((export[f"{name}_Flag"] & export[day].isna()).sum()) for name, day in FLAGGED.items())
    counted = {
        "consent_missing": (1, len(export)),
        "customer_without_conversion_date": both(is_expanded & ~is_customer),
        "score_without_mql": both(is_low & ~is_mql & ~is_sql & ~is_beyond_sql),
        "sql_below_score": both(is_low & (is_sql | is_beyond_sql)),
        "stage_date_without_flag": (denied, denied),
        # Expansion is a flag that no column dates.
        "stage_without_date": (undated + int(is_expanded.sum()), undated + int(is_expanded.sum())),
        "stages_out_of_order": (int((late_stages > 0).sum()), int(late_stages.sum())),
        "stale_mql": both(is_only_mql & late_mql),
        "stale_source": (1, 1),
        "stale_sql": both(is_only_sql & late_sql),
        "subscription_ends_before_start": both(
            is_customer & has_churned & (export["Churn_Date"] < export["Conversion_Date"])
        ),
    }
    assert found(query) == counted


def test_rules_without_findings_have_nothing_to_find(export: pd.DataFrame) -> None:
    """Scores end below the limit of an SQL, addresses and keys are unique, money is positive and within the factor."""
    assert export["Lead_Score"].max() < COMPANY.thresholds.sql_min_score
    assert export["email"].str.lower().is_unique
    assert export["Lead_ID"].is_unique
    won = export.loc[export["Customer_Flag"], "ACV_USD"]
    assert won.min() >= 0
    assert won.max() <= COMPANY.quality.implausible_money_factor * won.median()


def test_leads_fell_silent_after_the_last_one(query: Query, export: pd.DataFrame) -> None:
    """The one silent table is that of the leads, since the newest creation date; the usual gap is two days."""
    days = export["Lead_Creation_Date"].drop_duplicates().sort_values()
    gap = days.diff().dt.days.quantile(0.95)
    silence = (pd.Timestamp(COMPANY.data_until) - days.max()).days
    assert silence > max(COMPANY.quality.stale_source_min_days, COMPANY.quality.stale_source_factor * gap)
    rows = query("select table_name, happened_on from marts.fct_data_quality_findings where rule = 'stale_source'")
    assert rows == [("leads", days.max().date())]


def test_every_lead_has_its_score_and_no_model_sees_it(query: Query, export: pd.DataFrame) -> None:
    """The score of the export's day is there for the findings of every lead, and for no feature at any month end."""
    scores = query("select lead_id, max(source_score) from raw.lead_stage_events group by 1")
    assert dict(scores) == dict(zip(export["Lead_ID"].astype(str), export["Lead_Score"], strict=True))
    assert query("select count(source_score), count(*) > 0 from features.feat_lead_profile") == [(0, True)]


def both(rows: pd.Series) -> tuple[int, int]:
    """A finding per row."""
    return int(rows.sum()), int(rows.sum())


def stages_out_of_order(export: pd.DataFrame) -> pd.Series:
    """Stages of each lead that are dated before one of those before them; the won deal is opened as it is won."""
    days = pd.DataFrame(
        {
            "lead": export["Lead_Creation_Date"],
            "mql": export["MQL_Date"].where(export["MQL_Flag"]),
            "sql": export["SQL_Date"].where(export["SQL_Flag"]),
            "opportunity": export["Conversion_Date"].where(export["Customer_Flag"]),
            "customer": export["Conversion_Date"].where(export["Customer_Flag"]),
        }
    )
    before = days.cummax(axis=1).ffill(axis=1).shift(axis=1)
    return (days < before).sum(axis=1)


def found(query: Query) -> dict[str, tuple[int, int]]:
    """Findings and their rows by rule."""
    rows = query("select rule, count(*), sum(rows_count) from marts.fct_data_quality_findings where is_open group by 1")
    return {rule: (count, affected) for rule, count, affected in rows}
