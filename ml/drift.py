"""Drift: how far today's features or scores are from those a model was trained on.

Belongs here: two distances between samples, and what chance alone makes of one. Does not belong here: thresholds,
alarms, reading data.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import FloatArray, IntArray

BINS = 10
CONFIDENCE = 0.95
_LEAST_SHARE = 1e-4


@dataclass(frozen=True)
class Shift:
    """A population stability index beside what chance makes of it.

    Attributes:
        index: see `population_stability`.
        noise: 95 % of the indices between two samples of one distribution of these sizes lie below it; nan if either
            sample is empty.
    """

    index: float
    noise: float


def population_shift(
    reference: "pd.Series[Any]", current: "pd.Series[Any]", *, independent: tuple[int, int] | None = None
) -> Shift:
    """The population stability index and its noise.

    Without a shift, the index divided by (1 / n + 1 / m) follows a chi-square distribution with as many degrees of
    freedom as there are bins, less one (Yurdakul and Naranjo 2020, Statistical properties of the population stability
    index, Journal of Risk Model Validation 14(3)).

    Args:
        independent: how many independent rows the samples n and m stand for, where an entity has several rows;
            without it, each row is one.
    """
    from scipy.stats import chi2

    first, second = _counts(reference, current)
    n, m = independent or (len(reference), len(current))
    index = _stability(first, second)
    noise = float(chi2.ppf(CONFIDENCE, max(len(first) - 1, 0))) * (1 / n + 1 / m) if n and m else float("nan")
    return Shift(index, 0.0 if len(first) == 1 else noise)


def population_stability(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> float:
    """Population stability index: sum over bins of (current - reference) x log(current / reference).

    Numbers are binned by the reference's deciles, texts by level; missing is a bin of its own. Below 0.1 is usually
    read as stable, above 0.25 as shifted.

    Returns:
        At least 0; nan if either sample is empty.
    """
    return _stability(*_counts(reference, current))


def kolmogorov_smirnov(reference: FloatArray, current: FloatArray) -> float:
    """Largest distance between the two distribution functions; missing values are left out, nan if one is empty."""
    first, second = (np.sort(values[~np.isnan(values)]) for values in (reference, current))
    if not len(first) or not len(second):
        return float("nan")
    points = np.concatenate([first, second])
    below = [np.searchsorted(values, points, side="right") / len(values) for values in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def _deciles(values: "pd.Series[Any]") -> FloatArray:
    known = values.dropna().to_numpy(dtype=np.float64)
    return np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else np.empty(0)


def _stability(reference: FloatArray, current: FloatArray) -> float:
    if not reference.sum() or not current.sum():
        return float("nan")
    first, second = (np.maximum(counts / counts.sum(), _LEAST_SHARE) for counts in (reference, current))
    return float(((second - first) * np.log(second / first)).sum())


def _counts(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> tuple[FloatArray, FloatArray]:
    """Rows of either sample in each bin that has any."""
    if pd.api.types.is_numeric_dtype(reference) and not pd.api.types.is_bool_dtype(reference):
        edges = _deciles(reference)
        codes = np.concatenate([_binned(values, edges) for values in (reference, current)])
    else:
        texts = pd.concat([values.astype(object) for values in (reference, current)], ignore_index=True)
        codes = pd.factorize(texts)[0] + 1
    bins = int(codes.max(initial=0)) + 1
    counts = [np.bincount(part, minlength=bins).astype(np.float64) for part in np.split(codes, [len(reference)])]
    filled = (counts[0] + counts[1]) > 0
    return counts[0][filled], counts[1][filled]


def _binned(values: "pd.Series[Any]", edges: FloatArray) -> IntArray:
    """Bin of each number, from 1 on; 0 is missing."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isnan(numbers), 0, np.searchsorted(edges, numbers) + 1).astype(np.int64)
