"""Exponential smoothing with a damped trend, averaged over a grid of settings, on the scale of the series or its log.

Belongs here: point forecasts in NumPy alone, some milliseconds each. Does not belong here: other ways to continue a
series (`ml.models.forecast_methods`).

Damped trend: Gardner & McKenzie, "Forecasting trends in time series", Management Science 31 (1985). All settings of
the grid run side by side; each forecast counts by the likelihood of its one-step errors (Akaike weights, Burnham &
Anderson 2002), so that no single setting has to be chosen from few months. The log scale turns growth by a share and
seasonal factors into sums.
"""

from itertools import product
from typing import Final

import numpy as np

from ml.arrays import FloatArray

SEASON: Final = 12
LEAST_SEASONAL: Final = 2 * SEASON
LEAST_SMOOTHED: Final = 6
FIRST_CHANGES: Final = 4
END_SLOPE: Final = 6
FAR: Final = 2.0
LEAST_RELATIVE: Final = 1e-3

LEVELS: Final = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
TRENDS: Final = (0.0, 0.1, 0.3, 0.6)
DAMPING: Final = (0.0, 0.8, 0.9, 0.95, 0.98, 1.0)
GRID: Final = np.array(list(product(LEVELS, TRENDS, DAMPING)))


def damped_trend(values: FloatArray, horizon: int) -> FloatArray:
    """Level and damped trend of the series without its season, the season added again; shape (horizon,)."""
    if len(values) < LEAST_SMOOTHED or np.ptp(values) <= 1e-9 * float(np.max(np.abs(values))):
        return np.full(horizon, float(values[-1]))
    season = seasonal_shape(values)
    months = np.arange(len(values), len(values) + horizon)
    found = _smoothed(values - season[np.arange(len(values)) % SEASON], horizon) + season[months % SEASON]
    return held(found, values)


def damped_growth(values: FloatArray, horizon: int) -> FloatArray:
    """The same on the log scale, at most e² times the largest value; on the series' own scale where a value is not
    clearly positive.
    """  # noqa: D205
    if np.min(values) <= LEAST_RELATIVE * np.max(np.abs(values)):
        return damped_trend(values, horizon)
    highest = float(np.log(np.max(values))) + FAR
    return np.asarray(np.exp(np.minimum(damped_trend(np.log(values), horizon), highest)))


def held(found: FloatArray, values: FloatArray) -> FloatArray:
    """A forecast that leaves the range of the series by more than twice its width is held there."""
    room = FAR * float(np.ptp(values))
    clipped = np.clip(found, values.min() - room, values.max() + room)
    return np.asarray(np.where(np.isfinite(clipped), clipped, values[-1]))


def seasonal_shape(values: FloatArray) -> FloatArray:
    """What each of the twelve positions of the year adds, by position from the first value on; shape (12,).

    Mean distance from a centred 12-month mean, shrunk by the share of variance between positions that noise within
    them does not explain (James & Stein), so that a series without a season gets hardly any. Zero below two years.
    """
    if len(values) < LEAST_SEASONAL:
        return np.zeros(SEASON)
    rest = values - _centred_mean(values)
    position = np.arange(len(values)) % SEASON
    counts = np.bincount(position, minlength=SEASON)
    means = np.bincount(position, weights=rest, minlength=SEASON) / counts
    within = float(np.sum((rest - means[position]) ** 2)) / (len(values) - SEASON)
    between = float(np.sum(counts * means**2)) / (SEASON - 1)
    kept = max(0.0, 1 - within / between) if between > 0 else 0.0
    return np.asarray(kept * (means - means.mean()))


def _centred_mean(values: FloatArray) -> FloatArray:
    """Mean of thirteen months with half weight at both ends, drawn on in straight lines at the ends of the series."""
    kernel = np.r_[0.5, np.ones(SEASON - 1), 0.5] / SEASON
    inner, half = np.convolve(values, kernel, mode="valid"), SEASON // 2
    few = min(END_SLOPE, len(inner) - 1)
    first, last = (inner[few] - inner[0]) / few, (inner[-1] - inner[-1 - few]) / few
    ahead = np.arange(1, half + 1)
    return np.concatenate([inner[0] - first * ahead[::-1], inner, inner[-1] + last * ahead])


def _smoothed(values: FloatArray, horizon: int) -> FloatArray:
    """Every setting of the grid at once; forecasts averaged by likelihood."""
    alpha, beta, phi = GRID.T
    level = np.full(len(GRID), float(values[0]))
    trend = np.full(len(GRID), float(np.mean(np.diff(values[: FIRST_CHANGES + 1]))))
    squared = np.zeros(len(GRID))
    for value in values[1:]:
        error = value - (level + phi * trend)
        squared += error**2
        level = level + phi * trend + alpha * error
        trend = phi * trend + alpha * beta * error
    steps = np.cumsum(phi[:, None] ** np.arange(1, horizon + 1), axis=1)
    loss = np.log(np.maximum(squared, 1e-12 * max(float(squared.max()), 1e-300)))
    weights = np.exp(-0.5 * (len(values) - 1) * (loss - loss.min()))
    return np.asarray(weights @ (level[:, None] + trend[:, None] * steps) / weights.sum())
