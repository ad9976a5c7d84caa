import numpy as np
import pandas as pd

from ml.bootstrap import bootstrap, cluster_weights, interval, weighted_mean


def test_cluster_weights_draw_whole_entities() -> None:
    """All rows of an entity have the same weight in a draw, and as many entities are drawn as there are."""
    entities = pd.Series(["a", "a", "b", "c"])
    weights = np.concatenate(list(cluster_weights(entities, 50, seed=1)))
    assert weights.shape == (50, 4)
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 1:].sum(axis=1) == 3).all()


def test_bootstrap_interval_widens_with_rows_of_the_same_fate() -> None:
    """Repeating every row tenfold within its entity adds no information."""
    values = np.random.default_rng(0).normal(size=200)
    single = interval(bootstrap(weighted_mean(values), pd.Series(np.arange(200))))
    repeated = interval(bootstrap(weighted_mean(np.repeat(values, 10)), pd.Series(np.repeat(np.arange(200), 10))))
    np.testing.assert_allclose(single, repeated)


def test_bootstrap_interval_has_about_nominal_coverage() -> None:
    """95 % intervals of a mean of 100 entities cover the truth in most of 100 repetitions."""
    hits = 0
    for seed in range(100):
        values = np.random.default_rng(seed).normal(size=100)
        lower, upper = interval(bootstrap(weighted_mean(values), pd.Series(np.arange(100)), 200, seed))
        hits += lower <= 0 <= upper
    assert hits >= 88


def test_bootstrap_of_nothing_has_no_interval() -> None:
    """No rows give no draws and an interval of nan."""
    draws = bootstrap(weighted_mean(np.empty(0)), pd.Series([], dtype=str))
    assert np.isnan(interval(draws)).all()
