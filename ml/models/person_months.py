"""Who was watched for how long: customers at past month ends, and the month in which they left.

Belongs here: follow-up of customers from their spells, as known at an origin, and its spreading into person-months.
Does not belong here: features, the hazard (`ml.models.hazard`).
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray, IntArray
from ml.models.renewals import month_numbers
from ml.models.survival import DAYS_PER_MONTH

MOST_MONTHS: Final = 24
MOST_PERSON_MONTHS: Final = 150_000
# A customer's neighbouring month ends share nearly all of their future: every third tells almost as much.
EVERY: Final = 3


@dataclass(frozen=True)
class PersonMonths:
    """Rows of a discrete-time hazard: one per customer, `as_of` and month ahead in which the customer could leave.

    Attributes:
        row: position of the customer and `as_of`, shape (n,).
        ahead: month ahead, 1 to `MOST_MONTHS`, shape (n,).
        left: 1.0 in the month of leaving, shape (n,).
    """

    row: IntArray
    ahead: IntArray
    left: FloatArray


def with_tenure(rows: pd.DataFrame, spells: pd.DataFrame) -> pd.DataFrame:
    """Rows with the spell that runs at their `as_of`: started_on, ended_on, tenure_months (completed; 0 without one).

    Args:
        rows: account_id, as_of; in any order, with a fresh index.
        spells: account_id, started_on, ended_on (null while active).
    """
    asked = pd.DataFrame(
        {"account_id": rows["account_id"].astype(object), "as_of": _days(rows["as_of"]), "place": range(len(rows))}
    )
    begun = pd.DataFrame(
        {"account_id": spells["account_id"].astype(object), "started_on": _days(spells["started_on"]),
         "ended_on": _days(spells["ended_on"])}
    )  # fmt: skip
    found = pd.merge_asof(
        asked.sort_values("as_of", kind="stable"),
        begun.sort_values("started_on", kind="stable"),
        left_on="as_of",
        right_on="started_on",
        by="account_id",
    ).sort_values("place")
    runs = (found["started_on"].notna() & ~found["ended_on"].le(found["as_of"])).to_numpy()
    started = found["started_on"].where(runs).to_numpy()
    days = (found["as_of"].to_numpy() - started) / np.timedelta64(1, "D")
    tenure = np.where(runs, np.floor(np.nan_to_num(days) / DAYS_PER_MONTH), 0.0)
    return rows.assign(started_on=started, ended_on=found["ended_on"].where(runs).to_numpy(), tenure_months=tenure)


def watched(rows: pd.DataFrame, origin: date, confirm_days: int) -> pd.DataFrame:
    """The rows of `with_tenure` that were watched for a month or longer, as far as it was known at `origin`.

    An end counts once its grace is over, so months that are not over by `origin` less `confirm_days` are not read.

    Returns:
        The rows with seen_months (1 to `MOST_MONTHS`, the month of leaving included) and has_left (0/1).
    """
    known = pd.Timestamp(origin) - pd.Timedelta(days=confirm_days)
    until = int(month_numbers(pd.DatetimeIndex([known]))[0]) - (not known.is_month_end)
    kept = rows[rows["started_on"].notna() & pd.to_datetime(rows["as_of"]).le(known)].reset_index(drop=True)
    now = month_numbers(kept["as_of"])
    over = kept["ended_on"].notna().to_numpy()
    ends = np.where(over, month_numbers(kept["ended_on"].fillna(pd.Timestamp(origin))), until + 1)
    seen = np.minimum(np.minimum(ends, until) - now, MOST_MONTHS)
    left = (ends <= until) & (ends - now <= MOST_MONTHS)
    enough = (seen >= 1) & ((until - now) % EVERY == 1)
    return _thinned(kept.assign(seen_months=seen, has_left=left.astype(float))[enough].reset_index(drop=True))


def spread(rows: pd.DataFrame) -> PersonMonths:
    """The person-months of `watched` rows, row by row."""
    seen = rows["seen_months"].to_numpy(np.int64)
    row = np.repeat(np.arange(len(rows)), seen)
    ahead = np.arange(len(row)) - np.repeat(np.cumsum(seen) - seen, seen) + 1
    left = (ahead == seen[row]) * rows["has_left"].to_numpy(float)[row]
    return PersonMonths(row, ahead, left)


def folds(accounts: "pd.Series[str]", count: int, salt: str = "") -> IntArray:
    """A part of 0..count - 1 for each account, the same whenever it is asked; parts of two salts are independent."""
    hashes = pd.util.hash_array((salt + accounts.astype(str)).to_numpy(dtype=object))
    return np.asarray(hashes % count, dtype=np.int64)


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """Whole accounts are left out where there are more person-months than a hazard needs."""
    parts = int(np.ceil(rows["seen_months"].sum() / MOST_PERSON_MONTHS))
    return rows if parts <= 1 else rows[folds(rows["account_id"], parts, "thinned") == 0].reset_index(drop=True)


def _days(values: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(values).astype("datetime64[ns]")
