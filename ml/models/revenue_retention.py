"""How much of today's MRR is still there in each coming month: discrete-time hazards with covariates.

Each month a paying account leaves with probability h, logit-linear in its tenure, whether its anniversary has come,
annual billing, the size of its MRR, region and segment (Allison 1982; ridge penalty, so that few churned accounts stay
near the common rate). Large accounts stay longer than small ones in most companies, so a rate per account would
underrate what money stays. Belongs here: hazards and the growth of accounts that stay. Does not belong here: the churn
model (`ml.models.churn`), which knows behaviour but no history of its own statements.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.models.revenue_book import Book, month_of

YEAR: Final = 12
LEAST_EVENTS: Final = 10
PRIOR_RATE, PRIOR_MONTHS = 0.03, 12.0
EARLY_MONTHS: Final = 3
MOST_LEVELS: Final = 20
PENALTY: Final = 0.1
GROWTH_MONTHS: Final = 12
SEASONAL_MONTHS: Final = 18
GROWTH_PRIOR_MONTHS: Final = 240.0
DAMPING: Final = 0.98


@dataclass(frozen=True)
class Traits:
    """What is known of the accounts of a book besides their MRR.

    Attributes:
        groups: 0/1 columns of region and segment, shape (accounts, levels).
        annual: 1 where the contract running in a month is billed by the year, shape of the book's MRR.
    """

    groups: FloatArray
    annual: FloatArray

    @classmethod
    def of(cls, book: Book, accounts: pd.DataFrame, contracts: pd.DataFrame) -> "Traits":
        """From dim_accounts (account_id, region, segment) and contracts (account_id, started_on, is_annual)."""
        known = accounts.drop_duplicates("account_id").set_index("account_id").reindex(book.accounts)
        groups = [_levels(known[name]) for name in ("region", "segment")]
        return cls(np.column_stack(groups), _annual(book, contracts))


def _levels(values: "pd.Series[str]") -> FloatArray:
    """0/1 columns of the most frequent values; the penalty makes a reference level unnecessary."""
    names = values.fillna("unknown").astype(str)
    kept = names.value_counts().index[:MOST_LEVELS]
    return np.asarray(names.to_numpy()[:, None] == kept.to_numpy()[None, :], dtype=np.float64)


def _annual(book: Book, contracts: pd.DataFrame) -> FloatArray:
    """The flag of the newest contract begun by each month."""
    found = np.full(book.mrr.shape, np.nan)
    if len(contracts) and book.mrr.shape[1]:
        rows = contracts.sort_values("started_on", kind="stable")
        position, month = book.positions(rows["account_id"]), month_of(rows["started_on"]) - book.first
        inside = (position >= 0) & (month < book.mrr.shape[1])
        flags = rows["is_annual"].fillna(value=False).astype(float).to_numpy()
        found[position[inside], np.maximum(month[inside], 0)] = flags[inside]
    return np.asarray(pd.DataFrame(found).ffill(axis=1).fillna(0.0), dtype=np.float64)


@dataclass(frozen=True)
class Hazards:
    """Fitted monthly hazards.

    Attributes:
        intercept, weights: of the columns of `_columns`; centre: mean log MRR at fitting.
    """

    intercept: float
    weights: FloatArray
    centre: float

    def stays(
        self, mrr: FloatArray, tenure: IntArray, annual: FloatArray, groups: FloatArray, months: int
    ) -> FloatArray:
        """P(still paying k months on), k = 1..months, shape (accounts, months).

        Args:
            tenure: months in a row paid so far; shapes (accounts,), groups (accounts, levels).
        """
        hazards = np.empty((len(mrr), months))
        for ahead in range(months):
            rows = _columns(mrr, tenure + ahead, annual, groups, self.centre)
            hazards[:, ahead] = 1 / (1 + np.exp(-(self.intercept + rows @ self.weights)))
        return np.asarray(np.cumprod(1 - hazards, axis=1), dtype=np.float64)


def fit_hazards(book: Book, traits: Traits, column: int) -> Hazards:
    """Fit on all account-months whose outcome is known at the end of the month at `column`."""
    account, month = np.nonzero(book.mrr[:, :column] > 0)
    left = book.mrr[account, month + 1] <= 0
    centre = float(np.log(book.mrr[account, month]).mean()) if len(account) else 0.0
    rows = _columns(
        book.mrr[account, month],
        book.tenure[account, month],
        traits.annual[account, month],
        traits.groups[account],
        centre,
    )
    if left.sum() < LEAST_EVENTS or left.all():
        rate = (left.sum() + PRIOR_RATE * PRIOR_MONTHS) / (len(left) + PRIOR_MONTHS)
        return Hazards(float(np.log(rate / (1 - rate))), np.zeros(rows.shape[1]), centre)
    return _fit(rows, left, centre)


def _fit(rows: FloatArray, left: BoolArray, centre: float) -> Hazards:
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1 / PENALTY, max_iter=200).fit(rows, left)
    return Hazards(float(fitted.intercept_[0]), np.asarray(fitted.coef_[0], dtype=np.float64), centre)


def _columns(mrr: FloatArray, tenure: IntArray, annual: FloatArray, groups: FloatArray, centre: float) -> FloatArray:
    """Covariates of the coming month; shape (rows, 6 + levels)."""
    is_due = (tenure % YEAR == 0).astype(np.float64)
    own = [
        np.log(np.maximum(tenure, 1)),
        tenure <= EARLY_MONTHS,
        is_due,
        annual,
        annual * is_due,
        np.log(np.maximum(mrr, 1e-9)) - centre,
    ]
    return np.column_stack([*own, groups]).astype(np.float64)


def growth_path(book: Book, column: int, months: int) -> FloatArray:
    """MRR of an account that stays, k = 1..months months on, relative to now; shape (months,).

    The net growth of the last twelve months, shrunken towards none by the account-months seen, continues and wanes by
    2 % a month. Months of the year differ from it (prices are mostly raised once a year) as far as their rates differ
    by more than the accounts' own noise explains.
    """
    rates, noise, counts, openings = _growth_rates(book, column)
    year = slice(-GROWTH_MONTHS, None)
    seen = float(counts[year].sum())
    total = float(openings[year].sum())
    rate = float(rates[year] @ openings[year]) / total if total > 0 else 0.0
    trust = seen / (seen + GROWTH_PRIOR_MONTHS)
    season = _season_of_growth(rates - rate, noise)[(column + np.arange(1, months + 1)) % YEAR]
    return np.asarray(np.cumprod(1 + trust * (rate * DAMPING ** np.arange(months) + season)), dtype=np.float64)


def _growth_rates(book: Book, column: int) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Net growth of the accounts that stay, its sampling variance, their number and opening MRR, by month 1..column."""
    before, after = book.mrr[:, :column], book.mrr[:, 1 : column + 1]
    stayed = (before > 0) & (after > 0)
    opening = np.where(stayed, before, 0.0)
    change = np.where(stayed, after - before, 0.0)
    openings = opening.sum(axis=0)
    safe = np.maximum(openings, 1e-9)
    rates = change.sum(axis=0) / safe
    noise = np.sum((change - rates * opening) ** 2, axis=0) / safe**2
    return rates, noise, stayed.sum(axis=0).astype(np.float64), openings


def _season_of_growth(deviations: FloatArray, noise: FloatArray) -> FloatArray:
    """What each month of the year adds to the rate, by position (column modulo 12); shape (12,); 0 below 18 months.

    Means by month of up to three years, shrunken by the share of their variance that sampling explains (James & Stein).
    """
    if len(deviations) < SEASONAL_MONTHS:
        return np.zeros(YEAR)
    recent = np.arange(max(len(deviations) - 3 * YEAR, 0), len(deviations))
    position = (recent + 1) % YEAR
    years = np.bincount(position, minlength=YEAR)
    means = np.bincount(position, deviations[recent], YEAR) / years
    doubt = np.bincount(position, noise[recent], YEAR) / years**2
    between = float(np.mean((means - means.mean()) ** 2))
    kept = max(0.0, 1 - float(doubt.mean()) / between) if between > 0 else 0.0
    return np.asarray(kept * (means - means.mean()))


def weighted(stays: FloatArray, weights: Sequence[float] | FloatArray) -> FloatArray:
    """Mean over the accounts, weighted by their MRR; shape (months,)."""
    total = float(np.sum(weights))
    return np.asarray(np.asarray(weights) @ stays / total) if total > 0 else np.zeros(stays.shape[1])
