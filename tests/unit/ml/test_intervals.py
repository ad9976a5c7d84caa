import numpy as np
import pandas as pd

from ml.arrays import logistic
from ml.intervals import ProbabilityBand, coverage, design_effect, drift_variance, fit_band, reliability_table


def held_back(rows: int, seed: int, months: int = 3) -> tuple[np.ndarray, np.ndarray, pd.Series, pd.Series]:
    """Perfectly calibrated probabilities with their outcomes."""
    random = np.random.default_rng(seed)
    probability = logistic(random.normal(-1, 1, rows))
    label = (random.random(rows) < probability).astype(float)
    days = pd.Series(pd.date_range("2024-01-31", periods=months, freq="ME")[np.arange(rows) % months])
    return probability, label, pd.Series(np.arange(rows)), days


def test_band_covers_the_observed_rate_about_as_often_as_it_says() -> None:
    """Over 40 simulated tests of calibrated probabilities the 90 % bands cover about 90 % of the bins."""
    shares = []
    for seed in range(40):
        band = fit_band(*held_back(600, seed))
        probability, label, entity, _ = held_back(600, seed + 1000)
        shares.append(coverage(reliability_table(probability, label, entity, band))[0])
    assert 0.85 <= np.mean(shares) <= 0.99


def test_what_was_never_seen_may_have_probability_zero() -> None:
    """A band that rests on less than half an event reaches 0, and 1 likewise; one that rests on many does not."""
    band = fit_band(*held_back(200, 0))
    lower, upper = band.bounds(np.array([0.001, 0.4, 0.999]))
    assert (lower[0], upper[2]) == (0.0, 1.0)
    assert lower[1] > 0.1
    assert upper[1] < 0.9


def test_band_holds_the_rate_of_its_own_rows() -> None:
    """Where none of the held-back rows had the event, the band reaches 0 whatever the calibration states."""
    probability, label, entity, days = held_back(1_500, 0)
    is_bound = probability < np.quantile(probability, 0.3)
    band = fit_band(probability, np.where(is_bound, 0.0, label), entity, days)
    lower, upper = band.bounds(np.quantile(probability, [0.1, 0.2, 0.5]))
    assert lower[:2].tolist() == [0.0, 0.0]
    assert (upper[:2] > np.quantile(probability, [0.1, 0.2])).all()
    assert lower[2] > 0.1


def test_band_narrows_with_more_rows() -> None:
    """A hundred times the held-back rows give a much narrower interval."""
    few, many = (fit_band(*held_back(rows, 0)) for rows in (100, 10_000))
    widths = [np.subtract(*band.bounds(np.array([0.3]))[::-1])[0] for band in (few, many)]
    assert widths[1] < widths[0] / 3


def test_bounds_always_hold_the_probability() -> None:
    """Lower <= probability <= upper, at the edges too."""
    band = fit_band(*held_back(50, 0))
    probability = np.linspace(0.001, 0.999, 99)
    lower, upper = band.bounds(probability)
    assert ((lower <= probability) & (probability <= upper)).all()


def test_design_effect_counts_repeated_entities_once() -> None:
    """Ten identical rows per entity are worth one."""
    residual = np.random.default_rng(0).normal(size=500)
    effect = design_effect(np.repeat(residual, 10), pd.Series(np.repeat(np.arange(500), 10)))
    assert 9.5 < effect < 10.5


def test_drift_variance_sees_a_rate_that_moves_from_month_to_month() -> None:
    """A calibrated slice has next to none; a rate that jumps between months has its variance."""
    probability, label, _, days = held_back(6_000, 0, months=6)
    assert drift_variance(label - probability, days, 1.0) < 0.0005
    shift = np.where(np.arange(6_000) % 2 == 0, 0.1, -0.1)
    assert 0.005 < drift_variance(label - probability + shift, days, 1.0) < 0.02


def test_band_of_a_constant_probability_works() -> None:
    """One bin is enough."""
    _, label, entity, days = held_back(100, 0)
    band = fit_band(np.full(100, 0.2), label, entity, days)
    assert ProbabilityBand.from_json(band.to_json()) == band
