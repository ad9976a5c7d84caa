"""Seasonal ARMA models of the change from year to year, on the scale of the series or its log.

Belongs here: the recursion in NumPy alone. Does not belong here: what averaged families share
(`ml.models.forecast_averaging`).

ARIMA(1,0,1)(0,1,1)12 with a constant, and with a root at one (1,1,1)(0,1,1)12, by conditional sums of squares (Box,
Jenkins & Reinsel, Time Series Analysis, chapters 7 and 9). The constant, growth from year to year, is the mean of the
changes, taken half: what a few years grew by seldom goes on in full, and where it does persistence adds the rest.
"""

from itertools import product
from typing import Final

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.models.forecast_averaging import Averaged, Paths, averaged
from ml.models.forecast_smoothing import SEASON, damped_growth, damped_trend

LEAST_YEARS: Final = 3
GROWTH_SHARE: Final = 0.5
MEMORY: Final = SEASON + 1
PARAMETERS: Final = 4.0

SHOCKS: Final = (-0.8, -0.6, -0.4, -0.2, 0.0, 0.3)
SEASONS: Final = (0.0, -0.3, -0.5, -0.7, -0.85)
# Persistence, weight of the last error, weight of the error a year before.
GRID: Final = np.array([*product((0.0,), (0.0, 0.3), SEASONS), *product((0.5, 0.8, 0.9, 0.95, 1.0), SHOCKS, SEASONS)])


def _changes(values: FloatArray, ends: IntArray, horizon: int) -> Paths:
    """Every setting from every end at once; `ends` fall."""
    persistence = GRID[:, 0]
    changes, known = values[SEASON:] - values[:-SEASON], ends - SEASON
    growth = GROWTH_SHARE * np.array([changes[:count].mean() for count in known])
    apart = changes - growth[:, None]
    errors = np.zeros((len(changes) + MEMORY, len(ends), len(GRID)))
    squared = np.zeros(errors.shape[1:])
    for month in range(len(changes)):
        rows = slice(int(np.searchsorted(-known, -month)))
        expected = _from_errors(errors[month : month + MEMORY, rows])
        if month:
            expected += persistence * apart[rows, month - 1 : month]
        error = apart[rows, month : month + 1] - expected
        errors[month + MEMORY, rows] = error
        if month:
            squared[rows] += error**2
    variances = _variances(horizon)
    means, spreads = np.zeros((len(ends), horizon)), np.zeros((len(ends), horizon))
    for row, (end, count) in enumerate(zip(ends, known, strict=True)):
        coming = _ahead(errors[count : count + MEMORY, row], float(apart[row, count - 1]), horizon) + growth[row]
        paths = np.tile(values[end - SEASON : end], (len(GRID), 1))
        while paths.shape[1] < horizon + SEASON:
            year = paths.shape[1] - SEASON
            paths = np.hstack([paths, paths[:, -SEASON:] + _year(coming, year)])
        paths = paths[:, SEASON : SEASON + horizon]
        means[row], spreads[row] = averaged(paths, variances, squared[row], float(count - 1), PARAMETERS)
    return means, spreads


def _year(coming: FloatArray, first: int) -> FloatArray:
    """Changes of the twelve months from a step on; 0 beyond the horizon."""
    found = np.zeros((len(coming), SEASON))
    part = coming[:, first : first + SEASON]
    found[:, : part.shape[1]] = part
    return found


def _from_errors(past: FloatArray) -> FloatArray:
    """What the last thirteen errors, oldest first, add to the next change; shape of one of them."""
    _, shock, season = GRID.T
    return np.asarray(shock * past[12] + season * past[1] + (shock * season) * past[0])


def _ahead(past: FloatArray, last: float, horizon: int) -> FloatArray:
    """Expected changes around their mean, shape (settings, horizon), from the last errors (13, settings) and change."""
    persistence = GRID[:, 0]
    errors = np.concatenate([past, np.zeros((horizon, len(GRID)))])
    found, change = np.zeros((len(GRID), horizon)), np.full(len(GRID), last)
    for step in range(horizon):
        change = persistence * change + _from_errors(errors[step : step + MEMORY])
        found[:, step] = change
    return found


def _variances(horizon: int) -> FloatArray:
    """Variance of the error by step in units of the one-step variance; shape (settings, horizon)."""
    one = np.zeros((MEMORY, len(GRID)))
    one[-1] = 1.0
    response = np.hstack([np.ones((len(GRID), 1)), _ahead(one, 1.0, horizon)])[:, :horizon]
    for step in range(SEASON, horizon):
        response[:, step] += response[:, step - SEASON]
    return np.cumsum(response**2, axis=1)


seasonal_arma: Final = Averaged(_changes, LEAST_YEARS * SEASON, otherwise=damped_trend)
seasonal_arma_growth: Final = Averaged(_changes, LEAST_YEARS * SEASON, is_log=True, otherwise=damped_growth)
