"""What customer value is learned from, seen from any date: purchases, or contracts with the features of customers.

Belongs here: one face for both business models (`Sources`), so that judging needs to know neither. Does not belong
here: judging (`ml.models.clv`), the models themselves.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models import clv_contractual, clv_fallback, clv_transactional, survival
from ml.models.clv_fallback import SteadyClv
from ml.models.clv_terms import WEEKS_PER_MONTH, Terms

LAPSED_WEEKS: Final = 26.0

Model = clv_transactional.TransactionalClv | clv_contractual.ContractualClv


class Sources(Protocol):
    """The rows of one business model, seen from any date."""

    def months_of_history(self, until: date) -> int:
        """Whole months from the first customer to `until`."""

    def customers(self, as_of: date) -> pd.DataFrame:
        """Customers of a date with their features as known then."""

    def fit(self, as_of: date, terms: Terms) -> Model:
        """The model of what was known at a date."""

    def fallback(self, as_of: date, terms: Terms) -> SteadyClv:
        """The baseline of what was known at a date."""

    def realised(self, accounts: "pd.Series[str]", start: date, months: int, terms: Terms) -> FloatArray:
        """What the accounts brought in the months after a date."""

    def events(self, as_of: date) -> int:
        """How often customers did what the model learns from: bought again, or left."""


@dataclass(frozen=True)
class Transactional:
    """Purchases (marts.fct_purchases: account_id, purchased_on, amount)."""

    purchases: pd.DataFrame
    event_name: str = "customers who bought again"

    def months_of_history(self, until: date) -> int:
        """See `Sources`."""
        return months_between(pd.to_datetime(self.purchases["purchased_on"]).min(), until)

    def customers(self, as_of: date) -> pd.DataFrame:
        """See `Sources`."""
        return clv_transactional.customers(self.purchases, as_of)

    def fit(self, as_of: date, terms: Terms) -> Model:
        """See `Sources`."""
        return clv_transactional.fit(self.customers(as_of), terms)

    def fallback(self, as_of: date, terms: Terms) -> SteadyClv:
        """A customer counts as lost after half a year without a purchase, at the time of his last one."""
        rows = self.customers(as_of)
        lapsed = np.asarray(rows["age"] - rows["last_age"] > LAPSED_WEEKS, dtype=float)
        weeks = np.where(lapsed > 0, rows["last_age"], rows["age"])
        return clv_fallback.fit(np.asarray(weeks / WEEKS_PER_MONTH, dtype=float), lapsed, terms)

    def realised(self, accounts: "pd.Series[str]", start: date, months: int, terms: Terms) -> FloatArray:
        """See `Sources`."""
        return clv_transactional.realised(self.purchases, accounts, start, later(start, months), terms)

    def events(self, as_of: date) -> int:
        """Customers with a repeat purchase."""
        return int((self.customers(as_of)["repeat_purchases"] > 0).sum())


@dataclass(frozen=True)
class Contractual:
    """Spells (marts.fct_customer_spells), MRR movements (marts.fct_mrr_movements), segments (account_id, segment)."""

    spells: pd.DataFrame
    movements: pd.DataFrame
    segments: pd.DataFrame
    history: clv_contractual.History = field(default_factory=clv_contractual.History)
    event_name: str = "churned customers"

    def months_of_history(self, until: date) -> int:
        """See `Sources`."""
        return months_between(pd.to_datetime(self.movements["month_start"]).min(), until)

    def customers(self, as_of: date) -> pd.DataFrame:
        """See `Sources`."""
        return clv_contractual.customers(self.spells, self.movements, self.segments, as_of, self.history)

    def fit(self, as_of: date, terms: Terms) -> Model:
        """See `Sources`."""
        return clv_contractual.fit(self.spells, self.movements, self.segments, as_of, terms, self.history)

    def fallback(self, as_of: date, terms: Terms) -> SteadyClv:
        """ACV × tenure: constant churn of all spells so far."""
        rows = survival.spells_in_months(self.spells, pd.Timestamp(as_of))
        return clv_fallback.fit(rows["months"].to_numpy(float), rows["is_ended"].to_numpy(float), terms)

    def realised(self, accounts: "pd.Series[str]", start: date, months: int, terms: Terms) -> FloatArray:
        """See `Sources`."""
        return clv_contractual.realised(self.movements, accounts, start, months, terms)

    def events(self, as_of: date) -> int:
        """Ended spells."""
        return int(survival.spells_in_months(self.spells, pd.Timestamp(as_of))["is_ended"].sum())


def months_between(first: pd.Timestamp, until: date) -> int:
    """Whole months from a day to a month end."""
    return (until.year - first.year) * 12 + until.month - first.month + (1 if first.day == 1 else 0)


def later(day: date, months: int) -> date:
    """The month end that lies some months after (before) a month end."""
    return (pd.Timestamp(day) + pd.offsets.MonthEnd(months)).date()
