import numpy as np
import pandas as pd
import pytest

from ml import forecast_metrics
from ml.models import forecast_arma, forecast_combination, forecast_methods, forecast_smoothing, forecasting
from ml.models.forecast_averaging import Averaged, likelihood_weights
from ml.models.forecast_intervals import Errors, half_widths, stated_widths

MONTHS = np.arange(48)
SEASONAL = 1000 + 8 * MONTHS + 150 * np.sin(MONTHS * 2 * np.pi / 12) + np.random.default_rng(1).normal(0, 15, 48)


def test_ensemble_beats_seasonal_naive_on_a_trend_with_season() -> None:
    """On the last year of a trending seasonal series the error is less than half the naive one."""
    known, coming = SEASONAL[:36], SEASONAL[36:]
    found = forecasting.forecast_series(known, 12)
    naive = np.abs(forecast_methods.seasonal_naive(known, 12) - coming).mean()
    assert np.abs(found.mean - coming).mean() < 0.5 * naive
    assert sum(found.weights.values()) == pytest.approx(1)


ODD = {
    "three_months": np.array([3.0, 4.0, 5.0]),
    "thirteen_months": SEASONAL[:13],
    "constant": np.full(30, 7.0),
    "zero": np.zeros(30),
    "negative": SEASONAL - 1500,
    "gaps": np.where(MONTHS % 7 == 3, np.nan, SEASONAL),
    "intermittent": np.where(MONTHS % 5 == 0, 100.0, 0.0),
    "exponential": np.geomspace(1, 1e6, 20),
    "late_start": np.append(np.zeros(20), np.arange(5.0)),
    "ended": np.append(SEASONAL[:30], np.zeros(18)),
    "one_spike": np.where(MONTHS == 20, 1e12, 1.0),
    "huge": 1e200 * SEASONAL,
    "far_from_zero": 1e9 + SEASONAL,
}


@pytest.fixture(scope="module")
def odd_panel() -> pd.DataFrame:
    """All odd series, each from January 2021 on."""
    return pd.concat(
        pd.DataFrame(
            {"series_id": name, "month": pd.date_range("2021-01-01", periods=len(values), freq="MS"), "value": values}
        )
        for name, values in ODD.items()
    )


@pytest.fixture(scope="module")
def odd_rows(odd_panel: pd.DataFrame) -> pd.DataFrame:
    """Eighteen months of each."""
    return forecasting.forecast_panel(odd_panel, 18)[0]


def test_any_series_gets_finite_ordered_intervals(odd_rows: pd.DataFrame) -> None:
    """Short, flat, negative, holed, exploding, huge series: finite values, and the 95 % interval holds the 80 % one."""
    assert set(odd_rows["series_id"]) == set(ODD)
    bounds = odd_rows[["lower_95", "lower_80", "value", "upper_80", "upper_95"]].to_numpy()
    assert np.isfinite(bounds).all()
    assert (np.diff(bounds, axis=1) >= 0).all()


def test_floor_holds_for_every_series_that_never_was_negative(odd_rows: pd.DataFrame) -> None:
    """No value or bound below zero, except for the series that was there."""
    lowest = odd_rows.groupby("series_id")["lower_95"].min()
    assert (lowest.drop("negative") >= 0).all()
    assert lowest["negative"] < 0


def test_panel_equals_its_single_series(odd_rows: pd.DataFrame) -> None:
    """A series is forecast the same, to the last bit, alone and among others."""
    for name in ("gaps", "intermittent", "thirteen_months"):
        alone = forecasting.forecast_series(ODD[name], 18)
        among = odd_rows[odd_rows["series_id"] == name]
        assert np.array_equal(among["value"], alone.mean)
        assert np.array_equal(among["upper_80"], alone.mean + alone.widths[0])


def test_panel_is_the_same_in_any_order_and_by_two_processes(odd_panel: pd.DataFrame, odd_rows: pd.DataFrame) -> None:
    """Shuffled rows and two processes give the same forecasts."""
    names = ["gaps", "late_start"]
    some = odd_panel[odd_panel["series_id"].isin(names)].sample(frac=1, random_state=1)
    again, _ = forecasting.forecast_panel(some, 18, processes=2)
    pd.testing.assert_frame_equal(again, odd_rows[odd_rows["series_id"].isin(names)].reset_index(drop=True))


@pytest.mark.parametrize("name", ["gaps", "negative", "intermittent", "three_months"])
def test_forecasts_scale_with_the_series(name: str) -> None:
    """A thousand times the series gives a thousand times the forecast and its widths."""
    once, thousand = (forecasting.forecast_series(factor * ODD[name], 18) for factor in (1.0, 1000.0))
    assert thousand.mean == pytest.approx(1000 * once.mean, rel=1e-6)
    assert thousand.widths == pytest.approx(1000 * once.widths, rel=1e-6)


def test_panel_leaves_out_what_cannot_be_forecast_and_says_so() -> None:
    """An all-missing series has no rows but a sentence; the others start the month after their last value."""
    months = pd.date_range("2021-01-01", periods=48, freq="MS")
    panel = pd.concat(
        [
            pd.DataFrame({"series_id": "good", "month": months, "value": SEASONAL}),
            pd.DataFrame({"series_id": "empty", "month": months, "value": np.nan}),
        ]
    )
    rows, notes = forecasting.forecast_panel(panel, 6)
    assert set(rows["series_id"]) == {"good"}
    assert rows["month"].iloc[0] == pd.Timestamp("2025-01-01")
    assert list(rows.columns[4:]) == ["lower_80", "upper_80", "lower_95", "upper_95"]
    assert "at least 3" in notes["empty"][0]


def test_short_history_widens_the_interval_and_says_so() -> None:
    """Twelve months of the same noise give wider intervals than thirty-six, and a note."""
    noise = 100 + np.random.default_rng(4).normal(0, 5, 36)
    long, short = (forecasting.forecast_series(noise[-months:], 6) for months in (36, 12))
    assert short.widths[0].mean() > long.widths[0].mean()
    assert "only 12 months" in " ".join(short.notes)


def test_forecasts_are_deterministic() -> None:
    """The same series gives the same numbers to the last bit."""
    first, second = (forecasting.forecast_series(SEASONAL, 12) for _ in range(2))
    assert np.array_equal(first.mean, second.mean)
    assert np.array_equal(first.widths, second.widths)


def test_walk_forward_does_not_look_ahead() -> None:
    """Changing the newest value changes no combination of an origin that did not know it."""
    changed = SEASONAL.copy()
    changed[-1] += 500
    before, after = (forecasting.forecast_series(values, 6).backtest for values in (SEASONAL, changed))
    for combine in (forecast_combination.error_weights, forecast_combination.winner):
        old, new = (forecast_combination.walk_forward(backtest, combine) for backtest in (before, after))
        assert np.array_equal(old, new)


def test_intervals_cover_simulated_noise() -> None:
    """On 60 series of noise around a level the 80 % interval covers 70 to 92 % of the next half year."""
    rng = np.random.default_rng(9)
    inside = []
    for _ in range(60):
        values = 100 + rng.normal(0, 10, 42)
        found = forecasting.forecast_series(values[:36], 6, methods=forecast_methods.SIMPLE)
        inside.append(np.abs(values[36:] - found.mean) <= found.widths[0])
    assert 0.70 <= float(np.mean(inside)) <= 0.92


def test_widths_grow_with_the_step_as_errors_do() -> None:
    """Errors that double with the step give widths that grow; no errors at all give a wide guess."""
    steps = np.tile(np.arange(1.0, 7), 10)
    errors = Errors(np.repeat(np.arange(10.0), 6), steps, steps * np.tile([1.0, -1], 30), np.full(60, 100.0))
    widths = half_widths(errors, 6, (0.8, 0.95), 36, 100.0)
    assert (np.diff(widths[0]) > 0).all()
    none = Errors(np.array([]), np.array([]), np.array([]), np.array([]))
    assert half_widths(none, 1, (0.8,), 36, 100.0)[0, 0] >= 80


def test_three_months_side_by_side_are_three_degrees_of_freedom() -> None:
    """Three errors of 1, one month ahead each: half way between their quantile, 1, and Student's bound of three."""
    errors = Errors(np.arange(3.0), np.ones(3), np.array([1.0, -1.0, 1.0]), np.full(3, 100.0))
    assert half_widths(errors, 1, (0.8,), 36, 100.0)[0, 0] == pytest.approx((1 + 1.6377) / 2, abs=1e-4)


def test_errors_of_a_smaller_past_are_carried_to_the_present() -> None:
    """Errors made when the series was a quarter as large count double now."""
    errors = Errors(np.arange(9.0), np.ones(9), np.full(9, 5.0), np.full(9, 25.0))
    assert errors.at_size(100.0).error == pytest.approx(10.0)


def test_poor_methods_get_no_weight() -> None:
    """A method with thrice the error of the best is left out; two near equals share."""
    steps, actual = np.ones(10), np.full(10, 100.0)
    predicted = {"best": actual + 5, "near": actual - 5.5, "poor": actual + 15}
    backtest = forecast_combination.Backtest(np.arange(10.0), steps, actual, actual, predicted)
    weights = forecast_combination.error_weights(backtest)
    assert weights["poor"] == 0
    assert weights["best"] > weights["near"] > 0.3
    assert sum(weights.values()) == pytest.approx(1)


def test_combination_is_not_dominated_on_a_line() -> None:
    """On a noisy line the walk-forward combination is at most a tenth worse than the drift, the ideal method there."""
    values = 100 + 20 * MONTHS[:36] + np.random.default_rng(3).normal(0, 10, 36)
    found = forecasting.forecast_series(values, 12)
    backtest = found.backtest
    error, ideal = (np.abs(p - backtest.actual).mean() for p in (found.combined, backtest.predicted["drift"]))
    assert error <= 1.1 * ideal


def test_simple_choice_follows_the_shape_of_the_series() -> None:
    """Least past error decides: drift on a line, season on a season, and the last value while there is no evidence."""
    season = 100 + 30 * np.sin(MONTHS * np.pi / 6) + np.random.default_rng(5).normal(0, 3, 48)
    chosen = {}
    for name, values in {"line": 10.0 * MONTHS[:20] + 50, "season": season, "short": np.array([1.0, 2, 3, 4])}.items():
        found = forecasting.forecast_series(
            values, 6, methods=forecast_methods.SIMPLE, combine=forecast_combination.winner
        )
        chosen[name] = max(found.weights, key=lambda method, kept=found.weights: kept[method])
    assert chosen == {"line": "drift", "season": "seasonal_naive", "short": "last_value"}


def test_no_negative_forecast_of_what_was_never_negative() -> None:
    """A falling non-negative series: values and panel bounds stay at 0 or above; a signed series is left alone."""
    falling = np.linspace(100, 2, 30)
    found = forecasting.forecast_series(falling, 24)
    assert found.mean.min() >= 0
    assert found.floor == 0
    panel = pd.DataFrame(
        {"series_id": "a", "month": pd.date_range("2022-01-01", periods=30, freq="MS"), "value": falling}
    )
    rows, _ = forecasting.forecast_panel(panel, 24)
    assert rows["lower_95"].min() >= 0
    assert forecasting.forecast_series(falling - 50, 6).mean.min() < 0


def test_growth_by_a_share_is_continued_as_such() -> None:
    """Eight per cent a month over twenty months: half a year on within a tenth; a straight line is a fifth too low."""
    values = 100 * 1.08 ** np.arange(26) * np.random.default_rng(2).normal(1, 0.01, 26)
    error = np.abs(forecasting.forecast_series(values[:20], 6).mean / values[20:] - 1).mean()
    line = np.abs(forecast_methods.drift(values[:20], 6) / values[20:] - 1).mean()
    assert error < 0.1 < line


def test_seasonal_shape_is_found_and_noise_is_not() -> None:
    """A season of ±30 keeps nine tenths of its height; pure noise keeps less than half of its standard deviation."""
    noise = np.random.default_rng(7).normal(0, 3, 48)
    shape = forecast_smoothing.seasonal_shape(200 + MONTHS + 30 * np.sin(MONTHS * np.pi / 6) + noise).shape
    assert 27 < shape.max() < 36
    assert np.abs(forecast_smoothing.seasonal_shape(200 + noise).shape).max() < 3


@pytest.mark.parametrize("kind", ["line", "share", "saturating"])
def test_intervals_of_trending_series_cover(kind: str) -> None:
    """On 20 trending series of 24 months the 80 % interval covers at least 65 % of the next half year."""
    rng, months = np.random.default_rng(11), np.arange(30)
    inside = []
    for _ in range(20):
        base = {
            "line": 50 + rng.uniform(2, 6) * months,
            "share": 50 * np.exp(rng.uniform(0.02, 0.08) * months),
            "saturating": 200 * (1 - np.exp(-(months + 2) / rng.uniform(6, 15))),
        }[kind]
        values = base * rng.normal(1, 0.04, 30)
        found = forecasting.forecast_series(values[:24], 6, methods=forecast_methods.QUICK)
        inside.append(np.abs(values[24:] - found.mean) <= found.widths[0])
    assert float(np.mean(inside)) >= 0.65


FAMILIES = {name: method for name, method in forecast_methods.METHODS.items() if isinstance(method, Averaged)}


@pytest.mark.parametrize("name", FAMILIES)
def test_families_forecast_the_past_as_if_they_knew_no_more(name: str) -> None:
    """From several ends at once, in any order, comes to the last bit what comes from each shortened series alone."""
    ends = [20, 48, 37, 5]
    together = FAMILIES[name].paths(SEASONAL, ends, 15)
    for row, end in enumerate(ends):
        alone = FAMILIES[name].paths(SEASONAL[:end], [end], 15)
        assert np.array_equal(together[0][row], alone[0][0])
        assert np.array_equal(together[1][row], alone[1][0])


def test_smoothing_equals_the_recursion_written_out() -> None:
    """One setting without season: the textbook's recursion, and its variance by the squares of its responses."""
    setting, values = np.array([[0.3, 0.15, 0.9, 0.0]]), 100 + np.random.default_rng(8).normal(0, 5, 20).cumsum()
    level, slope, squared = values[0], float(np.mean(np.diff(values[:5]))), 0.0
    first = slope
    for value in values[1:]:
        error = value - (level + 0.9 * slope)
        level, slope = level + 0.9 * slope + 0.3 * error, 0.9 * slope + 0.3 * 0.15 * error
        squared += error**2
    none = forecast_smoothing.Season(np.zeros(12), 0.0)
    found, spread = forecast_smoothing._run(values, np.array([20]), 3, setting, [none], np.array([first]))
    damped = np.cumsum(0.9 ** np.arange(1, 4))
    assert found[0] == pytest.approx(level + slope * damped)
    responses = 0.3 * (1 + 0.15 * damped)
    variance = squared / 18 * (1 + np.r_[0, np.cumsum(responses**2)[:2]])
    assert spread[0] ** 2 == pytest.approx(variance)


def test_seasonal_arma_continues_a_season_on_a_line() -> None:
    """Three years on, the mean of each year is off by less than the noise, and so is each month on average."""
    months, noise = np.arange(156), np.random.default_rng(6).normal(0, 3, 156)
    truth = 100 + 30 * np.sin(months * np.pi / 6) + 1.0 * months
    apart = forecast_arma.seasonal_arma((truth + noise)[:120], 36) - truth[120:]
    assert np.abs(apart.reshape(3, 12).mean(axis=1)).max() < 3
    assert np.abs(apart).mean() < 3


def test_likelihood_prefers_the_setting_with_the_least_errors() -> None:
    """Twice the squared error over twenty months weighs 2 to the power of minus ten."""
    weights = likelihood_weights(np.array([1.0, 2.0]), 20)
    assert weights[1] / weights[0] == pytest.approx(2.0**-10)


def test_families_share_more_the_longer_the_history_unless_they_fail() -> None:
    """Beside a better simple method: no equal share at a year, four fifths at five, hardly any if three times worse."""

    def weight(months: int, error: float) -> float:
        actual, origin = np.full(10, 100.0), np.arange(months - 12.0, months - 2)
        predicted = {"damped_trend": actual + error, "last_value": actual + 10.0}
        backtest = forecast_combination.Backtest(origin, np.ones(10), actual, actual, predicted)
        return forecast_combination.shared_weights(backtest)["damped_trend"]

    alone = (1 / 1.2**4) / (1 + 1 / 1.2**4)
    assert weight(13, 12.0) == pytest.approx(alone)
    assert weight(61, 12.0) == pytest.approx(0.8 + 0.2 * alone)
    assert weight(61, 30.0) < 0.05


def test_stated_deviations_are_corrected_by_past_errors_as_far_as_those_tell() -> None:
    """Errors twice as large as stated widen the interval, the more so the longer they were seen; none leave it."""
    coming, widths = np.array([1.0, 2.0]), {}
    for months in (0, 12, 120):
        ones = np.ones(months)
        errors = Errors(np.arange(float(months)), ones, 2 * ones, 100 * ones)
        widths[months] = stated_widths(errors, ones, coming, (0.8, 0.95))
    assert widths[0][1, 0] == pytest.approx(2.5706 * np.sqrt(3 / 5), abs=1e-3)
    assert 1 < widths[12][0, 0] / widths[0][0, 0] < widths[120][0, 0] / widths[0][0, 0] < 2
    assert widths[120][:, 1] == pytest.approx(2 * widths[120][:, 0])


def test_metrics_equal_hand_computed_values() -> None:
    """WAPE, MASE, bias, coverage and MSIS on two rows."""
    origin, actual, predicted = np.array([1.0, 2]), np.array([100.0, 200]), np.array([110.0, 180])
    points = forecast_metrics.point_metrics(origin, actual, predicted, 30.0).set_index("metric")["value"]
    assert points.to_dict() == pytest.approx({"wape": 0.1, "mase": 0.5, "bias": -5 / 150})
    widths = np.array([15.0, 15.0])
    found = forecast_metrics.interval_metrics(origin, actual, predicted, widths, 0.8, 30.0).set_index("metric")["value"]
    assert found.to_dict() == pytest.approx({"coverage_80": 0.5, "msis_80": (30 + 30 + 10 * 5) / 2 / 30})
    assert forecast_metrics.scale_of(np.array([1.0, 2, 4])) == 1.5
