import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from ml.drift import kolmogorov_smirnov, population_stability


def test_same_sample_has_no_drift() -> None:
    """Identical samples have distance zero by either measure."""
    values = np.random.default_rng(0).normal(size=500)
    assert population_stability(pd.Series(values), pd.Series(values)) == pytest.approx(0.0)
    assert kolmogorov_smirnov(values, values) == 0.0


def test_shift_and_new_missing_values_are_seen() -> None:
    """A shifted mean, a new level and values gone missing all raise the index above 0.25."""
    values = np.random.default_rng(0).normal(size=500)
    assert population_stability(pd.Series(values), pd.Series(values + 1)) > 0.25
    assert population_stability(pd.Series(values), pd.Series(values).mask(pd.Series(values) > 0)) > 0.25
    assert population_stability(pd.Series(["a"] * 50), pd.Series(["a"] * 25 + ["b"] * 25)) > 0.25


def test_distance_equals_the_reference_implementation() -> None:
    """The Kolmogorov-Smirnov distance agrees with scipy's."""
    random = np.random.default_rng(0)
    first, second = random.normal(size=100), random.normal(0.5, 2, size=70)
    assert kolmogorov_smirnov(first, second) == pytest.approx(ks_2samp(first, second).statistic)


def test_empty_sample_has_no_distance() -> None:
    """Nothing to compare gives nan, not an error."""
    assert np.isnan(population_stability(pd.Series([], dtype=float), pd.Series([1.0])))
    assert np.isnan(kolmogorov_smirnov(np.empty(0), np.ones(1)))
