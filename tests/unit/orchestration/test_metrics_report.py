from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration import metrics_report, snapshot
from orchestration.snapshot import Face
from tests import small_companies

METRICS = """
    create table metric_definitions as select * from (values
        ('churn_rate', 'Churn rate', 'Share of customers lost.', 'lost / all', 'month', ['account__region'], 'ratio',
            'customer-success', 'Newest months [may] fall.', 1),
        ('conversion_rate', 'Conversion', 'Share converted.', 'a / b', 'cohort', [], 'ratio', 'marketing-operations',
            'None.', 2)
    ) t(metric, label, description, formula, grain, dimensions, unit, owner, caveat, version);
    create table metric_values as select * from (values
        ('churn_rate', date '2023-11-01', 'all', 0.02::double, true),
        ('churn_rate', date '2024-11-01', 'all', 0.01, true),
        ('churn_rate', date '2024-12-01', 'all', 0.5, false), ('churn_rate', date '2024-12-01', 'region', 0.7, true),
        ('conversion_rate', date '2024-12-01', 'from_stage', 0.7, true)
    ) t(metric, month_start, dimension, value, is_complete)
"""


def test_newest_complete_month_stands_beside_the_year_before() -> None:
    """Neither an unfinished month nor a value by dimension is the newest; texts with brackets are shown as they are."""
    console = Console(record=True, width=150)
    with duckdb.connect() as con:
        con.execute(METRICS)
        metrics_report.print_metrics(console, con)
    said = console.export_text()
    assert "churn_rate  Churn rate  2024-11: 1.0%, a year before 2.0%" in said
    assert "month; dimensions: region" in said
    assert "Newest months [may] fall." in said
    assert "conversion_rate  Conversion  (no value for the company as a whole)" in said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (1234.5, "money", "1,234.50"),
        (0.0123, "ratio", "1.2%"),
        (3, "count", "3"),
        (-12.34, "points", "-12.3"),
        (4.26, "days", "4.3 days"),
        (None, "money", "–"),
    ],
)
def test_value_is_written_in_its_unit(value: float | None, unit: str, said: str) -> None:
    """Money, shares, counts, points and times read as people write them; what is missing is a dash."""
    assert metrics_report.as_text(value, unit) == said


def test_version_without_metrics_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing published, and a version published before there were metrics: both name the command that mends it."""
    made = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(1, 1))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "small")
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", made.state_folder)
    monkeypatch.setenv("LIFECYCLE_COMPANIES_DIR", made.companies_folder)
    assert metrics_report.main() == 1
    assert "make run" in capsys.readouterr().out
    with duckdb.connect() as con:
        con.execute("create schema marts; create table marts.dim_accounts as select 'a' as account_id")
        faces = [Face("marts", "dim_accounts", keys=("account_id",))]
        snapshot.publish(con, made.published, faces, version="v1", at="2025-02-01T00:00:00", as_of="2025-01-31")
    assert metrics_report.main() == 1
    assert "published without metrics" in capsys.readouterr().out
