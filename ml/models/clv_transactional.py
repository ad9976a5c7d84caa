"""Customer value without contracts: BG/NBD purchases × Gamma-Gamma amounts × margin, discounted, with intervals.

Label (for judging): margin of the purchases in the months after `as_of`. Features: number, last and mean amount of
past purchases. Belongs here: the summary of purchases, the fitted value model and its predictive distribution.
Does not belong here: the likelihoods (`ml.models.bg_nbd`, `ml.models.gamma_gamma`), judging (`ml.models.clv`).

The predictive distribution is exact for the number of purchases and sampled at fixed quasi-random points for the
amount: given k purchases their sum is scale × Gamma(p k) / Gamma(q + p x), the gammas by Wilson & Hilferty (1931).
Fixed points make a single prediction equal its row in a batch.
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.stats import norm, qmc

from ml.arrays import FloatArray
from ml.models import bg_nbd, gamma_gamma
from ml.models.clv_terms import LIFETIME_MONTHS, WEEKS_PER_MONTH, Terms

FILE: Final = "clv_transactional.json"
DRAWS: Final = 256
ROWS_AT_ONCE: Final = 2_000
MOST_PURCHASES: Final = 4_096
CENTRAL_BELOW: Final = 0.05
LEVELS: Final = (0.5, 0.999)


def customers(purchases: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """The history of every account that has bought by `as_of`, one row per account, sorted.

    Args:
        purchases: account_id, purchased_on, amount; one row per account and day.

    Returns:
        account_id, repeat_purchases, last_age, age (weeks since the first purchase), mean_amount of repeat
        purchases (0 without), monthly_amount (all spending ÷ months of age, at least three).
    """
    days = pd.to_datetime(purchases["purchased_on"])
    rows = purchases.assign(day=days, amount=purchases["amount"].astype(float))[days <= pd.Timestamp(as_of)]
    known: pd.DataFrame = rows.groupby(["account_id", "day"])["amount"].sum().reset_index()
    grouped = known.groupby("account_id")
    first, last = grouped["day"].min(), grouped["day"].max()
    repeats = known[known["day"] > known["account_id"].map(first)].groupby("account_id")["amount"].mean()
    age = (pd.Timestamp(as_of) - first).dt.days / 7
    return pd.DataFrame(
        {
            "repeat_purchases": grouped.size() - 1.0,
            "last_age": (last - first).dt.days / 7,
            "age": age,
            "mean_amount": repeats.reindex(first.index).fillna(0.0),
            "monthly_amount": grouped["amount"].sum() / np.maximum(age / WEEKS_PER_MONTH, 3.0),
        }
    ).reset_index()


def realised(purchases: pd.DataFrame, accounts: "pd.Series[Any]", start: date, end: date, terms: Terms) -> FloatArray:
    """Discounted margin per account of the purchases after `start` up to `end`; shape of accounts."""
    days = pd.to_datetime(purchases["purchased_on"])
    within = (days > pd.Timestamp(start)) & (days <= pd.Timestamp(end))
    years = (days[within] - pd.Timestamp(start)).dt.days / 365.25
    money = purchases.loc[within, "amount"].astype(float) * (1 + terms.discount_rate_annual) ** -years
    sums = money.groupby(purchases.loc[within, "account_id"]).sum()
    return np.asarray(accounts.map(sums).fillna(0.0), dtype=float) * terms.gross_margin_ratio


@dataclass(frozen=True)
class TransactionalClv:
    """The fitted model.

    Attributes:
        level: quantile level that realises `terms.nominal` on past customers (conformal adjustment).
    """

    purchases: bg_nbd.BgNbd
    amounts: gamma_gamma.GammaGamma
    terms: Terms
    level: float

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Value per row of `customers`: value, lower, upper, lifetime_value, expected_purchases, expected_amount,
        probability_alive; money in the company's currency.
        """  # noqa: D205
        x, last, age = (features[name].to_numpy(float) for name in ("repeat_purchases", "last_age", "age"))
        amount = self.amounts.expected_amount(x, features["mean_amount"].to_numpy(float))
        by_month = self.purchases_by_month(features, max(self.terms.months, LIFETIME_MONTHS))
        discounted = by_month * self.terms.discounts(by_month.shape[1])
        horizon = slice(0, self.terms.months)
        margin = amount * self.terms.gross_margin_ratio
        value = margin * discounted[:, horizon].sum(axis=1)
        lower, upper = self._interval(features, value, by_month[:, horizon].sum(axis=1))
        return pd.DataFrame(
            {
                "account_id": features["account_id"],
                "value": value,
                "lower": lower,
                "upper": upper,
                "lifetime_value": margin * discounted.sum(axis=1),
                "expected_purchases": by_month[:, horizon].sum(axis=1),
                "expected_amount": amount,
                "probability_alive": self.purchases.probability_alive(x, last, age),
            }
        )

    def purchases_by_month(self, features: pd.DataFrame, months: int) -> FloatArray:
        """Expected purchases in each coming month; shape (n, months). Years after the horizon are spread evenly."""
        x, last, age = (features[name].to_numpy(float) for name in ("repeat_purchases", "last_age", "age"))
        fine = np.arange(1, self.terms.months + 1)
        coarse = np.arange(self.terms.months + 12, months + 12, 12).clip(max=months)
        ends = np.unique(np.concatenate([fine, coarse]))
        total = [self.purchases.expected_future_purchases(x, last, age, end * WEEKS_PER_MONTH) for end in ends]
        steps = np.diff(np.column_stack([np.zeros(len(x)), *total]), axis=1).clip(min=0.0)
        widths = np.diff(np.concatenate([[0], ends]))
        return np.asarray(np.repeat(steps / widths, widths, axis=1))

    def scores(self, features: pd.DataFrame, actual: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Per row: the smallest level whose interval would hold the actual value, and P(nothing is bought).

        Rows that may well buy nothing have one-sided intervals from 0, the others central ones.
        """
        prediction = self.predict(features)
        parts = self._chunks(features)
        ratio = _ratio(prediction["value"], prediction["expected_purchases"], prediction["expected_amount"])
        at = np.concatenate(
            [np.mean(sums * ratio[rows, None] <= actual[rows, None], axis=1) for rows, sums, _ in parts]
        )
        nothing = np.concatenate([zero for _, _, zero in parts])
        return np.where(nothing >= CENTRAL_BELOW, at, np.abs(2 * at - 1)), nothing

    def calibrated(self, features: pd.DataFrame, actual: FloatArray) -> "TransactionalClv":
        """The same model with the level that covers `terms.nominal` of these customers (split conformal)."""
        scores, _ = self.scores(features, actual)
        rank = min(1.0, np.ceil((len(scores) + 1) * self.terms.nominal) / max(len(scores), 1))
        level = float(np.clip(np.quantile(scores, rank, method="higher"), *LEVELS))
        return replace(self, level=level)

    def save(self, folder: Path) -> None:
        """Write the parameters as JSON."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "TransactionalClv":
        """Read what `save` wrote."""
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(
            bg_nbd.BgNbd(**data["purchases"]),
            gamma_gamma.GammaGamma(**data["amounts"]),
            Terms(**data["terms"]),
            data["level"],
        )

    def _interval(
        self, features: pd.DataFrame, value: FloatArray, expected: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        amount = self.amounts.expected_amount(
            features["repeat_purchases"].to_numpy(float), features["mean_amount"].to_numpy(float)
        )
        ratio = _ratio(value, expected, amount)
        lower, upper = np.zeros(len(value)), np.zeros(len(value))
        for rows, sums, nothing in self._chunks(features):
            one_sided = nothing >= CENTRAL_BELOW
            low = np.where(one_sided, 0.0, np.quantile(sums, (1 - self.level) / 2, axis=1))
            high = np.where(
                one_sided, np.quantile(sums, self.level, axis=1), np.quantile(sums, (1 + self.level) / 2, axis=1)
            )
            lower[rows], upper[rows] = low * ratio[rows], high * ratio[rows]
        return np.minimum(lower, value), np.maximum(upper, value)

    def _chunks(self, features: pd.DataFrame) -> list[tuple[slice, FloatArray, FloatArray]]:
        """Per block of rows: undiscounted spending at the fixed points, shape (rows, DRAWS), and P(nothing)."""
        starts = range(0, len(features), ROWS_AT_ONCE)
        blocks = [slice(start, min(start + ROWS_AT_ONCE, len(features))) for start in starts]
        return [(rows, *self._spending(features.iloc[rows])) for rows in blocks]

    def _spending(self, features: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        x, last, age, mean = (
            features[name].to_numpy(float) for name in ("repeat_purchases", "last_age", "age", "mean_amount")
        )
        points = _points()
        tails = self._tails(x, last, age)
        counts = np.array([np.searchsorted(row, points[:, 0]) for row in 1 - tails], dtype=float)
        first = _gamma(np.maximum(self.amounts.p * counts, 1e-9), norm.ppf(points[:, 1]))
        second = _gamma(self.amounts.q + self.amounts.p * x[:, None], norm.ppf(points[:, 2]))
        scale = self.amounts.v + (x * mean)[:, None]
        return np.where(counts > 0, scale * first / np.maximum(second, 1e-9), 0.0), 1 - tails[:, 0]

    def _tails(self, x: FloatArray, last: FloatArray, age: FloatArray) -> FloatArray:
        """P(more than k purchases) up to a k that no fixed point exceeds."""
        most, weeks = 16, self.terms.months * WEEKS_PER_MONTH
        while most < MOST_PURCHASES:
            tails = self.purchases.tail_probability(x, last, age, weeks, most)
            if tails[:, -1].max() < 0.5 / DRAWS:
                return tails
            most *= 2
        return self.purchases.tail_probability(x, last, age, weeks, most)


def fit(history: pd.DataFrame, terms: Terms) -> TransactionalClv:
    """Maximum likelihood on the rows of `customers`.

    Raises:
        NoConvergenceError: the history does not identify the parameters.
    """
    x, mean = history["repeat_purchases"].to_numpy(float), history["mean_amount"].to_numpy(float)
    purchases = bg_nbd.fit(x, history["last_age"].to_numpy(float), history["age"].to_numpy(float))
    return TransactionalClv(purchases, gamma_gamma.fit(x, mean), terms, terms.nominal)


def _ratio(value: Any, expected: Any, amount: Any) -> FloatArray:  # noqa: ANN401 - arrays or columns
    """Discounted margin ÷ undiscounted expected spending, per row."""
    spending = np.asarray(expected, dtype=float) * np.asarray(amount, dtype=float)
    ratio = np.divide(np.asarray(value, dtype=float), spending, out=np.zeros(len(spending)), where=spending > 0)
    return np.asarray(ratio)


def _points() -> FloatArray:
    """Halton points in the unit cube, shape (DRAWS, 3), none on its faces."""
    return np.asarray(qmc.Halton(3, scramble=False).random(DRAWS + 1)[1:])


def _gamma(shape: FloatArray, normal: FloatArray) -> FloatArray:
    """Quantiles of Gamma(shape, 1) at normal scores: shape (1 - 1/(9 shape) + z / (3 sqrt(shape)))^3."""
    return np.asarray(shape * np.maximum(1 - 1 / (9 * shape) + normal / (3 * np.sqrt(shape)), 1e-6) ** 3)
