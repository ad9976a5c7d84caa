from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import bundles
from ml.evaluation import TrainingOutcome
from ml.models import revenue, revenue_arrivals, revenue_bottom_up, revenue_panel
from ml.models.revenue_drivers import PARTS, Levers
from ml.models.revenue_forecast import RevenueForecast
from ml.models.revenue_scenario import NoDriversError, comparison, scenario_rows

Outcome = TrainingOutcome[RevenueForecast, RevenueForecast]


def monthly(months: int = 40, seed: int = 3) -> pd.DataFrame:
    """Two regions × two segments with trend, season and noise; a running month that is not complete."""
    rng = np.random.default_rng(seed)
    starts = pd.date_range("2021-01-01", periods=months + 1, freq="MS")
    rows = []
    for region, level in (("north", 900.0), ("south", 400.0)):
        for segment, part in (("retail", 0.7), ("software", 0.3)):
            for number, start in enumerate(starts):
                size = level * part * (1 + 0.01 * number + 0.15 * np.sin(number * np.pi / 6))
                amount = float(size * rng.normal(1, 0.03)) if number < months else 1.0
                rows.append((start.date(), region, segment, round(amount, 2), number < months))
    return pd.DataFrame(rows, columns=["month_start", "region", "segment", "target_amount", "is_complete"])


def subscriptions(months: int = 40, accounts: int = 300) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Spells, movements and monthly MRR of subscribers who churn 3 % a month."""
    rng = np.random.default_rng(8)
    firsts = pd.date_range("2021-01-01", periods=months, freq="MS")
    spells, moves = [], []
    for number in range(accounts):
        begin, mrr = int(rng.integers(0, months - 1)), float(rng.lognormal(4, 0.5))
        end = begin + int(rng.geometric(0.03))
        spells.append((f"a{number}", firsts[begin].date(), firsts[end].date() if end < months else None))
        for month in range(begin, min(end, months)):
            is_new = month == begin
            moves.append((f"a{number}", firsts[month].date(), 0.0 if is_new else mrr, mrr if is_new else 0.0, mrr))
    movements = pd.DataFrame(moves, columns=["account_id", "month_start", "opening_mrr", "new_mrr", "closing_mrr"])
    movements = movements.assign(expansion_mrr=0.0, contraction_mrr=0.0, reactivation_mrr=0.0)
    total = movements.groupby("month_start", as_index=False)["closing_mrr"].sum()
    table = total.rename(columns={"closing_mrr": "target_amount"})
    return (
        pd.DataFrame(spells, columns=["account_id", "started_on", "ended_on"]),
        movements,
        table.assign(region="all regions", segment="unknown", is_complete=True),
    )


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """A training on forty months without customer facts."""
    return revenue.run_training(monthly(), None, 12)


def test_regions_and_segments_add_up_to_the_total(outcome: Outcome) -> None:
    """For every month and view: cells = regions = segments = total."""
    rows = outcome.candidate.rows
    keys = ["view", "month"]
    is_all = {name: rows[name] == "all" for name in ("region", "segment")}
    total = rows[is_all["region"] & is_all["segment"]].groupby(keys)["value"].sum()
    for part in (
        is_all["region"] & ~is_all["segment"],
        ~is_all["region"] & is_all["segment"],
        ~is_all["region"] & ~is_all["segment"],
    ):
        assert rows[part].groupby(keys)["value"].sum().to_numpy() == pytest.approx(total.to_numpy())


def test_only_complete_months_are_used(outcome: Outcome) -> None:
    """The forecast starts with the running month, whose partial amount nobody reads."""
    assert outcome.candidate.origin == date(2024, 4, 30)
    assert outcome.candidate.rows["month"].min() == pd.Timestamp("2024-05-01")
    assert outcome.candidate.rows["value"].min() > 10


def test_report_compares_with_the_naive_forecasts(outcome: Outcome) -> None:
    """WAPE, MASE and bias of every baseline on the same rows; coverage and MSIS of the model."""
    table = outcome.report.metric_table()
    methods = {"top_down", "combined", "seasonal_naive", "last_value", "drift", "seasonal_trend"}
    assert methods == set(table["method"])
    assert {"wape", "mase", "bias", "coverage_80", "coverage_95", "msis_80", "msis_95"} == set(table["metric"])
    value = table.set_index(["method", "metric"])["value"]
    assert value["top_down", "mase"] < value["seasonal_naive", "mase"]


def test_long_history_lets_the_model_pass() -> None:
    """Seven years of trend and season are enough to be better than every simple method beyond noise."""
    outcome = revenue.run_training(monthly(84), None, 12)
    assert (outcome.status, outcome.reasons) == ("validated", ())


def test_seasonal_factors_are_found(outcome: Outcome) -> None:
    """April, the top of the simulated sine, lies above the mean and October below; twelve months and four quarters."""
    found = outcome.candidate.seasonality
    by_month = found[found["period"] == "month"].set_index("number")["factor"]
    assert len(found) == 16
    assert by_month[4] > 1.1
    assert by_month[10] < 0.9


def test_saved_forecast_is_read_back_bit_for_bit(outcome: Outcome, tmp_path: Path) -> None:
    """Rows survive the bundle unchanged, and one month can be asked for."""
    bundles.write(outcome.candidate, tmp_path)
    loaded = bundles.read(tmp_path)
    everything = loaded.predict(pd.DataFrame())
    pd.testing.assert_frame_equal(everything, outcome.candidate.rows, check_exact=True, check_dtype=False)
    one = loaded.predict(pd.DataFrame({"month": [pd.Timestamp("2024-06-15")]}))
    assert set(one["month"]) == {pd.Timestamp("2024-06-01")}


def test_a_forecast_read_back_is_written_as_the_same_bytes(outcome: Outcome, tmp_path: Path) -> None:
    """Candidate and fallback alike: save, load, save gives equal files."""
    for name in ("candidate", "fallback"):
        first, second = tmp_path / f"{name}_1", tmp_path / f"{name}_2"
        first.mkdir()
        second.mkdir()
        getattr(outcome, name).save(first)
        RevenueForecast.load(first).save(second)
        assert (first / "revenue.json").read_bytes() == (second / "revenue.json").read_bytes()


def test_training_is_deterministic(outcome: Outcome) -> None:
    """The same months give the same rows."""
    again = revenue.run_training(monthly(), None, 12)
    pd.testing.assert_frame_equal(again.candidate.rows, outcome.candidate.rows, check_exact=True)


@pytest.mark.parametrize("months", [0, 2, 3, 14])
def test_short_history_gives_a_naive_forecast_and_says_what_is_missing(months: int) -> None:
    """Below fifteen months: `insufficient_data`, and from three months on a naive forecast with wide intervals."""
    outcome = revenue.run_training(monthly(months), None, 6)
    assert (outcome.status, outcome.candidate) == ("insufficient_data", None)
    assert f"about {15 - months} more complete months" in outcome.reasons[0]
    assert len(outcome.fallback.predict(pd.DataFrame())) == (6 * 9 if months >= 3 else 0)


@pytest.fixture(scope="module")
def subscribed() -> Outcome:
    """A training with contracts, in two regions."""
    _, movements, table = subscriptions()
    halves = [table.assign(region=name, target_amount=table["target_amount"] / 2) for name in ("north", "south")]
    return revenue.run_training(pd.concat(halves), revenue_bottom_up.Subscriptions(movements), 6)


def test_both_views_are_shown_and_combined(subscribed: Outcome) -> None:
    """With customer facts there are three views; the combination lies between the two, and bottom-up is close."""
    total = subscribed.candidate.rows.query("region == 'all' and segment == 'all'")
    views = total.pivot_table(index="month", columns="view", values="value")
    assert (views["combined"] <= views[["bottom_up", "top_down"]].max(axis=1) + 1e-6).all()
    assert (views["combined"] >= views[["bottom_up", "top_down"]].min(axis=1) - 1e-6).all()
    value = subscribed.report.metric_table().set_index(["method", "metric"])["value"]
    assert value["bottom_up", "wape"] < value["seasonal_naive", "wape"]
    assert set(subscribed.fallback.rows["view"]) == {"top_down", "bottom_up"}


def test_backtest_and_parts_are_kept_as_tables(subscribed: Outcome) -> None:
    """Every method's forecast of every origin and month; the parts of the view from below add up to it."""
    backtest, parts = subscribed.report.tables["backtest"], subscribed.report.tables["parts"]
    assert backtest.groupby("method").size().nunique() == 1
    assert backtest["origin"].nunique() == 12
    assert (pd.to_datetime(backtest["month"]) > pd.to_datetime(backtest["origin"])).all()
    rows = subscribed.candidate.rows.query("view == 'bottom_up' and region == 'all' and segment == 'all'")
    assert parts[list(PARTS)].sum(axis=1).to_numpy() == pytest.approx(rows["value"].to_numpy())


def test_scenario_adds_up_by_region_and_by_part(subscribed: Outcome) -> None:
    """No change gives the served rows exactly; with levers regions add up, and parts explain the difference."""
    forecast = subscribed.candidate
    pd.testing.assert_frame_equal(scenario_rows(forecast, Levers()), forecast.served(), check_exact=True)
    levers = Levers(churn=0.1, leads=0.2)
    rows, told = scenario_rows(forecast, levers), comparison(forecast, levers)
    total = rows.query("region == 'all' and segment == 'all'")["value"].to_numpy()
    regions = rows.query("region != 'all' and segment == 'all'").groupby("month")["value"].sum().to_numpy()
    assert regions == pytest.approx(total, abs=1e-6)
    assert told["scenario"].to_numpy() == pytest.approx(total)
    assert told[list(PARTS)].sum(axis=1).to_numpy() == pytest.approx(told["difference"].to_numpy(), abs=1e-6)


def test_forecast_without_customers_has_no_scenario(outcome: Outcome) -> None:
    """There is nothing to change in a single series, and the error says so."""
    with pytest.raises(NoDriversError, match="no view from below"):
        scenario_rows(outcome.candidate, Levers(churn=0.1))


def growing(months: int = 30) -> pd.DataFrame:
    """A noisy line in one region and segment."""
    starts = pd.date_range("2021-01-01", periods=months, freq="MS")
    line = 100 + 40 * np.arange(months) + np.random.default_rng(6).normal(0, 8, months)
    return pd.DataFrame(
        {
            "month_start": starts.date, "region": "north", "segment": "a",
            "target_amount": line, "is_complete": True,
        }
    )  # fmt: skip


def test_fallback_of_a_growing_company_grows() -> None:
    """The served fallback is the best simple method: it starts near the last month and rises, with 0 as its floor."""
    table = growing()
    outcome = revenue.run_training(table, None, 12)
    rows = outcome.fallback.rows.query("region == 'all' and segment == 'all'")
    last = float(table["target_amount"].iloc[-1])
    assert rows["value"].iloc[0] == pytest.approx(last, rel=0.1)
    assert rows["value"].iloc[-1] > 1.2 * last
    assert max(outcome.fallback.weights.values()) == 1.0


def test_failed_gates_name_the_forecast_that_is_served() -> None:
    """A random walk cannot be beaten: the reasons name the best simple method, which is the fallback's."""
    walk = growing().assign(target_amount=500 + np.random.default_rng(1).normal(0, 10, 30).cumsum())
    outcome = revenue.run_training(walk, None, 6)
    assert outcome.status == "failed_gates"
    served = max(outcome.fallback.weights, key=lambda name: outcome.fallback.weights[name])
    assert f"served instead: {served.replace('_', ' ')}" in outcome.reasons[-1]


def test_named_and_served_are_the_same_where_older_origins_disagree() -> None:
    """Which method did best long ago does not decide what is served: the newest twelve origins do, and are named."""
    months = np.arange(48.0)
    values = np.where(months < 36, 500 + 20 * months, 1220 + 60 * np.sin(months * np.pi / 6))
    starts = pd.date_range("2020-01-01", periods=48, freq="MS")
    table = pd.DataFrame(
        {"month_start": starts, "region": "all", "segment": "all", "target_amount": values, "is_complete": True}
    )
    outcome = revenue.run_training(table, None, 6)
    served = max(outcome.fallback.weights, key=lambda name: outcome.fallback.weights[name])
    gate = next(one for one in outcome.report.gates if one.name == "beats_best_baseline")
    assert served.replace("_", " ") in gate.reason


def test_parts_are_never_negative_and_still_add_up() -> None:
    """A falling panel with a dying cell: no value or bound below 0, and the cells meet the total."""
    starts = pd.date_range("2021-01-01", periods=30, freq="MS").date
    rng = np.random.default_rng(4)
    cells = {"a": np.linspace(300, 200, 30), "b": np.maximum(np.linspace(100, -40, 30), 0)}
    table = pd.concat(
        pd.DataFrame(
            {"month_start": starts, "region": "r", "segment": name, "target_amount": v * rng.normal(1, 0.05, 30)}
        )
        for name, v in cells.items()
    ).assign(is_complete=True)
    rows = revenue.run_training(table, None, 12).candidate.rows.query("view == 'combined'")
    assert rows[["value", "lower_80", "lower_95"]].min().min() >= 0
    total = rows.query("segment == 'all' and region == 'all'")["value"].to_numpy()
    parts = rows.query("segment != 'all' and region != 'all'").groupby("month")["value"].sum().to_numpy()
    assert parts == pytest.approx(total)


def test_new_business_follows_its_recent_course() -> None:
    """An early wave that ended brings nothing, a steady rate stays, growth goes on; below half a year the mean."""
    wave = np.r_[np.full(3, 900.0), np.zeros(15)]
    assert revenue_arrivals.coming_new(wave, 6).max() < 60
    assert revenue_arrivals.coming_new(np.full(18, 40.0), 6) == pytest.approx(np.full(6, 40.0))
    assert revenue_arrivals.coming_new(10.0 + 5 * np.arange(18), 6)[-1] > 100
    assert revenue_arrivals.coming_new(np.array([2.0, 4.0]), 3) == pytest.approx(np.full(3, 3.0))


def test_bottom_up_sales_follow_customers() -> None:
    """Twice the customers bring twice the sales."""
    rng = np.random.default_rng(2)
    rows = []
    for number in range(400):
        day = float(rng.uniform(0, 500))
        while day < 730:
            on = (pd.Timestamp("2022-01-01") + pd.Timedelta(days=int(day))).date()
            rows.append((number, on, float(rng.gamma(4, 10))))
            day += float(rng.exponential(1 / rng.gamma(1.0, 0.02))) + 1
    purchases = pd.DataFrame(rows, columns=["account_id", "purchased_on", "amount"])
    purchases = purchases.groupby(["account_id", "purchased_on"], as_index=False)["amount"].sum()
    twice = pd.concat([purchases, purchases.assign(account_id=purchases["account_id"] + 1000)])
    once, double = (
        revenue_bottom_up.Purchases(table).drivers(date(2023, 12, 31), 6).total() for table in (purchases, twice)
    )
    assert double == pytest.approx(2 * once, rel=0.01)
    assert (once > 0).all()


def test_panel_fills_cells_without_revenue_with_zero() -> None:
    """A cell that sold nothing in a month had no revenue; leading months before any revenue are left out."""
    rows = pd.DataFrame(
        {
            "month_start": [date(2024, 1, 1), date(2024, 2, 1), date(2024, 4, 1)],
            "region": ["north", "north", None],
            "segment": ["a", "a", "b"],
            "target_amount": [0.0, 5.0, 7.0],
            "is_complete": True,
        }
    )
    panel = revenue_panel.complete(rows)
    assert panel.shape == (3, 2)
    assert panel.sum().to_dict() == {("north", "a"): 5.0, ("unknown", "b"): 7.0}
