"""Revenue from below: what today's customers will still pay, plus what new ones will bring.

New business per month is continued like a series of its own: recent level, damped trend, and a season once two years
show one, all averaged by likelihood (`ml.models.forecast_smoothing`), so that neither an old wave of customers nor one
lucky month is taken for the rate to come.

Belongs here: the bottom-up path of both business models as known at a date. Does not belong here: intervals and the
combination with the top-down view (`ml.models.revenue`), the customer models themselves.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models import clv_contractual, clv_transactional
from ml.models.clv_terms import WEEKS_PER_MONTH, Terms
from ml.models.forecast_smoothing import LEAST_SMOOTHED, damped_trend

NO_SEGMENTS: Final = pd.DataFrame({"account_id": [], "segment": []})


class BottomUp(Protocol):
    """Anything that can say what the customers of a date will bring."""

    def path(self, as_of: date, horizon: int) -> FloatArray:
        """Expected target of each of the next months; shape (horizon,)."""


@dataclass(frozen=True)
class Subscriptions:
    """MRR: survival of current contracts × net expansion, plus new and returning MRR as it develops.

    Attributes:
        spells, movements: fct_customer_spells, fct_mrr_movements.
    """

    spells: pd.DataFrame
    movements: pd.DataFrame

    def path(self, as_of: date, horizon: int) -> FloatArray:
        """See `BottomUp`; `as_of` is a month end."""
        rows = clv_contractual.customers(self.spells, self.movements, NO_SEGMENTS, as_of)
        model = clv_contractual.fit(self.spells, self.movements, NO_SEGMENTS, as_of, Terms(months=horizon))
        stays = model.hazard.base.remaining(rows["tenure_months"].to_numpy(float), rows["segment"], horizon)
        grown = (1 + model.growth.monthly) ** np.arange(1, horizon + 1)
        retained = rows["mrr"].to_numpy(float) @ stays * grown
        fresh = model.hazard.base.remaining(np.zeros(1), pd.Series(["unknown"]), horizon)[0]
        cohort = np.concatenate([[1.0], fresh[:-1]])
        new = coming_new(self._new(as_of), horizon)
        return np.asarray(retained + np.convolve(new, cohort)[:horizon])

    def _new(self, as_of: date) -> FloatArray:
        """New and returning MRR of every month so far, oldest first."""
        months = pd.to_datetime(self.movements["month_start"])
        amounts = self.movements["new_mrr"].astype(float) + self.movements["reactivation_mrr"].astype(float)
        return _monthly(months, amounts, as_of)


@dataclass(frozen=True)
class Purchases:
    """Sales: expected purchases of known customers × their amounts, plus new customers as they develop.

    Attributes:
        purchases: fct_purchases (account_id, purchased_on, amount).
    """

    purchases: pd.DataFrame

    def path(self, as_of: date, horizon: int) -> FloatArray:
        """See `BottomUp`.

        Raises:
            NoConvergenceError: the purchases known then do not identify the customer model.
        """
        rows = clv_transactional.customers(self.purchases, as_of)
        model = clv_transactional.fit(rows, Terms(months=horizon))
        amount = model.amounts.expected_amount(
            rows["repeat_purchases"].to_numpy(float), rows["mean_amount"].to_numpy(float)
        )
        existing = amount @ model.purchases_by_month(rows, horizon)
        counts, first_amount = self._new(as_of)
        new = coming_new(counts, horizon)
        # A cohort arrives in the middle of its month: until the end of the k-th month it has bought E[X(k - 1/2)].
        middles = np.asarray((np.arange(1, horizon + 1) - 0.5) * WEEKS_PER_MONTH, dtype=np.float64)
        repeats = np.diff(model.purchases.expected_purchases(middles), prepend=0.0)
        returning = model.amounts.population_mean() * np.convolve(new, repeats)[:horizon]
        return np.asarray(existing + new * first_amount + returning)

    def _new(self, as_of: date) -> tuple[FloatArray, float]:
        """New customers of every month so far, oldest first, and the mean amount of a first purchase."""
        days = pd.to_datetime(self.purchases["purchased_on"])
        known = self.purchases.assign(day=days)[days <= pd.Timestamp(as_of)].sort_values("day", kind="stable")
        firsts = known.drop_duplicates("account_id")
        counts = _monthly(firsts["day"], pd.Series(1.0, index=firsts.index), as_of)
        return counts, float(firsts["amount"].astype(float).mean())


def coming_new(known: FloatArray, horizon: int) -> FloatArray:
    """New business of the coming months, never negative; the mean so far below half a year. Shape (horizon,).

    Args:
        known: per month, oldest first.
    """
    if len(known) < LEAST_SMOOTHED:
        return np.full(horizon, float(np.mean(known)) if len(known) else 0.0)
    return np.maximum(damped_trend(known, horizon), 0.0)


def _monthly(days: "pd.Series[pd.Timestamp]", amounts: "pd.Series[float]", as_of: date) -> FloatArray:
    """Sum per month from the first day known to `as_of`, months without rows as 0."""
    known = days <= pd.Timestamp(as_of)
    sums = amounts[known].groupby(days[known].dt.to_period("M")).sum()
    if sums.empty:
        return np.empty(0)
    every = pd.period_range(sums.index.min(), pd.Period(as_of, freq="M"), freq="M")
    return np.asarray(sums.reindex(every).fillna(0.0), dtype=np.float64)
