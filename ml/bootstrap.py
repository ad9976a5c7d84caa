"""Bootstrap by entity: whole customers, leads or deals are drawn, never single rows.

The rows of one entity share its fate, so drawing rows would make intervals too narrow (cluster bootstrap: Davison &
Hinkley, Bootstrap Methods and their Application, 1997, section 3.8). Belongs here: drawing weights and turning draws
into intervals. Does not belong here: any metric.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import FloatArray, IntArray

RESAMPLES = 500
LEVEL = 0.95
_CELLS_AT_ONCE = 2_000_000  # 16 MB of weights per block, whatever the number of rows


def cluster_weights(entities: "pd.Series[Any]", resamples: int = RESAMPLES, seed: int = 0) -> Iterator[FloatArray]:
    """Yield blocks of weights, shape (draws, rows): how often each row's entity was drawn.

    The same seed gives the same draws, so differences between methods are paired.
    """
    codes, names = pd.factorize(entities, sort=True)
    if not len(names):
        return
    random = np.random.default_rng(seed)
    at_once = max(1, _CELLS_AT_ONCE // len(codes))
    for start in range(0, resamples, at_once):
        draws = min(at_once, resamples - start)
        drawn = random.integers(len(names), size=(draws, len(names)))
        flat = (drawn + np.arange(draws)[:, None] * len(names)).ravel()
        counts = np.bincount(flat, minlength=draws * len(names)).reshape(draws, len(names))
        yield counts.astype(np.float64)[:, codes]


def drawn_rows(entities: "pd.Series[Any]", resamples: int = RESAMPLES, seed: int = 0) -> Iterator[IntArray]:
    """The same draws as positions of rows, for a statistic that takes no weights (ranks)."""
    for weights in cluster_weights(entities, resamples, seed):
        for counts in weights:
            yield np.repeat(np.arange(len(counts), dtype=np.int64), counts.astype(np.int64))


def bootstrap(
    statistic: Callable[[FloatArray], FloatArray],
    entities: "pd.Series[Any]",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> FloatArray:
    """Draws of a statistic.

    Args:
        statistic: maps weights of shape (draws, rows) to values of shape (draws,) or (draws, k).
        entities: the cluster of each row.

    Returns:
        Shape (resamples,) or (resamples, k).
    """
    blocks = [statistic(weights) for weights in cluster_weights(entities, resamples, seed)]
    return np.concatenate(blocks) if blocks else np.empty(0)


def interval(draws: FloatArray, level: float = LEVEL) -> tuple[float, float]:
    """Percentile interval; draws that are not finite (no positive drawn) are left out. (nan, nan) without draws."""
    usable = draws[np.isfinite(draws)]
    if not usable.size:
        return float("nan"), float("nan")
    tail = (1.0 - level) / 2.0
    lower, upper = np.quantile(usable, [tail, 1.0 - tail])
    return float(lower), float(upper)


def weighted_mean(values: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The statistic "mean of `values`", for errors and losses."""

    def mean(weights: FloatArray) -> FloatArray:
        return np.asarray(weights @ values / weights.sum(axis=1), dtype=np.float64)

    return mean
