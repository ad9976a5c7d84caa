"""Ways to continue one monthly series: four a person could draw, four that are fitted.

Belongs here: point forecasts from an array. Does not belong here: weights, intervals (`ml.models.forecasting`), panels.
statsforecast (3 CPU seconds to import, no compilation) is loaded when a fitted method is first called.
"""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from ml.arrays import FloatArray
from ml.models.forecast_smoothing import LEAST_SEASONAL, SEASON, damped_growth, damped_trend, held

LEAST_FITTED: Final = 10

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


def ets(values: FloatArray, horizon: int) -> FloatArray:
    """Exponential smoothing, form chosen by AICc (Hyndman & Khandakar 2008)."""
    from statsforecast.models import AutoETS

    return _fitted(lambda season: AutoETS(season_length=season), values, horizon)


def theta(values: FloatArray, horizon: int) -> FloatArray:
    """The best of the theta models (Fiorucci et al. 2016)."""
    from statsforecast.models import AutoTheta

    return _fitted(lambda season: AutoTheta(season_length=season), values, horizon)


def _fitted(make: Callable[[int], object], values: FloatArray, horizon: int) -> FloatArray:
    """Fit and forecast in units of the series' size; seasonal from two full years on, held within a wide range.

    A short series can make a fitted trend explode.
    """
    size = float(np.max(np.abs(values)))
    if len(values) < LEAST_FITTED or np.ptp(values) <= 1e-9 * size:
        return last_value(values, horizon)
    season = SEASON if len(values) >= LEAST_SEASONAL else 1
    with np.errstate(all="ignore"):
        found = make(season).forecast(y=values / size, h=horizon)["mean"] * size  # type: ignore[attr-defined]
    return held(found, values)


SIMPLE: Final[Mapping[str, Method]] = {
    "seasonal_naive": seasonal_naive,
    "last_value": last_value,
    "drift": drift,
    "seasonal_trend": seasonal_trend,
}
QUICK: Final[Mapping[str, Method]] = {"damped_trend": damped_trend, "damped_growth": damped_growth, **SIMPLE}
METHODS: Final[Mapping[str, Method]] = {"ets": ets, "theta": theta, **QUICK}
