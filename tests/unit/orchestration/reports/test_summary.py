import io
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration.launching import Timing
from orchestration.reports import summary, summary_tables

TABLES = """
create table loads as select 'accounts' as table_name, 10 as rows_read, 7 as rows_inserted, 0 as rows_updated,
    1 as rows_unchanged, 2 as rows_quarantined, timestamp '2025-01-01' as loaded_at;
create table fct_data_quality_findings as select 'orphan_lead' as rule, 'error' as severity, 4 as rows_count,
    case when range = 3 then timestamp '2025-01-01' end as resolved_at from range(4);
create table fct_lead_funnel as select date '2024-05-01' as cohort_month, 'lead' as from_stage, 'mql' as to_stage,
    200 as entered_count, 50 as reached_count, 0.25 as conversion_rate, 90 as window_days, true as is_mature;
create table fct_mrr_movements as select date '2024-12-01' as month_start, 100.0 as opening_mrr, 20.0 as new_mrr,
    5.0 as expansion_mrr, -1.0 as contraction_mrr, -4.0 as churn_mrr, 0.0 as reactivation_mrr, 120.0 as closing_mrr;
create table trainings as select 'churn' as model, 'r' as run_id, 'validated' as status, ['kept [lightgbm]'] as reasons,
    'lightgbm' as kept_method, '3' as champion_version, 'validated' as champion_status,
    timestamp '2025-01-01' as trained_at;
create table metrics as select 'r' as run_id, 'churn' as model, 'lightgbm' as method, 'auc' as metric, 0.8 as value,
    0.75 as lower, 0.85 as upper, 400 as rows, 0.1 as base_rate, date '2024-08-31' as first_as_of,
    date '2024-09-30' as last_as_of, false as is_baseline;
create table churn_predictions as select '[a]1' as account_id, 0.61 as value, 0.5 as lower, 0.7 as upper,
    'High' as risk_level, null::double as revenue_at_risk, '[{"text": "Usage fell to 40%"}]' as reasons,
    'validated' as status, date '2024-12-31' as as_of;
create table revenue_predictions as select date '2025-01-01' as month, 130.0 as value, 110.0 as lower_80,
    150.0 as upper_80, 'top_down' as view, date '2024-12-31' as origin, 'fallback' as status, 'all' as region,
    'all' as segment;
"""


def printed(section: summary_tables.Section, connection: duckdb.DuckDBPyConnection) -> str:
    console = Console(width=160, record=True, file=io.StringIO())
    section(console, connection)
    return console.export_text()


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    opened = duckdb.connect()
    for statement in TABLES.split(";"):
        if statement.strip():
            opened.execute(statement)
    return opened


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (summary_tables.landing, ("accounts", "10", "7", "2")),
        (summary_tables.findings, ("orphan_lead", "error", "3", "12")),
        (summary_tables.funnel, ("2024-05", "lead → mql", "25.0% of 200")),
        (summary_tables.revenue, ("2024-12", "100", "-4", "120")),
        (summary_tables.models, ("churn: validated", "kept [lightgbm]", "base rate 10.0%", "0.800 [0.750, 0.850]")),
        (summary_tables.risks, ("[a]1", "61.0% [50.0%, 70.0%]", "High", "–", "Usage fell to 40%")),
        (summary_tables.forecast, ("best simple method", "made from 2024-12-31", "2025-01", "130", "110", "150")),
    ],
)
def test_each_section_shows_its_figures(
    connection: duckdb.DuckDBPyConnection, section: summary_tables.Section, words: tuple[str, ...]
) -> None:
    """Every section prints what the published tables hold; brackets in data are text, not markup."""
    text = printed(section, connection)
    connection.close()
    assert all(word in text for word in words), text


def test_a_company_without_rows_prints_no_empty_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Sections without a row leave no heading behind."""
    for (table,) in connection.execute("select table_name from information_schema.tables").fetchall():
        connection.execute(f'delete from "{table}"')
    connection.execute(
        "create table fct_monthly_revenue (month_start date, revenue_amount double, "
        "customers_count bigint, is_complete boolean)"
    )
    texts = [printed(section, connection) for section in summary_tables.SECTIONS]
    connection.close()
    assert texts == [""] * len(texts)


def test_steps_are_gathered_into_layers() -> None:
    """Seconds of the same layer add up, in the order of the run; an unknown step keeps its name."""
    steps = [Timing("definitions", 1), Timing("dbt_features", 4), Timing("models__churn", 2), Timing("models__clv", 3)]
    assert summary.layer_seconds([*steps, Timing("other", 1)]) == {
        "definitions": 1,
        "features (dbt)": 4,
        "models": 5,
        "other": 1,
    }


def test_the_first_run_has_no_snapshot_yet(tmp_path: Path) -> None:
    """Without a published version the summary says so instead of failing."""
    from orchestration.resources import Deployment

    console = Console(record=True, file=io.StringIO())
    deployment = Deployment(company_name="sample", state_folder=str(tmp_path), data_folder=str(tmp_path))
    summary.print_summary(console, deployment, [], 1.0)
    assert "Nothing is published yet" in console.export_text()
