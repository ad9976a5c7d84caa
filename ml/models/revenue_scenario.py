"""What the served forecast would be under another churn, win rate or lead flow, without data and without training.

The view from below is computed with and without the levers; the served forecast moves in the same proportion, in every
region and segment alike, so that its parts still add up and its intervals keep their relative width. Belongs here: that
proportion, and the difference by part. Does not belong here: what the levers do to the drivers
(`ml.models.revenue_drivers`).
"""

from typing import Final

import numpy as np
import pandas as pd

from ml.models.revenue_drivers import NO_CHANGE, PARTS, Drivers, Levers
from ml.models.revenue_forecast import RevenueForecast

ALL: Final = "all"
AMOUNTS: Final = ("value", "lower_80", "upper_80", "lower_95", "upper_95")


class NoDriversError(ValueError):
    """The forecast has no view from below, so that nothing can be changed in it."""


def scenario_rows(forecast: RevenueForecast, levers: Levers) -> pd.DataFrame:
    """The served rows under the levers; same rows, columns and sums as `RevenueForecast.served`.

    Raises:
        NoDriversError: the forecast has no drivers.
    """
    served = forecast.served()
    before, after = (_drivers(forecast).total(chosen) for chosen in (NO_CHANGE, levers))
    proportion = np.divide(after, before, out=np.ones(len(before)), where=before > 0)
    months = sorted(served["month"].unique())
    factor = served["month"].map(dict(zip(months, proportion, strict=True))).to_numpy(np.float64)
    return served.assign(**{name: served[name].to_numpy(np.float64) * factor for name in AMOUNTS})


def comparison(forecast: RevenueForecast, levers: Levers) -> pd.DataFrame:
    """Base and scenario of the whole company by month, and what each part contributes to the difference.

    Returns:
        month, base, scenario, difference, and a column per part whose sum is the difference.

    Raises:
        NoDriversError: the forecast has no drivers.
    """
    served = forecast.served()
    total = served[(served["region"] == ALL) & (served["segment"] == ALL)].sort_values("month", ignore_index=True)
    changed = scenario_rows(forecast, levers)
    changed = changed[(changed["region"] == ALL) & (changed["segment"] == ALL)].sort_values("month", ignore_index=True)
    base, value = total["value"].to_numpy(np.float64), changed["value"].to_numpy(np.float64)
    before, after = (_drivers(forecast).parts(chosen) for chosen in (NO_CHANGE, levers))
    level = np.sum(list(before.values()), axis=0)
    scale = np.divide(base, level, out=np.zeros(len(base)), where=level > 0)
    parts = {name: (after[name] - before[name]) * scale for name in PARTS}
    return pd.DataFrame({"month": total["month"], "base": base, "scenario": value, "difference": value - base, **parts})


def _drivers(forecast: RevenueForecast) -> Drivers:
    if forecast.drivers is None:
        msg = "the forecast has no view from below (no customer history), so there is nothing to change in it"
        raise NoDriversError(msg)
    return forecast.drivers
