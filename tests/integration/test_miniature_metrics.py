"""Every metric of the miniature companies, by hand, as the metrics layer computes it from its one definition."""

import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from companies.settings import Company
from orchestration.metrics import metric_values
from orchestration.metrics.metric_layer import MetricLayer
from tests import factories, miniature
from tests.dbt_builds import build_once

pytestmark = pytest.mark.slow  # two dbt builds

Values = Callable[..., dict[str, float]]
# s5 is USD 110 a month since March 2024; the reference rate before that month is 1.0826 USD for a euro.
S5 = 101.61
MRR = {
    "2024-01": 100 + 200,
    "2024-02": 300 + 80 + 60,
    "2024-03": 440 + S5,
    "2024-04": 440 + S5,  # a6 is on trial
    "2024-05": 440 + S5 + 90,  # a7's first contract ended on the 31st
    "2024-06": 440 + S5 + 90 + 40,
    "2024-07": 570 + S5 + 50.50,
    "2024-08": 570 + S5 + 50.50 - 80,
    "2024-12": 490 + S5 + 50.50 - 60,
    "2025-01": 430 + S5 + 50.50 - 50 + 120,
    "2025-06": 500 + S5 + 50.50 - 40,
}


def values(shared: Path, folder: Path, name: str, rows: miniature.Rows, company: Company) -> Values:
    """Compute the metrics on a copy of the company's warehouse; the answer is a metric's value by month."""
    warehouse = folder / "warehouse.duckdb"
    shutil.copy(build_once(shared, name, rows, company), warehouse)
    with duckdb.connect(str(warehouse)) as con:
        metric_values.write(con, MetricLayer())
    return lambda metric, value="all", dimension=None: by_month(warehouse, metric, value, dimension)


@pytest.fixture(scope="module")
def contractual(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Values:
    company = factories.company(**miniature.SETTINGS)
    folder = tmp_path_factory.mktemp("metrics")
    return values(shared_folder, folder, "contractual", miniature.CONTRACTUAL, company)


@pytest.fixture(scope="module")
def transactional(shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Values:
    company = factories.company(business_model="transactional", **miniature.SETTINGS)
    folder = tmp_path_factory.mktemp("metrics")
    return values(shared_folder, folder, "transactional", miniature.TRANSACTIONAL, company)


def by_month(warehouse: Path, metric: str, value: str, dimension: str | None) -> dict[str, float]:
    """Month to the metric's value, of the company or of one value of a dimension."""
    with duckdb.connect(str(warehouse), read_only=True) as con:
        rows = con.execute(
            "select strftime(month_start, '%Y-%m'), value from metrics.metric_values where metric = ? "
            "and dimension_value = ? and dimension = coalesce(?, dimension) order by 1",
            [metric, value, dimension],
        ).fetchall()
    assert len(dict(rows)) == len(rows), "two values for one month"
    return dict(rows)


def nonzero(values: dict[str, float]) -> dict[str, float]:
    return {month: value for month, value in values.items() if value}


def some(values: dict[str, float], months: object) -> dict[str, float]:
    return {month: values[month] for month in months}  # type: ignore[attr-defined]


def test_recurring_revenue(contractual: Values) -> None:
    """MRR and ARR of every month in which something changed, in euros, trials left out."""
    assert some(contractual("mrr"), MRR) == pytest.approx(MRR)
    assert contractual("arr")["2025-06"] == pytest.approx(12 * MRR["2025-06"])
    assert contractual("mrr", "north")["2025-06"] == pytest.approx(100 + 50.50 + S5)


def test_revenue_movements(contractual: Values) -> None:
    """Each kind of movement stands in its month."""
    assert nonzero(contractual("revenue_movement", "new")) == pytest.approx(
        {"2024-01": 300, "2024-02": 140, "2024-03": S5, "2024-05": 90, "2024-06": 40}
    )
    assert nonzero(contractual("revenue_movement", "expansion")) == {"2024-07": 50.5}
    assert nonzero(contractual("revenue_movement", "contraction")) == {"2025-01": -50}
    assert nonzero(contractual("revenue_movement", "churn")) == {"2024-08": -80, "2024-12": -60, "2025-06": -40}
    assert nonzero(contractual("revenue_movement", "reactivation")) == {"2025-01": 120}


def test_retention_of_the_cohort_of_twelve_months_earlier(contractual: Values) -> None:
    """Of the seven customers of June 2024 two are gone, one pays less, two pay more."""
    then = 100 + 200 + 80 + 60 + S5 + 90 + 40
    assert contractual("grr")["2025-06"] == pytest.approx((100 + 150 + 80 + S5 + 90) / then)
    assert contractual("nrr")["2025-06"] == pytest.approx((150.5 + 150 + 120 + S5 + 90) / then)
    assert contractual("logo_churn_rate")["2025-06"] == pytest.approx(2 / 7)
    # The contracts are s1, s1-more, s2-next, s3-back, s5 and s6-next.
    assert contractual("acv")["2025-06"] == pytest.approx(12 * MRR["2025-06"] / 6)


def test_customers_and_their_churn(contractual: Values) -> None:
    """Only ends whose grace is over count: a3 in August, a4 in December, a7's gap and end do not."""
    assert nonzero(contractual("churned_customers")) == {"2024-08": 1, "2024-12": 1}
    assert nonzero(contractual("churn_rate")) == pytest.approx({"2024-08": 1 / 7, "2024-12": 1 / 6})
    active = contractual("active_customers")
    assert some(active, ["2024-01", "2024-05", "2024-08", "2024-12", "2025-01", "2025-06"]) == {
        "2024-01": 2,
        "2024-05": 7,
        "2024-08": 6,
        "2024-12": 5,
        "2025-01": 6,
        "2025-06": 6,
    }


def test_funnel(contractual: Values) -> None:
    """Of January's five leads four became MQL within a month and four customers within 90 days."""
    assert contractual("conversion_rate", "lead/mql/30_days")["2024-01"] == 4 / 5
    assert contractual("conversion_rate", "lead/customer/90_days")["2024-01"] == 4 / 5
    # l1, l2, l3 and l4 took 8, 12, 17 and 12 days.
    assert contractual("stage_velocity_median", "lead/customer")["2024-01"] == 12
    assert contractual("stage_velocity_p90", "lead/customer")["2024-01"] == pytest.approx(12 + 0.7 * 5)


def test_cost_and_worth_of_a_customer(contractual: Values) -> None:
    """January's 1,500 won two customers; a month with spend and no customer has no cost of one."""
    cac = contractual("cac")
    assert cac == pytest.approx({"2024-01": 750, "2024-02": 250, "2024-03": 400, "2024-05": 150})
    assert contractual("spend")["2024-07"] == 50
    assert contractual("new_customers")["2024-05"] == 2
    arpa = MRR["2024-05"] / 7  # a7 is a customer although its first contract has just ended
    assert contractual("arpa")["2024-05"] == pytest.approx(arpa)
    assert contractual("payback_months")["2024-05"] == pytest.approx(150 / (arpa * 0.8))


def test_worth_of_a_customer(contractual: Values) -> None:
    """Two customers left in 2024, of 61 that were there when a month began; none had left while any was bought."""
    churn = 2 / (0 + 2 + 4 + 5 + 5 + 7 + 7 + 7 + 6 + 6 + 6 + 6)
    assert contractual("trailing_churn_rate")["2024-12"] == pytest.approx(churn)
    assert contractual("ltv")["2024-12"] == pytest.approx(MRR["2024-12"] / 5 * 0.8 / churn)
    assert contractual("ltv_cac_ratio") == {}


def test_cost_by_channel(contractual: Values) -> None:
    """a1 was touched by ads, an event and an e-mail of its ads lead: ads won it whole, or four fifths of it."""
    assert contractual("first_touch_cac", "ads")["2024-01"] == 900
    assert contractual("last_touch_cac", "event")["2024-01"] == 600
    assert contractual("position_cac", "ads")["2024-01"] == pytest.approx(900 / 0.8)
    assert contractual("position_cac", "event")["2024-01"] == pytest.approx(600 / (0.2 + 1))  # a2 was all its own


def test_pipeline(contractual: Values) -> None:
    """In the last twelve months d10 and d11 were won and d8 lost; d9 and d12 are open."""
    assert contractual("open_deals")["2025-06"] == 2
    assert contractual("open_pipeline_amount")["2025-06"] == 2500
    assert contractual("weighted_pipeline_amount")["2025-06"] == 2000 * 0.5 + 500 * 0.2
    assert contractual("trailing_win_rate")["2025-06"] == pytest.approx(2 / 3)
    assert contractual("mean_won_amount")["2025-06"] == pytest.approx((606 + 1440) / 2)
    cycle = (30 + 76 + 41) / 3
    assert contractual("mean_cycle_days")["2025-06"] == pytest.approx(cycle)
    assert contractual("pipeline_velocity")["2025-06"] == pytest.approx(2 * 2 / 3 * 1023 / cycle)
    assert contractual("win_rate", "all/all") == {
        "2024-01": 1,
        "2024-02": 1,
        "2024-03": 1,
        "2024-05": 1,
        "2024-07": 1,
        "2024-11": 0,
        "2025-01": 1,
    }
    assert nonzero(contractual("won_deals")) == {
        "2024-01": 2,
        "2024-02": 2,
        "2024-03": 1,
        "2024-05": 2,
        "2024-07": 1,
        "2025-01": 1,
    }


def test_amount_of_won_deals(contractual: Values) -> None:
    """d5's USD 1,320 at the rate of February, in which it was opened: 1.0837 USD for a euro."""
    assert nonzero(contractual("won_deals_amount")) == pytest.approx(
        {
            "2024-01": 1200 + 2400,
            "2024-02": 960 + 720,
            "2024-03": 1218.05,
            "2024-05": 1080 + 480,
            "2024-07": 606,
            "2025-01": 1440,
        }
    )


def test_promises_of_the_pipeline(contractual: Values) -> None:
    """In December d11 stood at 1,440 with a chance of 0.2; of the eight deals qualified before, seven had been won."""
    assert contractual("source_forecast_ratio", "90_days")["2024-12"] == pytest.approx(1440 / (1440 * 0.2))
    assert contractual("pipeline_forecast_ratio", "90_days")["2024-12"] == pytest.approx(1440 / (1440 * 7 / 8))
    assert nonzero(contractual("overdue_deals")) == {}  # every date was moved before it had passed
    assert contractual("pipeline_coverage") == {}  # no targets


def test_service_and_sentiment(contractual: Values) -> None:
    """Tickets, their delays and NPS by the month in which things happened."""
    assert nonzero(contractual("opened_tickets")) == {"2024-11": 2, "2025-05": 1, "2025-06": 2}
    assert contractual("first_response_hours") == {"2024-11": (12 + 48) / 2, "2025-05": 24, "2025-06": 2}
    assert contractual("resolution_hours") == {"2024-11": 120, "2025-05": 96, "2025-06": 24}
    assert nonzero(contractual("escalation_rate")) == {"2024-11": 1 / 2, "2025-05": 1}
    assert contractual("nps") == {"2024-06": 50, "2024-11": -100, "2025-06": 0}
    assert contractual("csat") == {}
    # test_miniature_health has the five scores.
    assert contractual("health_score")["2025-06"] == pytest.approx((77.69 + 43.73 + 41.41 + 41.41 + 59) / 5)


def test_usage_and_renewals(contractual: Values) -> None:
    """June's last 28 days hold 92 actions after 30 before; of the periods due two were not renewed."""
    assert contractual("usage_trend")["2025-06"] == pytest.approx(92 / 30)
    assert contractual("usage_events")["2025-06"] == 30 + 30 + 20 + 5 + 7
    assert contractual("renewal_rate") == {"2024-05": 1, "2024-08": 0, "2024-12": 0, "2025-01": 1, "2025-05": 1}


def test_shop(transactional: Values) -> None:
    """A shop has sales, customers and churn; it has neither recurring revenue nor deals."""
    assert nonzero(transactional("mrr")) == {}
    assert transactional("open_deals") == {}
    # b4's order of USD 55 at 1.0837 USD for a euro.
    assert transactional("revenue")["2024-02"] == pytest.approx(100 + 50.75)
    assert transactional("revenue")["2024-03"] == pytest.approx(30.50 - 10 + 15)
    assert nonzero(transactional("revenue_movement", "returned")) == {"2024-08": 40, "2025-06": 60}
    # b2 lapses on 2024-04-19, b4 on 05-15, b1 on 05-30, b5 on 09-27, b1 again on 10-30, b3 on 11-03.
    assert nonzero(transactional("churned_customers")) == {
        "2024-04": 1,
        "2024-05": 2,
        "2024-09": 1,
        "2024-10": 1,
        "2024-11": 1,
    }
    assert transactional("active_customers")["2025-06"] == 2
