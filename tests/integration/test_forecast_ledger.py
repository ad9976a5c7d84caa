import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest

from orchestration.metrics.metric_layer import MetricLayer
from orchestration.transformations.dbt_command import run_dbt
from tests import factories, miniature
from tests.dbt_builds import build_once, reader

pytestmark = pytest.mark.slow  # a dbt build

LEDGER = """
    create schema predictions;
    create schema models;
    create table models.trainings as select * from (values
        ('revenue', '1', date '2024-12-31'), ('revenue', '2', date '2025-03-31'), ('churn', '2', date '2020-01-31')
    ) t(model, champion_version, last_as_of);
    create table predictions.revenue as select * from (values
        (date '2024-12-31', date '2025-01-01', 'combined', '1', timestamp '2025-01-02', 600.0),
        (date '2024-12-31', date '2025-01-01', 'combined', '1', timestamp '2025-01-09', 999.0),
        (date '2024-12-31', date '2025-01-01', 'top_down', '1', timestamp '2025-01-01', 111.0),
        (date '2024-12-31', date '2025-02-01', 'combined', '2', timestamp '2025-04-02', 222.0),
        (date '2025-03-31', date '2025-04-01', 'top_down', '2', timestamp '2025-04-02', 700.0),
        (date '2025-03-31', date '2026-01-01', 'combined', '2', timestamp '2025-04-02', 700.0)
    ) t(origin, month, view, model_version, made_at, value)
    cross join (
        select 'all' as region, 'all' as segment, 500.0 as lower_80, 650.0 as upper_80,
            0.0 as lower_95, 900.0 as upper_95
    )
"""


@pytest.fixture(scope="module")
def warehouse(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature company whose ledger holds forecasts of two versions of the model."""
    company = factories.company(**miniature.SETTINGS)
    built = build_once(shared_folder, "contractual", miniature.CONTRACTUAL, company)
    folder = tmp_path_factory.mktemp("ledger")
    shutil.copy(built, folder / "warehouse.duckdb")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as con:
        con.execute(LEDGER)
    run_dbt(
        "build",
        "--select",
        "int_revenue_forecasts",
        "fct_forecast_accuracy",
        "--exclude",
        "test_type:unit",
        warehouse=folder / "warehouse.duckdb",
        target=folder / "target",
    )
    return folder / "warehouse.duckdb"


def test_first_statement_of_a_model_without_foresight_counts(warehouse: Path) -> None:
    """A later word, another view, and a model that had learned from later months do not restate a forecast."""
    rows = reader(warehouse)(
        "select origin, month_start, forecast_view, forecast_amount, horizon_months from marts.fct_forecast_accuracy"
        " order by 1, 2"
    )
    assert rows == [
        (date(2024, 12, 31), date(2025, 1, 1), "combined", 600.0, 1),
        (date(2025, 3, 31), date(2025, 4, 1), "top_down", 700.0, 1),
    ]


def test_forecast_stands_beside_what_came(warehouse: Path) -> None:
    """The error is against the company's closing MRR, the naive forecast is the same month a year before."""
    rows = reader(warehouse)(
        "select round(actual_amount - mrr, 2), round(error_amount - (forecast_amount - mrr), 2),"
        " naive_amount = mrr_before, is_within_95"
        " from marts.fct_forecast_accuracy"
        " inner join (select month_start, sum(mrr) as mrr from marts.fct_monthly_revenue group by 1)"
        " using (month_start)"
        " inner join (select month_start + interval 12 month as month_start, sum(mrr) as mrr_before"
        " from marts.fct_monthly_revenue group by 1) using (month_start)"
    )
    assert rows == [(0.0, 0.0, True, True)] * 2


def test_accuracy_of_the_forecasts(warehouse: Path) -> None:
    """January's 600 against 652.11 (300 a year before), April's 700 against 652.11 (541.61 a year before)."""
    layer = MetricLayer()
    figures = {}
    with duckdb.connect(str(warehouse), read_only=True) as con:
        for definition in layer.definitions:
            if definition.name.startswith("forecast_"):
                values = layer.values(con, definition)
                company = values[values["dimension"] == "all"].set_index("month_start")["value"]
                figures[definition.name] = list(company)
    assert figures == {
        "forecast_wape": pytest.approx([52.11 / 652.11, 47.89 / 652.11]),
        "forecast_bias": pytest.approx([-52.11 / 652.11, 47.89 / 652.11]),
        "forecast_mase": pytest.approx([52.11 / (652.11 - 300), 47.89 / (652.11 - 541.61)]),
        "forecast_coverage_80": [0, 0],
        "forecast_coverage_95": [1, 1],
    }


def test_company_without_a_ledger_has_no_accuracy(miniature_contractual: object) -> None:
    """Before the first forecast the mart is there and empty."""
    assert callable(miniature_contractual)
    assert miniature_contractual("select count(*) from marts.fct_forecast_accuracy") == [(0,)]
