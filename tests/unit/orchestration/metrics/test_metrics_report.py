import io
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from rich.console import Console

from orchestration import snapshot
from orchestration.metrics import metrics_report
from orchestration.metrics.metrics_report import as_text, print_metrics
from orchestration.snapshot import Face
from tests import small_companies


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Two metrics: one of the company with a year of history, one that exists by dimension only."""
    with duckdb.connect() as con:
        con.execute(
            "create table metric_definitions as select * from (values "
            "('churn_rate', 'Churn rate', 'Lost.', 'a / b', 'month', ['x__region'], 'ratio', 'finance', 'No.', 2), "
            "('win_rate', 'Win rate', 'Share won.', 'c / d', 'month', ['y__name'], 'ratio', 'sales', 'By closing.', 1)"
            ") t(metric, label, description, formula, grain, dimensions, unit, owner, caveat, version)"
        )
        con.execute(
            "create table metric_values as select * from (values "
            "('churn_rate', date '2024-06-01', 'all', 'all', 0.04::double, true), "
            "('churn_rate', date '2025-06-01', 'all', 'all', 0.02::double, true), "
            "('churn_rate', date '2025-07-01', 'all', 'all', 0.99::double, false), "
            "('win_rate', date '2025-06-01', 'name', 'ann', 0.5::double, true)"
            ") t(metric, month_start, dimension, dimension_value, value, is_complete)"
        )
        yield con


def test_metric_is_shown_with_its_newest_complete_month(connection: duckdb.DuckDBPyConnection) -> None:
    """The month under way is left out, the same month a year before stands beside, and the definition follows."""
    printed = io.StringIO()
    print_metrics(Console(file=printed, width=120), connection)
    text = printed.getvalue()
    assert "churn_rate  Churn rate  2025-06: 2.0%, a year before 4.0%" in text
    assert "a / b" in text
    assert "dimensions: region" in text
    assert "finance; version 2" in text
    assert "win_rate  Win rate  (no value for the company as a whole)" in text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1234.5, "money", "1,234.50"),
        (0.125, "ratio", "12.5%"),
        (3, "count", "3"),
        (-4, "points", "-4.0"),
        (2.25, "days", "2.2 days"),
        (None, "money", "–"),
    ],
)
def test_values_are_written_in_their_unit(value: object, unit: str, text: str) -> None:
    """Money has cents, shares are percentages, points have a sign, and no value is a dash."""
    assert as_text(value, unit) == text


def test_nothing_published_is_said(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first run the command says how to start it; an unknown company is refused by name."""
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "sample")
    assert metrics_report.main() == 1
    assert "make run" in capsys.readouterr().out
    monkeypatch.setenv("LIFECYCLE_COMPANY", "nobody")
    assert metrics_report.main() == 2


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
