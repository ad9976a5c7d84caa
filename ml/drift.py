"""Drift: how far today's features or scores are from those a model was trained on.

Belongs here: two distances between samples. Does not belong here: thresholds, alarms, reading data.
"""

from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import FloatArray

BINS = 10
_LEAST_SHARE = 1e-4


def population_stability(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> float:
    """Population stability index: sum over bins of (current - reference) x log(current / reference).

    Numbers are binned by the reference's deciles, texts by level; missing is a bin of its own. Below 0.1 is usually
    read as stable, above 0.25 as shifted.

    Returns:
        At least 0; nan if either sample is empty.
    """
    if reference.empty or current.empty:
        return float("nan")
    samples = [reference, current]
    if pd.api.types.is_numeric_dtype(reference) and not pd.api.types.is_bool_dtype(reference):
        edges = _deciles(reference)
        samples = [_binned(values, edges) for values in samples]
    texts = (values.astype(object).where(values.notna(), "missing").astype(str) for values in samples)
    shares = pd.concat([values.value_counts(normalize=True) for values in texts], axis=1)
    first, second = shares.fillna(0.0).clip(lower=_LEAST_SHARE).to_numpy(dtype=np.float64).T
    return float(((second - first) * np.log(second / first)).sum())


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


def _binned(values: "pd.Series[Any]", edges: FloatArray) -> "pd.Series[Any]":
    numbers = values.astype("float64")
    codes = pd.Series(np.searchsorted(edges, numbers), index=values.index).astype(str)
    return codes.where(numbers.notna())
