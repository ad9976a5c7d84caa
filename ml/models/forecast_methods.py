"""Ways to continue one monthly series: four a person could draw, three families that are averaged on two scales each.

Belongs here: the methods by name, the simple ones. Does not belong here: the families' equations
(`ml.models.forecast_smoothing`, `ml.models.forecast_arma`), weights, intervals (`ml.models.forecasting`), panels.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ml.arrays import FloatArray
from ml.models.forecast_arma import seasonal_arma, seasonal_arma_growth
from ml.models.forecast_smoothing import SEASON, damped_growth, damped_trend, theta, theta_growth

Method = Callable[[FloatArray, int], FloatArray]


def last_value(values: FloatArray, horizon: int) -> FloatArray:
    """The newest value for ever."""
    return np.full(horizon, float(values[-1]))


def drift(values: FloatArray, horizon: int) -> FloatArray:
    """The straight line from the first to the last value, drawn on."""
    slope = (values[-1] - values[0]) / max(len(values) - 1, 1)
    return np.asarray(values[-1] + slope * np.arange(1, horizon + 1))


def seasonal_naive(values: FloatArray, horizon: int) -> FloatArray:
    """The value of the same month a year before; the newest value while there is no full year."""
    if len(values) < SEASON:
        return last_value(values, horizon)
    return np.asarray(values[-SEASON:][np.arange(horizon) % SEASON], dtype=np.float64)


def seasonal_trend(values: FloatArray, horizon: int) -> FloatArray:
    """The same month a year before plus the mean change from year to year, over as many months as are known twice."""
    if len(values) <= SEASON:
        return last_value(values, horizon)
    change = float(np.mean((values[SEASON:] - values[:-SEASON])[-SEASON:]))
    years = 1 + np.arange(horizon) // SEASON
    return np.asarray(seasonal_naive(values, horizon) + change * years)


SIMPLE: Final[Mapping[str, Method]] = {
    "seasonal_naive": seasonal_naive,
    "last_value": last_value,
    "drift": drift,
    "seasonal_trend": seasonal_trend,
}
QUICK: Final[Mapping[str, Method]] = {"damped_trend": damped_trend, "damped_growth": damped_growth, **SIMPLE}
METHODS: Final[Mapping[str, Method]] = {
    **QUICK,
    "seasonal_arma": seasonal_arma,
    "seasonal_arma_growth": seasonal_arma_growth,
    "theta": theta,
    "theta_growth": theta_growth,
}
# What the averaged families count before any evidence; theta, one model among them, half.
PRIOR: Final[Mapping[str, float]] = {
    "damped_trend": 1.0,
    "damped_growth": 1.0,
    "seasonal_arma": 1.0,
    "seasonal_arma_growth": 1.0,
    "theta": 0.5,
    "theta_growth": 0.5,
}
