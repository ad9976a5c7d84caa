"""Customer value under contract: survival × expected MRR × margin, discounted, with intervals.

Label (for judging): margin of the MRR in the months after `as_of`. Features: tenure, segment, current MRR. Belongs
here: the customers of a date, the fitted value model, its intervals. Does not belong here: the survival likelihood
(`ml.models.survival`), judging (`ml.models.clv`).

Given that a customer stays K months his value is known but for the change of his MRR, and it rises with K: quantiles
of the value are those of K, widened by a factor learned on past customers (conformal).
"""

import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models import survival
from ml.models.clv_terms import LIFETIME_MONTHS, Terms

FILE: Final = "clv_contractual.json"
GROWTH_PRIOR_MONTHS: Final = 240.0
MOST_GROWTH: Final = 0.03
WIDEST: Final = 1.5


def customers(spells: pd.DataFrame, movements: pd.DataFrame, segments: pd.DataFrame, as_of: date) -> pd.DataFrame:
    """Accounts with MRR at `as_of`, one row each, sorted by account.

    Args:
        spells: fct_customer_spells; movements: fct_mrr_movements; segments: account_id, segment (may be empty).
        as_of: a month end.

    Returns:
        account_id, segment ("unknown" without one), tenure_months (completed, of the current spell), mrr,
        monthly_amount (= mrr, the name the fallback reads).
    """
    months = pd.to_datetime(movements["month_start"])
    this = movements[months == pd.Timestamp(as_of).replace(day=1)]
    mrr = this.assign(mrr=this["closing_mrr"].astype(float)).query("mrr > 0")[["account_id", "mrr"]]
    lengths = survival.spells_in_months(spells, pd.Timestamp(as_of))
    tenure = lengths[~lengths["is_ended"].astype(bool)].groupby("account_id")["months"].min()
    known = segments.drop_duplicates("account_id").set_index("account_id")["segment"]
    rows = mrr.sort_values("account_id", ignore_index=True)
    return rows.assign(
        segment=rows["account_id"].map(known).fillna("unknown").astype(str),
        tenure_months=rows["account_id"].map(tenure).fillna(0.0),
        monthly_amount=rows["mrr"],
    )


def realised(movements: pd.DataFrame, accounts: "pd.Series[str]", start: date, months: int, terms: Terms) -> FloatArray:
    """Discounted margin per account of the closing MRR in the `months` after `start`; shape of accounts."""
    first = pd.Timestamp(start).replace(day=1)
    when = pd.to_datetime(movements["month_start"])
    ahead = (when.dt.year - first.year) * 12 + when.dt.month - first.month
    within = ahead.between(1, months)
    factors = terms.discounts(months)[ahead[within].to_numpy(int) - 1]
    money = movements.loc[within, "closing_mrr"].astype(float) * factors * terms.gross_margin_ratio
    sums = money.groupby(movements.loc[within, "account_id"]).sum()
    return np.asarray(accounts.map(sums).fillna(0.0), dtype=float)


@dataclass(frozen=True)
class ContractualClv:
    """The fitted model.

    Attributes:
        growth_monthly: expected net expansion of the MRR of customers who stay, per month.
        width: factor exp(±width) by which the interval of the survival alone is widened.
    """

    survival: survival.Survival
    growth_monthly: float
    terms: Terms
    width: float

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Value per row of `customers`: value, lower, upper, lifetime_value, expected_months, survival_12_months."""
        tenure = features["tenure_months"].to_numpy(float)
        months = max(self.terms.months, LIFETIME_MONTHS)
        stays = self.survival.remaining(tenure, features["segment"], months)
        paid = self._paid(features["mrr"].to_numpy(float), months)
        horizon = slice(0, self.terms.months)
        value = (stays * paid)[:, horizon].sum(axis=1)
        low, high = self._quantiles(features)
        return pd.DataFrame(
            {
                "account_id": features["account_id"],
                "value": value,
                "lower": np.minimum(low * np.exp(-self.width), value),
                "upper": np.maximum(high * np.exp(self.width), value),
                "lifetime_value": (stays * paid).sum(axis=1),
                "expected_months": stays[:, horizon].sum(axis=1),
                "survival_12_months": stays[:, 11],
            }
        )

    def calibrated(self, features: pd.DataFrame, actual: FloatArray) -> "ContractualClv":
        """The same model with the smallest width that covers `terms.nominal` of these customers (split conformal)."""
        low, high = self._quantiles(features)
        above = np.log(np.maximum(actual, 1e-9) / np.maximum(high, 1e-9))
        below = np.where(low > 0, np.log(np.maximum(low, 1e-9) / np.maximum(actual, 1e-9)), 0.0)
        needed = np.maximum(0.0, np.maximum(above, below))
        rank = min(1.0, np.ceil((len(needed) + 1) * self.terms.nominal) / max(len(needed), 1))
        return replace(self, width=float(min(np.quantile(needed, rank, method="higher"), WIDEST)))

    def save(self, folder: Path) -> None:
        """Write the parameters as JSON."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "ContractualClv":
        """Read what `save` wrote."""
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        kept = data["survival"]
        fitted = survival.Survival(
            (kept["pooled"][0], kept["pooled"][1]),
            {name: (mean, precision) for name, (mean, precision) in kept["segments"].items()},
            tuple((mean, precision) for mean, precision in kept["draws"]),
        )
        return cls(fitted, data["growth_monthly"], Terms(**data["terms"]), data["width"])

    def _paid(self, mrr: FloatArray, months: int) -> FloatArray:
        """Discounted margin of each coming month if the customer stays; growth stops at the horizon."""
        grown = (1 + self.growth_monthly) ** np.minimum(np.arange(1, months + 1), self.terms.months)
        return mrr[:, None] * grown * self.terms.discounts(months) * self.terms.gross_margin_ratio

    def _quantiles(self, features: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """Value at the lower and upper quantile of the months a customer stays; the upper is the whole horizon
        wherever staying that long is likely enough, then all the doubt lies below.
        """  # noqa: D205
        months, nominal = self.terms.months, self.terms.nominal
        stays = self.survival.plausible(features["tenure_months"].to_numpy(float), features["segment"], months)
        whole = stays[:, -1] >= (1 - nominal) / 2
        tail = np.where(whole, 1 - nominal, (1 - nominal) / 2)[:, None]
        paid = np.cumsum(self._paid(features["mrr"].to_numpy(float), months), axis=1)
        values = np.column_stack([np.zeros(len(paid)), paid])
        rows = np.arange(len(values))
        low = (stays >= 1 - tail).sum(axis=1)
        high = np.where(whole, months, (stays > tail).sum(axis=1))
        return values[rows, low], values[rows, high]


def fit(
    spells: pd.DataFrame, movements: pd.DataFrame, segments: pd.DataFrame, as_of: date, terms: Terms
) -> ContractualClv:
    """Survival of all spells and growth of all account-months up to `as_of`; the interval is not yet calibrated."""
    lengths = survival.spells_in_months(spells, pd.Timestamp(as_of))
    known = segments.drop_duplicates("account_id").set_index("account_id")["segment"]
    segment = lengths["account_id"].map(known).fillna("unknown").astype(str)
    fitted = survival.fit(lengths["months"].to_numpy(float), lengths["is_ended"].to_numpy(float), segment)
    return ContractualClv(fitted, net_growth(movements, as_of), terms, width=0.0)


def net_growth(movements: pd.DataFrame, as_of: date) -> float:
    """Net expansion per month of MRR that stays, shrunk towards 0 by the account-months seen, within ±3 %."""
    past = movements[pd.to_datetime(movements["month_start"]) <= pd.Timestamp(as_of)]
    stayed = past[(past["opening_mrr"].astype(float) > 0) & (past["closing_mrr"].astype(float) > 0)]
    opening = float(stayed["opening_mrr"].astype(float).sum())
    change = float((stayed["expansion_mrr"].astype(float) - stayed["contraction_mrr"].astype(float).abs()).sum())
    shrink = len(stayed) / (len(stayed) + GROWTH_PRIOR_MONTHS)
    return float(np.clip(shrink * change / opening if opening else 0.0, -MOST_GROWTH, MOST_GROWTH))
