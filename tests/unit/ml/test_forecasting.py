import numpy as np
import pandas as pd
import pytest

from ml import forecast_metrics
from ml.models import forecast_combination, forecast_methods, forecast_smoothing, forecasting
from ml.models.forecast_intervals import Errors, half_widths

MONTHS = np.arange(48)
SEASONAL = 1000 + 8 * MONTHS + 150 * np.sin(MONTHS * 2 * np.pi / 12) + np.random.default_rng(1).normal(0, 15, 48)


def test_ensemble_beats_seasonal_naive_on_a_trend_with_season() -> None:
    """On the last year of a trending seasonal series the error is less than half the naive one."""
    known, coming = SEASONAL[:36], SEASONAL[36:]
    found = forecasting.forecast_series(known, 12)
    naive = np.abs(forecast_methods.seasonal_naive(known, 12) - coming).mean()
    assert np.abs(found.mean - coming).mean() < 0.5 * naive
    assert sum(found.weights.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.array([3.0, 4.0, 5.0]), id="three_months"),
        pytest.param(np.full(30, 7.0), id="constant"),
        pytest.param(np.zeros(30), id="zero"),
        pytest.param(SEASONAL - 1100, id="negative"),
        pytest.param(np.where(MONTHS % 7 == 3, np.nan, SEASONAL), id="gaps"),
        pytest.param(np.where(MONTHS % 5 == 0, 100.0, 0.0), id="intermittent"),
        pytest.param(np.geomspace(1, 1e6, 20), id="exponential"),
        pytest.param(np.append(np.zeros(20), np.arange(5.0)), id="late_start"),
    ],
)
def test_any_series_gets_finite_ordered_intervals(values: np.ndarray) -> None:
    """Short, flat, negative, holed or exploding series: a finite mean, and the 95 % interval holds the 80 % one."""
    found = forecasting.forecast_series(values, 24)
    assert np.isfinite(found.mean).all()
    assert (found.widths[1] >= found.widths[0]).all()
    assert (found.widths >= 0).all()


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


def test_metrics_equal_hand_computed_values() -> None:
    """WAPE, MASE, bias, coverage and MSIS on two rows."""
    origin, actual, predicted = np.array([1.0, 2]), np.array([100.0, 200]), np.array([110.0, 180])
    points = forecast_metrics.point_metrics(origin, actual, predicted, 30.0).set_index("metric")["value"]
    assert points.to_dict() == pytest.approx({"wape": 0.1, "mase": 0.5, "bias": -5 / 150})
    widths = np.array([15.0, 15.0])
    found = forecast_metrics.interval_metrics(origin, actual, predicted, widths, 0.8, 30.0).set_index("metric")["value"]
    assert found.to_dict() == pytest.approx({"coverage_80": 0.5, "msis_80": (30 + 30 + 10 * 5) / 2 / 30})
    assert forecast_metrics.scale_of(np.array([1.0, 2, 4])) == 1.5
