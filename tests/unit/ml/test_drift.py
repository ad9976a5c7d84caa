import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from ml.drift import feature_shifts, kolmogorov_smirnov, population_stability, shift
from tests.unit.ml.synthetic import column


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


def test_chance_alone_is_no_shift() -> None:
    """Of a hundred small samples from an unchanged population hardly one is called shifted, skewed or not."""
    random = np.random.default_rng(1)
    called = 0
    for _ in range(100):
        reference, current = (pd.Series(random.lognormal(size=size)) for size in (400, 30))
        found = shift("amount", reference, current)
        called += found.is_shifted
        assert found.ks <= 1
    assert called <= 3


def test_many_features_together_are_no_shift_either() -> None:
    """The bound of chance grows with the number of comparisons, so that a wide table does not cry wolf."""
    random = np.random.default_rng(2)
    columns = [column(f"f{number}") for number in range(60)]
    names = [one.name for one in columns]
    frames = [
        pd.DataFrame(random.normal(size=(rows, 60)), columns=names).assign(account_id=np.arange(rows))
        for rows in (300, 40)
    ]
    assert not [one for one in feature_shifts(*frames, columns, "account_id") if one.is_shifted]


def test_rows_of_one_customer_count_once() -> None:
    """Twenty months of ten customers are ten customers: the bound is that of ten."""
    rows = pd.DataFrame({"account_id": np.repeat(np.arange(10), 20), "usage": np.arange(200.0)})
    [found] = feature_shifts(rows, rows, [column("usage")], "account_id")
    [alone] = feature_shifts(rows.assign(account_id=np.arange(200)), rows, [column("usage")], "account_id")
    assert found.psi_noise > alone.psi_noise > 0


def test_missing_values_are_counted_on_both_sides() -> None:
    """A feature that stops arriving is a shift, and its share of missing values says so."""
    values = pd.Series(np.random.default_rng(3).normal(size=500))
    found = shift("usage", values, values.mask(values > -1))
    assert found.is_shifted
    assert (found.reference_missing, found.current_missing) == (0.0, pytest.approx((values > -1).mean()))
