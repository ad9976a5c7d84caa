"""When contracts can end: in which of the coming months a customer's term runs out.

Belongs here: reading billing period and days to the next renewal of the contract's features. Does not belong here:
what happens at a renewal (`ml.models.hazard`, `ml.models.mrr_growth`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, IntArray

# The words that the warehouse reads as a number of months, too (macro billing_months).
PERIOD_MONTHS: Final[Mapping[str, int]] = {
    "monthly": 1, "month": 1,
    "quarterly": 3, "quarter": 3,
    "annual": 12, "annually": 12, "yearly": 12, "year": 12,
}  # fmt: skip


@dataclass(frozen=True)
class Renewals:
    """The renewals of some customers, seen from their `as_of`.

    Attributes:
        term: months between two renewals, shape (n,); 1 where the contract says nothing, as then any month will do.
        first: the month ahead in which the next one falls, from 1, shape (n,).
    """

    term: IntArray
    first: IntArray

    def are_due(self, ahead: IntArray) -> BoolArray:
        """Whether a renewal falls into the month so many months ahead; the shape that `ahead` and (n,) give."""
        return np.asarray((ahead >= self.first) & ((ahead - self.first) % self.term == 0))

    def take(self, index: IntArray) -> "Renewals":
        """Those of some customers."""
        return Renewals(self.term[index], self.first[index])

    def by_row(self) -> "Renewals":
        """The same as columns, to be compared with a row of months; shape (n, 1)."""
        return Renewals(self.term[:, None], self.first[:, None])


def renewals(rows: pd.DataFrame) -> Renewals:
    """The renewals that features tell of.

    Args:
        rows: as_of (month ends); billing_period and renewal_due_days, if there are contracts.
    """
    if not {"billing_period", "renewal_due_days"} <= set(rows.columns):
        return Renewals(np.ones(len(rows), dtype=np.int64), np.ones(len(rows), dtype=np.int64))
    period = np.array([PERIOD_MONTHS.get(str(name).lower(), 0) for name in rows["billing_period"]], dtype=np.int64)
    days = pd.to_numeric(rows["renewal_due_days"]).astype(float)
    is_known = (period > 0) & days.notna().to_numpy()
    due = pd.DatetimeIndex(pd.to_datetime(rows["as_of"]) + pd.to_timedelta(days.fillna(1.0), unit="D"))
    term = np.where(is_known, period, 1)
    first = np.where(is_known, month_numbers(due) - month_numbers(rows["as_of"]), 1)
    return Renewals(term.astype(np.int64), np.maximum(first, 1).astype(np.int64))


def month_numbers(days: "pd.Series[pd.Timestamp] | pd.DatetimeIndex") -> IntArray:
    """Months since year 0, so that a difference is a number of months; shape of days, which are all given."""
    index = pd.DatetimeIndex(days)
    return np.asarray(index.year * 12 + index.month, dtype=np.int64)
