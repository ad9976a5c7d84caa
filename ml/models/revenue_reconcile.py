"""Forecasts of regions, segments and their cells made to add up to the total, changed as little as their errors allow.

Minimum-trace reconciliation (Wickramasuriya, Athanasopoulos & Hyndman 2019, MinT) with the total held: regions,
segments and cells are forecast alone, and cells b minimise (y - S b)' W^-1 (y - S b) under sum(b) = total. W is
the covariance of past errors: variances as observed, correlations shrunken towards none (Schaefer & Strimmer 2005) as
far as few origins teach; below 24 origins there are none (weighted least squares).

Belongs here: that algebra. Does not belong here: making the
forecasts (`ml.models.revenue_panel`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ml.arrays import FloatArray

# With the twelve origins of a usual backtest a diagonal was better on simulated hierarchies (docs/decisions/0012).
LEAST_ORIGINS: Final = 24
LEAST_RELATIVE: Final = 1e-9


def summing(members: Sequence[Sequence[int]], cells: int) -> FloatArray:
    """0/1 matrix from cells to nodes, shape (nodes, cells).

    Args:
        members: positions of each node's cells.
    """
    found = np.zeros((len(members), cells))
    for node, positions in enumerate(members):
        found[node, list(positions)] = 1.0
    return found


def covariance(errors: FloatArray, origin: FloatArray) -> FloatArray:
    """Shrunken covariance of the nodes' errors, shape (nodes, nodes); diagonal below 24 origins.

    Args:
        errors: shape (rows, nodes), each row one origin and step, on a common scale; origin: shape (rows,).
    """
    spread = np.sqrt(np.mean(errors**2, axis=0))
    spread = np.maximum(spread, LEAST_RELATIVE * max(float(spread.max(initial=0.0)), LEAST_RELATIVE))
    return np.asarray(correlation(errors / spread, origin) * np.outer(spread, spread))


def correlation(scores: FloatArray, origin: FloatArray) -> FloatArray:
    """Correlation of standardised errors, shrunken; one observation per origin, since its steps err together."""
    origins = np.unique(origin)
    nodes = scores.shape[1]
    if len(origins) < LEAST_ORIGINS or nodes < 2:
        return np.eye(nodes)
    means = np.array([scores[origin == one].mean(axis=0) for one in origins])
    size = np.sqrt(np.mean(means**2, axis=0))
    means = means / np.where(size > 0, size, 1.0)
    products = means[:, :, None] * means[:, None, :]
    found = products.mean(axis=0)
    apart = ~np.eye(nodes, dtype=bool)
    count = len(origins)
    doubt = float(((products - found) ** 2).sum(axis=0)[apart].sum()) * count / (count - 1) ** 3
    signal = float((found[apart] ** 2).sum())
    shrink = min(1.0, doubt / signal) if signal > 0 else 1.0
    return np.asarray(np.where(apart, (1 - shrink) * found, 1.0))


def reconciled(base: FloatArray, summation: FloatArray, spread: FloatArray, total: FloatArray) -> FloatArray:
    """Cells that add up to the total, shape (cells, horizon).

    Args:
        base: forecasts of the nodes, shape (nodes, horizon); summation: see `summing`; spread: their covariance.
        total: shape (horizon,).
    """
    weighted = np.linalg.solve(spread, summation)
    inverse = np.linalg.inv(summation.T @ weighted)
    cells = inverse @ (weighted.T @ base)
    pull = inverse.sum(axis=1)
    return np.asarray(cells + np.outer(pull / pull.sum(), total - cells.sum(axis=0)))
