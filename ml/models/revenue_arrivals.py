"""New business from the flow of leads and deals: how many arrive, and how long each takes to the next step.

Arrivals known at the origin (leads without a deal) go on with the observed lags, given that nothing has happened yet;
arrivals still to come are continued as a series. A chain of two such steps leads from the lead to the first MRR.
Belongs here: lags, flows, the size of a new contract. Does not belong here: open deals (`ml.models.revenue_pipeline`).
"""

from typing import Final

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.models.forecast_smoothing import LEAST_SMOOTHED, damped_trend

LONGEST: Final = 24
DRIFT_SPREAD: Final = 0.1  # standard deviation of the yearly drift of log amounts that is believed before any is seen
HALF_LIFE: Final = 24.0
MOST_DRIFT: Final = 0.2
YEAR: Final = 12


def coming_new(known: FloatArray, horizon: int) -> FloatArray:
    """New business of the coming months, never negative; the mean so far below half a year. Shape (horizon,).

    Args:
        known: per month, oldest first.
    """
    if len(known) < LEAST_SMOOTHED:
        return np.full(horizon, float(np.mean(known)) if len(known) else 0.0)
    return np.maximum(damped_trend(known, horizon), 0.0)


def lag_shares(arrived: IntArray, happened: IntArray, origin: int, longest: int = LONGEST) -> FloatArray:
    """Share of arrivals whose event came k months later, k = 0..longest, each lag from arrivals that are old enough.

    Args:
        arrived, happened: month ordinals as known at the origin (an event after it is ignored), shapes (arrivals,).
    """
    lag = happened - arrived
    seen = (happened <= origin) & (lag >= 0) & (lag <= longest)
    events = np.bincount(lag[seen], minlength=longest + 1).astype(np.float64)
    age = np.clip(origin - arrived[arrived <= origin], 0, longest)
    old_enough = np.cumsum(np.bincount(age, minlength=longest + 1)[::-1])[::-1]
    shares = np.divide(events, old_enough, out=np.zeros(longest + 1), where=old_enough > 0)
    return np.asarray(shares / max(1.0, float(shares.sum())))


def from_waiting(waiting: IntArray, shares: FloatArray, origin: int, horizon: int) -> FloatArray:
    """Expected events per coming month among arrivals to which nothing has happened yet; shape (horizon,).

    Args:
        waiting: month ordinals of their arrival.
    """
    age = np.bincount(np.minimum(origin - waiting, len(shares) - 1), minlength=len(shares))
    left = np.maximum(1 - np.cumsum(shares), 1e-9)
    found = np.zeros(horizon)
    for months, count in enumerate(age):
        if count:
            ahead = shares[months + 1 : months + 1 + horizon] / left[months]
            found[: len(ahead)] += count * ahead
    return found


def from_coming(arriving: FloatArray, shares: FloatArray) -> FloatArray:
    """Expected events per coming month among arrivals still to come; shape of `arriving`."""
    return np.asarray(np.convolve(arriving, shares)[: len(arriving)])


def amount_path(month: IntArray, amounts: FloatArray, origin: int, horizon: int) -> FloatArray:
    """Expected MRR of a contract that starts in each coming month; shape (horizon,).

    Sizes of contracts are too skewed for a mean of few months: the mean of all, older ones counting less, is brought
    to the present by the drift of the logarithms, which is shrunken towards none (posterior mean under a normal prior).
    """
    known = (month <= origin) & (amounts > 0)
    if not known.any():
        return np.zeros(horizon)
    years, values = (month[known] - origin) / YEAR, amounts[known]
    drift = _drift(years, np.log(values))
    weights = 0.5 ** (-years * YEAR / HALF_LIFE)
    level = float(np.average(values * np.exp(-drift * years), weights=weights))
    return level * np.exp(drift * np.arange(1, horizon + 1) / YEAR)


def _drift(years: FloatArray, logs: FloatArray) -> float:
    """Yearly drift of log amounts, shrunken and within 20 %."""
    if len(logs) < LEAST_SMOOTHED or np.ptp(years) <= 0:
        return 0.0
    centred = years - years.mean()
    spread = float(np.sum(centred**2))
    slope = float(centred @ logs) / spread
    doubt = float(np.var(logs - logs.mean() - slope * centred)) / spread
    kept = DRIFT_SPREAD**2 / (DRIFT_SPREAD**2 + doubt)
    return float(np.clip(kept * slope, -MOST_DRIFT, MOST_DRIFT))
