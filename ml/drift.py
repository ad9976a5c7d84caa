"""Drift: how far today's features or scores are from those a model was trained on.

Belongs here: two distances between samples, each with the distance that chance alone reaches. Does not belong here:
what follows from a shift (`ml.monitoring`), reading data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray, IntArray

BINS = 10
PSI_LIMIT = 0.25
NOISE_TAIL = 0.01
LEAST_PER_BIN = 5
_HALF = 0.5


@dataclass(frozen=True)
class Shift:
    """How far the current sample of one feature or score is from its reference.

    Attributes:
        psi: population stability index; ks: largest distance of the distribution functions, nan for texts.
        psi_noise, ks_noise: what the two reach without any change in one of a hundred families of comparisons.
        reference_missing, current_missing: share of rows without a value.
    """

    name: str
    psi: float
    psi_noise: float
    ks: float
    ks_noise: float
    reference_missing: float
    current_missing: float

    @property
    def limit(self) -> float:
        """The index above which this is a shift: 0.25, or what chance reaches in samples of this size."""
        return max(PSI_LIMIT, self.psi_noise)

    @property
    def is_shifted(self) -> bool:
        """Whether the shift is both large and beyond noise."""
        return self.psi > self.limit


def feature_shifts(
    reference: pd.DataFrame, current: pd.DataFrame, columns: Sequence[FeatureColumn], entity: str
) -> tuple[Shift, ...]:
    """The shift of every feature, largest first; empty if either frame is.

    Args:
        reference, current: rows with the features and the column `entity`; rows of one entity are alike, so that
            chance is counted by entities.
    """
    if reference.empty or current.empty:
        return ()
    sizes = reference[entity].nunique(), current[entity].nunique()
    found = [
        shift(column.name, reference[column.name], current[column.name], sizes, len(columns)) for column in columns
    ]
    return tuple(sorted(found, key=lambda one: -one.psi))


def shift(
    name: str,
    reference: "pd.Series[Any]",
    current: "pd.Series[Any]",
    sizes: tuple[int, int] | None = None,
    comparisons: int = 1,
) -> Shift:
    """Compare one feature or score.

    Args:
        sizes: independent rows of reference and current; all of them if None.
        comparisons: how many are made together: chance is bounded for the whole family (Bonferroni).
    """
    from scipy.stats import chi2  # comparing needs scipy, loading the asset graph does not

    first, second = sizes or (len(reference), len(current))
    doubt = 1 / max(first, 1) + 1 / max(second, 1)
    tail = NOISE_TAIL / comparisons
    shares = _shares(reference, current, min(first, second))
    numbers = (_floats(reference), _floats(current)) if _is_number(reference) else None
    return Shift(
        name=name,
        psi=_divergence(shares),
        psi_noise=float(doubt * chi2.isf(tail, max(shares.shape[1] - 1, 1))),
        ks=kolmogorov_smirnov(*numbers) if numbers else float("nan"),
        ks_noise=float(np.sqrt(-np.log(tail / 2) / 2 * doubt)) if numbers else float("nan"),
        reference_missing=float(reference.isna().mean()),
        current_missing=float(current.isna().mean()),
    )


def population_stability(reference: "pd.Series[Any]", current: "pd.Series[Any]") -> float:
    """Population stability index: sum over bins of (current - reference) x log(current / reference).

    Numbers are binned by the reference's deciles (fewer bins below fifty rows), texts by level; missing is a bin of its
    own, and every bin holds half a row more than it has, so that an empty one is not infinitely far. Below 0.1 is
    usually read as stable, above 0.25 as shifted. Without a change its mean is (bins - 1) x (1 / rows + 1 / rows), and
    divided by the last factor it follows a chi-squared distribution (Yurdakul & Naranjo, "Statistical properties of
    the population stability index", Journal of Risk Model Validation 14, 2020).

    Returns:
        At least 0; nan if either sample is empty.
    """
    return _divergence(_shares(reference, current, min(len(reference), len(current))))


def kolmogorov_smirnov(reference: FloatArray, current: FloatArray) -> float:
    """Largest distance between the two distribution functions; missing values are left out, nan if one is empty."""
    first, second = (np.sort(values[~np.isnan(values)]) for values in (reference, current))
    if not len(first) or not len(second):
        return float("nan")
    points = np.concatenate([first, second])
    below = [np.searchsorted(values, points, side="right") / len(values) for values in (first, second)]
    return float(np.abs(below[0] - below[1]).max())


def _divergence(shares: FloatArray) -> float:
    first, second = shares
    return float(((second - first) * np.log(second / first)).sum())


def _shares(reference: "pd.Series[Any]", current: "pd.Series[Any]", rows: int) -> FloatArray:
    """Share of rows by bin, shape (2, bins) of those that occur; nan for an empty sample."""
    bins = int(np.clip(rows // LEAST_PER_BIN, 2, BINS))
    samples = [_codes_of_numbers(reference, values, bins) for values in (reference, current)]
    if not _is_number(reference):
        codes, _ = pd.factorize(pd.concat([_texts(reference), _texts(current)]), use_na_sentinel=False)
        samples = [codes[: len(reference)], codes[len(reference) :]]
    found = max(int(codes.max(initial=0)) for codes in samples) + 1
    counts = np.array([np.bincount(codes, minlength=found) for codes in samples], dtype=np.float64)
    counts = counts[:, counts.any(axis=0)]
    totals = counts.sum(axis=1, keepdims=True) + _HALF * counts.shape[1]
    is_empty = counts.sum(axis=1, keepdims=True) == 0
    return np.asarray(np.where(is_empty, np.nan, (counts + _HALF) / totals))


def _codes_of_numbers(reference: "pd.Series[Any]", values: "pd.Series[Any]", bins: int) -> IntArray:
    """Position among the reference's quantiles, the last one for a missing value; zeros if it holds no numbers."""
    if not _is_number(reference):
        return np.zeros(len(values), dtype=np.int64)
    numbers, edges = _floats(values), _edges(_floats(reference), bins)
    return np.where(np.isnan(numbers), len(edges) + 1, np.searchsorted(edges, numbers)).astype(np.int64)


def _texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    return values.astype(object).where(values.notna(), None)


def _is_number(values: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(values)


def _floats(values: "pd.Series[Any]") -> FloatArray:
    return np.asarray(values.astype("float64").to_numpy(dtype=np.float64, na_value=np.nan))


def _edges(values: FloatArray, bins: int) -> FloatArray:
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1])) if len(known) else np.empty(0)
