import numpy as np
import pandas as pd
import pytest

from ml import forecast_metrics
from ml.models import forecast_methods, forecasting
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
    assert np.array_equal(forecasting.walk_forward(before), forecasting.walk_forward(after))


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
    errors = Errors(np.repeat(np.arange(10.0), 6), steps, steps * np.tile([1.0, -1], 30))
    widths = half_widths(errors, 6, (0.8, 0.95), 36, 100.0)
    assert (np.diff(widths[0]) > 0).all()
    none = Errors(np.array([]), np.array([]), np.array([]))
    assert half_widths(none, 1, (0.8,), 36, 100.0)[0, 0] >= 80


def test_metrics_equal_hand_computed_values() -> None:
    """WAPE, MASE, bias, coverage and MSIS on two rows."""
    origin, actual, predicted = np.array([1.0, 2]), np.array([100.0, 200]), np.array([110.0, 180])
    points = forecast_metrics.point_metrics(origin, actual, predicted, 30.0).set_index("metric")["value"]
    assert points.to_dict() == pytest.approx({"wape": 0.1, "mase": 0.5, "bias": -5 / 150})
    widths = np.array([15.0, 15.0])
    found = forecast_metrics.interval_metrics(origin, actual, predicted, widths, 0.8, 30.0).set_index("metric")["value"]
    assert found.to_dict() == pytest.approx({"coverage_80": 0.5, "msis_80": (30 + 30 + 10 * 5) / 2 / 30})
    assert forecast_metrics.scale_of(np.array([1.0, 2, 4])) == 1.5
