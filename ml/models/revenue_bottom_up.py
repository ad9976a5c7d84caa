"""Revenue from below: what today's customers will still pay, plus what new ones will bring.

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

RECENT_MONTHS: Final = 12
NO_SEGMENTS: Final = pd.DataFrame({"account_id": [], "segment": []})


class BottomUp(Protocol):
    """Anything that can say what the customers of a date will bring."""

    def path(self, as_of: date, horizon: int) -> FloatArray:
        """Expected target of each of the next months; shape (horizon,)."""


@dataclass(frozen=True)
class Subscriptions:
    """MRR: survival of current contracts × net expansion, plus new and returning MRR at the recent rate.

    Attributes:
        spells, movements: fct_customer_spells, fct_mrr_movements.
    """

    spells: pd.DataFrame
    movements: pd.DataFrame

    def path(self, as_of: date, horizon: int) -> FloatArray:
        """See `BottomUp`; `as_of` is a month end."""
        rows = clv_contractual.customers(self.spells, self.movements, NO_SEGMENTS, as_of)
        model = clv_contractual.fit(self.spells, self.movements, NO_SEGMENTS, as_of, Terms(months=horizon))
        stays = model.survival.remaining(rows["tenure_months"].to_numpy(float), rows["segment"], horizon)
        grown = (1 + model.growth_monthly) ** np.arange(1, horizon + 1)
        retained = rows["mrr"].to_numpy(float) @ stays * grown
        fresh = model.survival.remaining(np.zeros(1), pd.Series(["unknown"]), horizon)[0]
        cohort = np.concatenate([[1.0], fresh[:-1]])
        return np.asarray(retained + self._new(as_of) * np.cumsum(cohort))

    def _new(self, as_of: date) -> float:
        months = pd.to_datetime(self.movements["month_start"])
        first = pd.Timestamp(as_of).replace(day=1) - pd.DateOffset(months=RECENT_MONTHS - 1)
        recent = self.movements[(months >= first) & (months <= pd.Timestamp(as_of))]
        observed = min(RECENT_MONTHS, _months_since(months.min(), as_of))
        total = float(recent["new_mrr"].astype(float).sum() + recent["reactivation_mrr"].astype(float).sum())
        return total / max(observed, 1)


@dataclass(frozen=True)
class Purchases:
    """Sales: expected purchases of known customers × their amounts, plus new customers at the recent rate.

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
        customers, first_amount = self._new(as_of)
        # Cohorts arrive in the middle of their month, so the repeats of all of them in month k add up to E[X(k - 1/2)].
        middles = np.asarray((np.arange(1, horizon + 1) - 0.5) * WEEKS_PER_MONTH, dtype=np.float64)
        repeats = model.amounts.population_mean() * model.purchases.expected_purchases(middles)
        return np.asarray(existing + customers * (first_amount + repeats))

    def _new(self, as_of: date) -> tuple[float, float]:
        """New customers per recent month, and the mean amount of a first purchase."""
        days = pd.to_datetime(self.purchases["purchased_on"])
        known = self.purchases.assign(day=days)[days <= pd.Timestamp(as_of)].sort_values("day")
        firsts = known.drop_duplicates("account_id")
        since = pd.Timestamp(as_of) - pd.DateOffset(months=RECENT_MONTHS)
        recent = firsts[firsts["day"] > since]
        observed = min(RECENT_MONTHS, _months_since(firsts["day"].min(), as_of))
        return len(recent) / max(observed, 1), float(firsts["amount"].astype(float).mean())


def _months_since(first: pd.Timestamp, as_of: date) -> int:
    return (as_of.year - first.year) * 12 + as_of.month - first.month + 1
