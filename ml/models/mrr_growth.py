"""How the MRR of customers who stay moves: expansion, contraction and price rounds, as rates shrunken by what was seen.

Three rates: per month of a contract that may change in any month, at the renewal of a longer term, and between two
renewals. All are ratios of sums, so they are those of the money, not of the average customer. A price round is a month
in which the first of them stood far above the others; its calendar month is expected to bring another one as often as
Laplace's rule of succession says, (rounds + 1) / (years + 2), and the rest of what rounds brought is spread over the
year. Belongs here: these rates and the path that follows. Does not belong here: who stays (`ml.models.hazard`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray
from ml.models.renewals import Renewals, month_numbers, renewals

PRIOR_MONTHS: Final = 240.0
MOST_MONTHLY: Final = 0.03
MOST_AT_RENEWAL: Final = 0.25
STANDS_OUT: Final = 5.0
LEAST_ROUND: Final = 0.01
FEW_ACCOUNTS: Final = 20
LEAST_CALM: Final = 6
YEAR: Final = 12
ANY_DAY: Final = pd.Timestamp(2000, 1, 31)  # of an account-month without a known contract


@dataclass(frozen=True)
class Growth:
    """Expected change of the MRR of those who stay, as a share of it.

    Attributes:
        monthly: per month, of contracts without a longer term.
        by_calendar: twelve shares around `monthly`, January first, of the same contracts; they add up to 0.
        at_renewal, between: of longer terms.
    """

    monthly: float
    by_calendar: tuple[float, ...] = (0.0,) * YEAR
    at_renewal: float = 0.0
    between: float = 0.0

    def path(self, rows: pd.DataFrame, months: int) -> FloatArray:
        """Expected MRR ÷ today's in each coming month, given that the customer stays; shape (n, months).

        Args:
            rows: as_of, and the contract's features if there are any.
        """
        ahead, due = np.arange(1, months + 1), renewals(rows).by_row()
        calendar = (month_numbers(rows["as_of"])[:, None] + ahead - 1) % YEAR
        flexible = self.monthly + np.array(self.by_calendar)[calendar]
        bound = np.where(due.are_due(ahead), self.at_renewal, self.between)
        return np.asarray(np.cumprod(1 + np.where(due.term > 1, bound, flexible), axis=1))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Growth":
        """The growth of its plain data."""
        return cls(**{**plain, "by_calendar": tuple(plain.get("by_calendar", (0.0,) * YEAR))})


def fit(movements: pd.DataFrame, contracts: pd.DataFrame, as_of: date) -> Growth:
    """Rates of all account-months up to `as_of`.

    Args:
        movements: fct_mrr_movements.
        contracts: account_id, as_of, billing_period, renewal_due_days of past month ends; may be empty.
    """
    stayed = _stayed(movements, as_of)
    if stayed.empty:
        return Growth(0.0)
    due = _due(stayed, contracts)
    is_long, is_due = due.term > 1, due.are_due(np.ones(len(stayed), dtype=np.int64))
    overall = _rate(stayed, 0.0, PRIOR_MONTHS)
    term = float(due.term[is_long].mean()) if is_long.any() else 1.0
    free = stayed[~is_long]
    monthly = float(np.clip(_rate(free, overall, PRIOR_MONTHS), -MOST_MONTHLY, MOST_MONTHLY))
    renewal = _rate(stayed[is_long & is_due], overall * term, PRIOR_MONTHS / term)
    return Growth(
        monthly,
        _by_calendar(free),
        float(np.clip(renewal, -MOST_AT_RENEWAL, MOST_AT_RENEWAL)),
        float(np.clip(_rate(stayed[is_long & ~is_due], 0.0, PRIOR_MONTHS), -MOST_MONTHLY, MOST_MONTHLY)),
    )


def _stayed(movements: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """account_id, month (number), opening, change of the account-months that begin and end with MRR."""
    months = pd.to_datetime(movements["month_start"])
    rows = pd.DataFrame(
        {
            "account_id": movements["account_id"],
            "month": month_numbers(months),
            "opening": movements["opening_mrr"].astype(float),
            "closing": movements["closing_mrr"].astype(float),
        }
    )
    kept = rows[(months <= pd.Timestamp(as_of)) & (rows["opening"] > 0) & (rows["closing"] > 0)]
    return kept.assign(change=kept["closing"] - kept["opening"]).reset_index(drop=True)


def _due(stayed: pd.DataFrame, contracts: pd.DataFrame) -> Renewals:
    """The renewals of each account-month, seen from the month end before it."""
    if not {"billing_period", "renewal_due_days"} <= set(contracts.columns):
        ones = np.ones(len(stayed), dtype=np.int64)
        return Renewals(ones, ones)
    known = contracts[["account_id", "as_of", "billing_period", "renewal_due_days"]]
    known = known.assign(month=month_numbers(known["as_of"]) + 1)
    joined = stayed.merge(known, on=["account_id", "month"], how="left", validate="many_to_one")
    return renewals(joined.assign(as_of=joined["as_of"].fillna(ANY_DAY)))


def _rate(rows: pd.DataFrame, centre: float, strength: float) -> float:
    """Change ÷ opening, pulled towards a centre that is worth so many account-months."""
    opening = float(rows["opening"].sum())
    weight = len(rows) / (len(rows) + strength)
    return weight * float(rows["change"].sum()) / opening + (1 - weight) * centre if opening else centre


def _by_calendar(rows: pd.DataFrame) -> tuple[float, ...]:
    """What each calendar month is expected to add to the monthly rate."""
    sums = rows.groupby("month").agg(opening=("opening", "sum"), change=("change", "sum"), size=("change", "size"))
    sums = sums[sums["size"] >= FEW_ACCOUNTS]
    rates, calendar = (sums["change"] / sums["opening"]).to_numpy(float), (sums.index.to_numpy() - 1) % YEAR
    rounds = _stand_out(rates)
    if not rounds.any():
        return (0.0,) * YEAR
    calm = float(np.average(rates[~rounds], weights=sums["opening"].to_numpy()[~rounds]))
    expected = np.array([_expected(rates - calm, rounds, calendar == month) for month in range(YEAR)])
    return tuple(float(share) for share in expected - expected.mean())


def _stand_out(rates: FloatArray) -> BoolArray:
    """Months far above the others, by the median and the median deviation."""
    if len(rates) < LEAST_CALM:
        return np.zeros(len(rates), dtype=bool)
    above = rates - np.median(rates)
    spread = 1.4826 * float(np.median(np.abs(above)))
    return np.asarray(above > max(STANDS_OUT * spread, LEAST_ROUND))


def _expected(excess: FloatArray, rounds: BoolArray, here: BoolArray) -> float:
    found = int((rounds & here).sum())
    return (found + 1) / (int(here.sum()) + 2) * float(excess[rounds & here].mean()) if found else 0.0
