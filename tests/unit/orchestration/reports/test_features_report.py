import io
from collections.abc import Iterator
from datetime import date

import duckdb
import pytest
from rich.console import Console

from feature_definitions import registry
from ml.drift import Shift
from orchestration.looks.feature_figures import figures_of, view_figures
from orchestration.reports import features_report
from orchestration.reports.features_report import print_features, reading
from tests import feature_tables

VIEW = registry.view("feat_deal_pipeline")
NEWEST = date(2024, 3, 31)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Deals of a year and a month; in the newest month the amount is lost and every stage is another one."""
    with duckdb.connect() as con:
        con.execute("create schema intermediate")
        con.execute("create table intermediate.int_observation_window as select date '2024-05-15' as data_until")
        feature_tables.create(con, [VIEW])
        months = [date(2023 + (month + 2) // 12, (month + 2) % 12 + 1, 28) for month in range(12)]
        feature_tables.fill(con, VIEW, [(f"d{at}", day) for day in months for at in range(40)], seed=1)
        feature_tables.fill(con, VIEW, [(f"d{at}", NEWEST) for at in range(30)], seed=2)
        con.execute(f"update {VIEW.table} set amount = null, current_stage = 'new' where as_of = '{NEWEST}'")
        con.execute(f"update {VIEW.table} set amount = 10 where as_of < '{NEWEST}'")
        con.execute(f"update {VIEW.table} set pipeline = 'unknown'")
        yield con


def test_figures_compare_the_newest_month_with_the_year_before(connection: duckdb.DuckDBPyConnection) -> None:
    """Rows, entities, lag, missing shares and drift are those of the table; `unknown` is a missing category."""
    figures = view_figures(connection, VIEW)
    assert (figures.rows, figures.entities, figures.newest, figures.lag_days) == (510, 40, NEWEST, 45)
    assert figures.is_stale
    of_column = {one.column.name: one for one in figures.columns}
    assert (of_column["amount"].missing, of_column["amount"].missing_before) == (1.0, 0.0)
    assert (of_column["pipeline"].missing, of_column["pipeline"].missing_before) == (1.0, 1.0)
    shift, still = of_column["current_stage"].shift, of_column["has_account"].shift
    assert shift is not None
    assert still is not None
    assert "shifted" in reading(shift)
    assert reading(still) == ""


def test_large_table_is_sampled_by_entity(connection: duckdb.DuckDBPyConnection) -> None:
    """Beyond the rows wanted, whole entities are drawn, and the report says how many."""
    figures = view_figures(connection, VIEW, most_rows=200)
    assert figures.sampled == pytest.approx(1 / 3)
    assert figures.rows == 510


def test_report_names_what_a_reader_needs(connection: duckdb.DuckDBPyConnection) -> None:
    """View, owner, version, freshness and each feature's meaning are printed; a table that is not built is left out."""
    printed = io.StringIO()
    print_features(Console(file=printed, width=400), figures_of(connection, registry.VIEWS))
    text = printed.getvalue()
    assert "feat_customer_usage" not in text
    assert f"feat_deal_pipeline  deal; sales-operations; version {VIEW.version}; 510 rows, 40 entities" in text
    assert "45 days before the data end, max age 31; too old to be used" in text
    assert [column.name for column in VIEW.columns if column.description not in text] == []


def test_empty_table_has_no_figures(connection: duckdb.DuckDBPyConnection) -> None:
    """A company without deals gets dashes, not an error."""
    connection.execute(f"delete from {VIEW.table}")
    printed = io.StringIO()
    print_features(Console(file=printed, width=400), [view_figures(connection, VIEW)])
    assert "no rows" in printed.getvalue()


@pytest.mark.parametrize(
    ("index", "said"),
    [((0.3, 0.05), "shifted"), ((0.15, 0.05), "moved"), ((0.3, 0.4), ""), ((0.05, 0.01), "")],
)
def test_shift_within_its_noise_is_none(index: tuple[float, float], said: str) -> None:
    """A large index of a small sample is not called a shift."""
    shift = Shift("usage", *index, ks=0.1, ks_noise=0.1, reference_missing=0.0, current_missing=0.0)
    assert said in reading(shift)
    assert bool(reading(shift)) == bool(said)


def test_nothing_built_is_said(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first run the command says how to start it; an unknown company is refused by name."""
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(tmp_path_factory.mktemp("state")))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "sample")
    assert features_report.main() == 1
    assert "make run" in capsys.readouterr().out
    monkeypatch.setenv("LIFECYCLE_COMPANY", "nobody")
    assert features_report.main() == 2
