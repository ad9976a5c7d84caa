"""Customer value without contracts: BG/NBD purchases × Gamma-Gamma amounts × margin, discounted, with intervals.

Label (for judging): margin of the purchases in the months after `as_of`. Features: number, last and mean amount of
past purchases. Belongs here: the summary of purchases, the fitted value model and its predictive distribution.
Does not belong here: the likelihoods (`ml.models.bg_nbd`, `ml.models.gamma_gamma`), judging (`ml.models.clv`).

The predictive distribution is exact for the number of purchases and sampled at fixed quasi-random points for the
amount: given k purchases their sum is scale × Gamma(p k) / Gamma(q + p x), the gammas by Wilson & Hilferty (1931).
Fixed points make a single prediction equal its row in a batch.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm, qmc

from ml.arrays import FloatArray, log_odds, logistic
from ml.models import bg_nbd, gamma_gamma
from ml.models.clv_terms import LIFETIME_MONTHS, WEEKS_PER_MONTH, Terms

FILE: Final = "clv_transactional.json"
DRAWS: Final = 256
ROWS_AT_ONCE: Final = 2_000
FEW_PURCHASES: Final = 8
MOST_PURCHASES: Final = 4_096
CENTRAL_BELOW: Final = 0.05
LEVELS: Final = (0.5, 0.999)
LEAST_PURCHASES: Final = 1e-9
COLUMNS: Final = (
    "lifetime_value",
    "expected_purchases", "expected_purchases_lower", "expected_purchases_upper",
    "expected_amount",
    "probability_alive", "probability_alive_lower", "probability_alive_upper",
)  # fmt: skip


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

    @property
    def method(self) -> str:
        """Name of the model in reports."""
        return "bg_nbd_gamma_gamma"

    def siblings(self) -> tuple["TransactionalClv", ...]:
        """There is no simpler model inside this one."""
        return ()

    def remarks(self) -> tuple[str, ...]:
        """Nothing to add to the figures."""
        return ()

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Value per row of `customers`, and its parts; money in the company's currency.

        Returns:
            value, lower, upper, lifetime_value, expected_purchases, expected_amount, probability_alive. The bounds of
            purchases and of being alive are those that the doubt about the model's parameters leaves (delta method).
        """
        said = self.expected(features)
        lower, upper = self._interval(features, said)
        return said.assign(lower=lower, upper=upper, **self._parts(features))[
            ["account_id", "value", "lower", "upper", *COLUMNS]
        ]

    def _parts(self, features: pd.DataFrame) -> dict[str, FloatArray]:
        """P(alive), and the bounds of P(alive) and of the expected purchases."""
        x, last, age = (features[name].to_numpy(float) for name in ("repeat_purchases", "last_age", "age"))
        weeks, level = self.terms.months * WEEKS_PER_MONTH, self.terms.nominal
        alive = self.purchases.interval(lambda model: log_odds(model.probability_alive(x, last, age)), level)
        bought = self.purchases.interval(
            lambda model: np.log(np.maximum(model.expected_future_purchases(x, last, age, weeks), LEAST_PURCHASES)),
            level,
        )
        return {
            "probability_alive": self.purchases.probability_alive(x, last, age),
            "probability_alive_lower": np.where(x > 0, logistic(alive[0]), 1.0),
            "probability_alive_upper": np.where(x > 0, logistic(alive[1]), 1.0),
            "expected_purchases_lower": np.exp(bought[0]),
            "expected_purchases_upper": np.exp(bought[1]),
        }

    def expected(self, features: pd.DataFrame) -> pd.DataFrame:
        """The expectations among the columns of `predict`: account_id, value, lifetime_value, purchases, amount."""
        x = features["repeat_purchases"].to_numpy(float)
        amount = self.amounts.expected_amount(x, features["mean_amount"].to_numpy(float))
        by_month = self.purchases_by_month(features, max(self.terms.months, LIFETIME_MONTHS))
        discounted = by_month * self.terms.discounts(by_month.shape[1])
        horizon = slice(0, self.terms.months)
        margin = amount * self.terms.gross_margin_ratio
        return pd.DataFrame(
            {
                "account_id": features["account_id"],
                "value": margin * discounted[:, horizon].sum(axis=1),
                "lifetime_value": margin * discounted.sum(axis=1),
                "expected_purchases": by_month[:, horizon].sum(axis=1),
                "expected_amount": amount,
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
        ratio = _ratio(self.expected(features))
        at, nothing = np.zeros(len(features)), np.zeros(len(features))
        for rows, sums, zero in self._chunks(features):
            at[rows] = np.mean(sums * ratio[rows, None] <= actual[rows, None], axis=1)
            nothing[rows] = zero
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
            bg_nbd.from_json(data["purchases"]),
            gamma_gamma.GammaGamma(**data["amounts"]),
            Terms(**data["terms"]),
            data["level"],
        )

    def _interval(self, features: pd.DataFrame, said: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        value, ratio = said["value"].to_numpy(float), _ratio(said)
        lower, upper = np.zeros(len(value)), np.zeros(len(value))
        for rows, sums, nothing in self._chunks(features):
            one_sided = nothing >= CENTRAL_BELOW
            sums.sort(axis=1)
            low = np.where(one_sided, 0.0, _sorted_quantile(sums, (1 - self.level) / 2))
            high = _sorted_quantile(sums, np.where(one_sided, self.level, (1 + self.level) / 2))
            lower[rows], upper[rows] = low * ratio[rows], high * ratio[rows]
        return np.minimum(lower, value), np.maximum(upper, value)

    def _chunks(self, features: pd.DataFrame) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Per block of rows: undiscounted spending at the fixed points, shape (rows, DRAWS), and P(nothing)."""
        table, nothing, kind = self._counts(features)
        for start in range(0, len(features), ROWS_AT_ONCE):
            rows = slice(start, min(start + ROWS_AT_ONCE, len(features)))
            yield rows, self._spending(features.iloc[rows], table[kind[rows]].astype(float)), nothing[kind[rows]]

    def _counts(self, features: pd.DataFrame) -> tuple[npt.NDArray[np.int16], FloatArray, npt.NDArray[np.intp]]:
        """Purchases at the fixed points per distinct history, shape (histories, DRAWS), P(nothing), and the history of
        each row; few purchases come first, so that long tails are worked out for frequent buyers alone.
        """  # noqa: D205
        names = ["repeat_purchases", "last_age", "age"]
        histories, kind = np.unique(features[names].to_numpy(float), axis=0, return_inverse=True)
        points = _points()[:, 0]
        counts, nothing = np.zeros((len(histories), DRAWS), dtype=np.int16), np.zeros(len(histories))
        for start in range(0, len(histories), ROWS_AT_ONCE // 4):
            rows = slice(start, start + ROWS_AT_ONCE // 4)
            tails = self._tails(*histories[rows].T)
            counts[rows] = [np.searchsorted(row, points) for row in 1 - tails]
            nothing[rows] = 1 - tails[:, 0]
        return counts, nothing, kind.ravel()

    def _spending(self, features: pd.DataFrame, counts: FloatArray) -> FloatArray:
        x, mean = (features[name].to_numpy(float) for name in ("repeat_purchases", "mean_amount"))
        scores = norm.ppf(_points()[:, 1:])
        first = _gamma(np.maximum(self.amounts.p * counts, 1e-9), scores[:, 0])
        second = _gamma(self.amounts.q + self.amounts.p * x[:, None], scores[:, 1])
        scale = self.amounts.v + (x * mean)[:, None]
        return np.where(counts > 0, scale * first / np.maximum(second, 1e-9), 0.0)

    def _tails(self, x: FloatArray, last: FloatArray, age: FloatArray) -> FloatArray:
        """P(more than k purchases) up to a k that no fixed point exceeds."""
        most, weeks = FEW_PURCHASES, self.terms.months * WEEKS_PER_MONTH
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


def _ratio(said: pd.DataFrame) -> FloatArray:
    """Discounted margin ÷ undiscounted expected spending, per row of expectations."""
    spending = said["expected_purchases"].to_numpy(float) * said["expected_amount"].to_numpy(float)
    value = said["value"].to_numpy(float)
    return np.asarray(np.divide(value, spending, out=np.zeros(len(value)), where=spending > 0))


def _sorted_quantile(rows: FloatArray, level: FloatArray | float) -> FloatArray:
    """Quantile of each sorted row, by a line between neighbours (as `numpy.quantile`)."""
    at = np.broadcast_to(np.asarray(level, dtype=float), len(rows)) * (rows.shape[1] - 1)
    low = np.floor(at).astype(int)
    high, every = np.minimum(low + 1, rows.shape[1] - 1), np.arange(len(rows))
    return np.asarray(rows[every, low] + (rows[every, high] - rows[every, low]) * (at - low))


def _points() -> FloatArray:
    """Halton points in the unit cube, shape (DRAWS, 3), none on its faces."""
    return np.asarray(qmc.Halton(3, scramble=False).random(DRAWS + 1)[1:])


def _gamma(shape: FloatArray, normal: FloatArray) -> FloatArray:
    """Quantiles of Gamma(shape, 1) at normal scores: shape (1 - 1/(9 shape) + z / (3 sqrt(shape)))^3."""
    return np.asarray(shape * np.maximum(1 - 1 / (9 * shape) + normal / (3 * np.sqrt(shape)), 1e-6) ** 3)
