import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from ml.drift import kolmogorov_smirnov, population_shift, population_stability


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


@pytest.mark.parametrize("kind", ["numbers", "texts"])
def test_noise_is_what_chance_makes_of_the_index(kind: str) -> None:
    """Of samples of one distribution, about 95 % have an index below the noise; of shifted ones, none."""
    random = np.random.default_rng(1)

    def sample(rows: int, shift: float = 0.0) -> pd.Series:
        values = pd.Series(random.normal(shift, size=rows))
        return values if kind == "numbers" else values.round().clip(-2, 2).astype(str)

    shifts = [population_shift(sample(600), sample(150)) for _ in range(200)]
    assert 0.91 < np.mean([shift.index < shift.noise for shift in shifts]) < 0.99
    shifted = [population_shift(sample(600), sample(150, 1.0)) for _ in range(10)]
    assert all(shift.index > shift.noise for shift in shifted)


def test_repeated_rows_of_an_entity_are_no_proof() -> None:
    """Twelve copies of each row say no more than one: the noise follows the independent rows."""
    values = pd.Series(np.random.default_rng(0).normal(size=100))
    copies = pd.concat([values] * 12, ignore_index=True)
    assert population_shift(copies, values, independent=(100, 100)).noise == pytest.approx(
        population_shift(values, values).noise
    )
    assert np.isnan(population_shift(values, values[:0]).noise)
