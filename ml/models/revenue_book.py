"""The MRR book: what every account paid at every month end, and which accounts started when.

Belongs here: shaping movements into a matrix, tenures, starts, and matching a start with the deal or lead it came from.
Does not belong here: anything fitted (`ml.models.revenue_retention`, `ml.models.revenue_arrivals`).

Months are ordinals of monthly periods (months since 1970), so that rows from before the first contract have a number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray, IntArray

NEVER = 10**6  # a month that does not come


def month_of(days: "pd.Series[pd.Timestamp]") -> IntArray:
    """Month ordinal of each day; `NEVER` where there is none."""
    stamps = pd.to_datetime(days)
    numbers = (stamps.dt.year - 1970) * 12 + stamps.dt.month - 1
    return np.asarray(numbers.fillna(NEVER).astype(np.int64), dtype=np.int64)


def ordinal(day: date) -> int:
    """Month ordinal of a day."""
    return (day.year - 1970) * 12 + day.month - 1


@dataclass(frozen=True)
class Starts:
    """New and returning contracts, in order of their month; every array has one entry per start.

    Attributes:
        account: position of the account in the book; month: ordinal; amount: MRR at the end of that month.
        is_first: the account never paid before.
    """

    account: IntArray
    month: IntArray
    amount: FloatArray
    is_first: BoolArray

    def only(self, rows: BoolArray) -> "Starts":
        """The starts of a mask."""
        return Starts(self.account[rows], self.month[rows], self.amount[rows], self.is_first[rows])


@dataclass(frozen=True)
class Book:
    """MRR by account and month.

    Attributes:
        accounts: their ids, sorted; first: ordinal of the first month; mrr: shape (accounts, months).
    """

    accounts: pd.Index
    first: int
    mrr: FloatArray

    @classmethod
    def of(cls, movements: pd.DataFrame, until: date | None = None) -> "Book":
        """From fct_mrr_movements (account_id, month_start, closing_mrr).

        Args:
            until: a day up to which nobody pays after the last movement.
        """
        account, accounts = pd.factorize(movements["account_id"], sort=True)
        month = month_of(movements["month_start"])
        first, last = (int(month.min()), int(month.max())) if len(month) else (0, -1)
        last = last if until is None else max(last, ordinal(until))
        mrr = np.zeros((len(accounts), last - first + 1))
        np.add.at(mrr, (account, month - first), movements["closing_mrr"].to_numpy(np.float64))
        return cls(pd.Index(accounts), first, mrr)

    @cached_property
    def tenure(self) -> IntArray:
        """Months in a row with MRR, the month itself included; shape of `mrr`."""
        found = np.zeros(self.mrr.shape, dtype=np.int64)
        running = np.zeros(len(self.accounts), dtype=np.int64)
        for month in range(self.mrr.shape[1]):
            running = np.where(self.mrr[:, month] > 0, running + 1, 0)
            found[:, month] = running
        return found

    @cached_property
    def starts(self) -> Starts:
        """Every month with MRR after one without."""
        month, account = np.nonzero((self.tenure == 1).T)
        seen = pd.Series(account).duplicated().to_numpy()
        return Starts(account, month + self.first, self.mrr[account, month], ~seen)

    def column(self, as_of: date) -> int:
        """Position of the month of a day."""
        return ordinal(as_of) - self.first

    def positions(self, ids: "pd.Series[str]") -> IntArray:
        """Position of each account id; -1 for one that never paid."""
        return np.asarray(self.accounts.get_indexer(pd.Index(ids)), dtype=np.int64)


def matched(starts: Starts, account: IntArray, month: IntArray, longest: int) -> IntArray:
    """For each start the position of the newest deal (or lead) of its account that is at most `longest` months older.

    A deal explains one start only, the first after it: a customer who comes back later came by other ways.

    Args:
        account, month: of the deals; shape (deals,).

    Returns:
        Position among the deals, -1 without one; shape of the starts.
    """
    deals = pd.DataFrame({"account": account, "month": month, "deal": np.arange(len(account))})
    deals = deals[deals["account"] >= 0].sort_values(["month", "deal"], kind="stable")
    rows = pd.DataFrame({"account": starts.account, "month": starts.month}).reset_index(names="start")
    joined = pd.merge_asof(rows, deals, on="month", by="account", tolerance=longest)
    found = joined.sort_values("start")["deal"]
    first = ~found.duplicated() & found.notna()
    return np.asarray(found.where(first, -1).astype(np.int64), dtype=np.int64)


def happened_in(count: int, deal: IntArray, month: IntArray) -> IntArray:
    """Month of the start of each of `count` deals; `NEVER` without one.

    Args:
        deal: position of each start's deal, -1 without; month: of each start.
    """
    found = np.full(count, NEVER, dtype=np.int64)
    found[deal[deal >= 0]] = month[deal >= 0]
    return found


def monthly_sums(month: IntArray, amounts: FloatArray, origin: int) -> FloatArray:
    """Sum per month from the first one to the origin, oldest first; months without rows are 0."""
    known = month <= origin
    if not known.any():
        return np.empty(0)
    first = int(month[known].min())
    return np.asarray(np.bincount(month[known] - first, amounts[known], origin - first + 1), dtype=np.float64)


def empty(columns: Sequence[str]) -> pd.DataFrame:
    """A table that a company does not have."""
    return pd.DataFrame({name: pd.Series(dtype=object) for name in columns})
