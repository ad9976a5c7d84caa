"""Exponential smoothing with a damped trend and a season that moves, on the scale of the series or its log; theta.

Belongs here: the recursion in NumPy alone, a few milliseconds for any number of past months. Does not belong here: what
averaged families share (`ml.models.forecast_averaging`), other ways to continue a series
(`ml.models.forecast_methods`).

Damped trend: Gardner & McKenzie, "Forecasting trends in time series", Management Science 31 (1985); additive season and
variances in state space form: Hyndman, Koehler, Ord & Snyder, "Forecasting with Exponential Smoothing" (2008), chapters
3 and 6. Theta: smoothing with half the straight line's slope (Hyndman & Billah, "Unmasking the Theta method", 2003).
"""

from collections.abc import Sequence
from itertools import product
from typing import Final, NamedTuple

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.models.forecast_averaging import Averaged, Paths, averaged

SEASON: Final = 12
LEAST_SEASONAL: Final = 2 * SEASON
LEAST_SMOOTHED: Final = 6
FIRST_CHANGES: Final = 4
END_SLOPE: Final = 6
LINE_SHARE: Final = 0.5
PARAMETERS: Final = 1.0

LEVELS: Final = (0.1, 0.3, 0.5, 0.7, 0.9)
TRENDS: Final = (0.0, 0.05, 0.15, 0.4)
DAMPING: Final = (0.8, 0.9, 0.95, 0.98, 1.0)
SEASONS: Final = (0.0, 0.1, 0.3, 0.6)
# Level, trend, damping and season; without a trend there is nothing to adapt it.
GRID: Final = np.array([*product(LEVELS, (0.0,), (0.0,), SEASONS), *product(LEVELS, TRENDS, DAMPING, SEASONS)])
THETA_GRID: Final = np.array(list(product(LEVELS, (0.0,), (1.0,), SEASONS)))


class Season(NamedTuple):
    """What each of the twelve positions of the year adds, from the first value on; shape (12,); and the share kept."""

    shape: FloatArray
    kept: float


def _smoothed(values: FloatArray, ends: IntArray, horizon: int) -> Paths:
    """The damped trend, from the first level and the mean of the first changes on."""
    seasons = [seasonal_shape(values[:end]) for end in ends]
    firsts = [values[: FIRST_CHANGES + 1] - season.shape[: FIRST_CHANGES + 1] for season in seasons]
    return _run(values, ends, horizon, GRID, seasons, np.mean(np.diff(firsts, axis=1), axis=1))


def _theta(values: FloatArray, ends: IntArray, horizon: int) -> Paths:
    """A level, and a fixed trend of half the slope of the least-squares line through the series without its season."""
    seasons = [seasonal_shape(values[:end]) for end in ends]
    slopes = np.zeros(len(ends))
    for row, (end, season) in enumerate(zip(ends, seasons, strict=True)):
        months = np.arange(end) - (end - 1) / 2
        slopes[row] = float(months @ (values[:end] - season.shape[np.arange(end) % SEASON])) / float(months @ months)
    return _run(values, ends, horizon, THETA_GRID, seasons, LINE_SHARE * slopes)


def _run(
    values: FloatArray, ends: IntArray, horizon: int, grid: FloatArray, seasons: Sequence[Season], slopes: FloatArray
) -> Paths:
    """Every setting from every start at once.

    Args:
        ends: falling, so that those a month is known to are the first rows.
        seasons: at first, by end; slopes: the first trend, shape (ends,).
    """
    shapes = np.array([season.shape for season in seasons])
    alpha, beta, phi, _ = grid.T
    moving = grid[:, 3] * (1 - alpha) * np.any(shapes, axis=1)[:, None]
    level = np.repeat((values[0] - shapes[:, :1]), len(grid), axis=1)
    trend = np.repeat(slopes[:, None], len(grid), axis=1)
    season = np.repeat(shapes.T[:, :, None], len(grid), axis=2)
    squared, trend_gain = np.zeros(level.shape), alpha * beta
    for month in range(1, int(ends[0])):
        rows = slice(int(np.searchsorted(-ends, -month)))
        position = month % SEASON
        slope, base, own = trend[rows], level[rows], season[position, rows]
        slope *= phi
        base += slope
        error = values[month] - base - own
        squared[rows] += error**2
        base += alpha * error
        slope += trend_gain * error
        own += moving[rows] * error
    parameters = PARAMETERS + (SEASON - 1) * np.array([season.kept for season in seasons])
    return _ahead(level, trend, season, squared, ends, parameters, horizon, grid)


def _ahead(
    level: FloatArray,
    trend: FloatArray,
    season: FloatArray,
    squared: FloatArray,
    ends: IntArray,
    parameters: FloatArray,
    horizon: int,
    grid: FloatArray,
) -> Paths:
    """Forecasts of the last states, averaged over the settings."""
    alpha, beta, phi, gamma = grid.T[:, :, None]
    steps = np.cumsum(phi ** np.arange(1, horizon + 1), axis=1)
    response = alpha * (1 + beta * steps)
    response[:, SEASON - 1 :: SEASON] += gamma * (1 - alpha)
    variances = 1 + np.cumsum(response**2, axis=1) - response**2
    means, spreads = np.zeros((len(ends), horizon)), np.zeros((len(ends), horizon))
    for row, end in enumerate(ends):
        paths = level[row][:, None] + trend[row][:, None] * steps
        paths += season[(end + np.arange(horizon)) % SEASON, row].T
        means[row], spreads[row] = averaged(paths, variances, squared[row], float(end - 1), float(parameters[row]))
    return means, spreads


def seasonal_shape(values: FloatArray) -> Season:
    """The season of a series, by position from its first value on.

    Mean distance from a centred 12-month mean, shrunk by the share of variance between positions that noise within
    them does not explain (James & Stein), so that a series without a season gets hardly any. Zero below two years.
    """
    if len(values) < LEAST_SEASONAL:
        return Season(np.zeros(SEASON), 0.0)
    rest = values - _centred_mean(values)
    position = np.arange(len(values)) % SEASON
    counts = np.bincount(position, minlength=SEASON)
    means = np.bincount(position, weights=rest, minlength=SEASON) / counts
    within = float(np.sum((rest - means[position]) ** 2)) / (len(values) - SEASON)
    between = float(np.sum(counts * means**2)) / (SEASON - 1)
    kept = max(0.0, 1 - within / between) if between > 0 else 0.0
    return Season(kept * (means - means.mean()), kept)


def _centred_mean(values: FloatArray) -> FloatArray:
    """Mean of thirteen months with half weight at both ends, drawn on in straight lines at the ends of the series."""
    kernel = np.r_[0.5, np.ones(SEASON - 1), 0.5] / SEASON
    inner, half = np.convolve(values, kernel, mode="valid"), SEASON // 2
    few = min(END_SLOPE, len(inner) - 1)
    first, last = (inner[few] - inner[0]) / few, (inner[-1] - inner[-1 - few]) / few
    ahead = np.arange(1, half + 1)
    return np.concatenate([inner[0] - first * ahead[::-1], inner, inner[-1] + last * ahead])


damped_trend: Final = Averaged(_smoothed, LEAST_SMOOTHED)
damped_growth: Final = Averaged(_smoothed, LEAST_SMOOTHED, is_log=True)
theta: Final = Averaged(_theta, LEAST_SMOOTHED)
theta_growth: Final = Averaged(_theta, LEAST_SMOOTHED, is_log=True)
