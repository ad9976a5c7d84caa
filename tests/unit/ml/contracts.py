"""Simulated contracts with a known hazard, for tests of the hazard and of customer value under contract."""

from datetime import date
from functools import cache

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import logistic
from ml.models.clv_contractual import History
from tests.unit.ml.synthetic import column

END = date(2024, 12, 31)
COLUMNS: tuple[FeatureColumn, ...] = (
    column("health"),
    column("billing_period", "categorical"),
    column("renewal_due_days"),
)
BASE, EFFECT, AT_RENEWAL = -3.4, -1.0, 1.5
LIST_PRICE = 100.0


def chance(health: np.ndarray, term: np.ndarray, tenure: np.ndarray) -> np.ndarray:
    """True probability of leaving in the month in which the contract has run for so many months."""
    due = (tenure >= 1) & (tenure % term == 0)
    return np.where(due, logistic(BASE + EFFECT * health + AT_RENEWAL * (term > 1)), 0.0)


@cache
def contracts(
    customers: int, months: int = 40, seed: int = 3, effect: float = 1.0
) -> tuple[pd.DataFrame, pd.DataFrame, History]:
    """Spells, MRR movements and features of customers whose health is known and multiplies with `effect`.

    Every third contract is annual. MRR rises by a tenth at an annual renewal and never else.
    """
    rng = np.random.default_rng(seed)
    firsts = pd.date_range(end=pd.Timestamp(END).replace(day=1), periods=months, freq="MS")
    health, begin = rng.standard_normal(customers), rng.integers(0, months - 2, customers)
    term = np.where(np.arange(customers) % 3 == 0, 12, 1)
    spells, movements, features = [], [], []
    for number in range(customers):
        name, mrr, ended = f"a{number:05d}", LIST_PRICE, None
        for month in range(begin[number], months):
            tenure = np.array(month - begin[number])
            if rng.random() < chance(effect * health[number], term[number], tenure):
                ended = firsts[month] + pd.Timedelta(days=9)
                break
            opening = mrr if tenure else 0.0
            mrr *= 1.1 if tenure and term[number] == 12 and tenure % 12 == 0 else 1.0
            movements.append((name, firsts[month], opening, mrr))
            month_end = firsts[month] + pd.offsets.MonthEnd(0)
            due = begin[number] + (tenure // term[number] + 1) * term[number]
            renewal = firsts[0] + pd.DateOffset(months=int(due), days=9)
            period = "annual" if term[number] == 12 else "monthly"
            features.append((name, month_end, health[number], period, (renewal - month_end).days))
        spells.append((name, firsts[begin[number]] + pd.Timedelta(days=9), ended))
    moved = pd.DataFrame(movements, columns=["account_id", "month_start", "opening_mrr", "closing_mrr"])
    known = pd.DataFrame(features, columns=["account_id", "as_of", *(column.name for column in COLUMNS)])
    began = pd.DataFrame(spells, columns=["account_id", "started_on", "ended_on"])
    began["ended_on"] = pd.to_datetime(began["ended_on"])
    return began, moved, History(known, COLUMNS, confirm_days=30)
