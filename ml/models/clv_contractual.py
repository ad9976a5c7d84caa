"""Customer value under contract: survival × expected MRR × margin, discounted, with intervals.

Label (for judging): margin of the MRR in the months after `as_of`. Features: tenure, segment, current MRR. Belongs
here: the customers of a date, the fitted value model, its intervals. Does not belong here: the survival likelihood
(`ml.models.survival`), judging (`ml.models.clv`).

Given that a customer stays K months his value is known but for the change of his MRR, and it rises with K: quantiles
of the value are those of K. On past customers is learned which quantile of K leaves out its share of them below, and by
which factor the upper bound must move, outwards or inwards, to leave out its share above (conformal).
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
from ml.models.clv_terms import LIFETIME_MONTHS, NOMINAL, Terms

FILE: Final = "clv_contractual.json"
GROWTH_PRIOR_MONTHS: Final = 240.0
MOST_GROWTH: Final = 0.03
WIDEST: Final = 1.5
JUST_BELOW: Final = 1 - 1e-6


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
        lower_tail: probability of staying less long than the lower bound assumes.
        upper_width: the upper bound of the survival alone moves by exp(upper_width); inwards where negative.
    """

    survival: survival.Survival
    growth_monthly: float
    terms: Terms
    lower_tail: float = (1 - NOMINAL) / 2
    upper_width: float = 0.0

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
                "lower": np.minimum(low, value),
                "upper": np.maximum(high * np.exp(self.upper_width), value),
                "lifetime_value": (stays * paid).sum(axis=1),
                "expected_months": stays[:, horizon].sum(axis=1),
                "survival_12_months": stays[:, 11],
            }
        )

    def calibrated(self, features: pd.DataFrame, actual: FloatArray) -> "ContractualClv":
        """The same model with bounds that leave out their share of them.

        Split conformal: half of `1 - terms.nominal` above; below, what the upper bound does not leave out. The lower
        quantile is half the model's own, because customers of one period leave together.
        """
        stays, values = self._values(features)
        share = (1 - self.terms.nominal) / 2
        above = np.log(np.maximum(actual, 1e-9) / np.maximum(self._upper(stays, values), 1e-9))
        rank = min(1.0, np.ceil((len(actual) + 1) * (1 - share)) / max(len(actual), 1))
        up = float(np.clip(np.quantile(above, rank, method="higher"), -WIDEST, WIDEST))
        left = 1 - self.terms.nominal - float(np.mean(above > up))
        tail = (_lower_tail(stays, values, actual, left) + left) / 2
        return replace(self, lower_tail=tail, upper_width=up)

    def with_calibration_of(self, earlier: "ContractualClv") -> "ContractualClv":
        """What another origin has taught; doubt about amounts grows with the square root of the horizon."""
        up = earlier.upper_width
        if up > 0:
            up = min(up * float(np.sqrt(self.terms.months / earlier.terms.months)), WIDEST)
        return replace(self, lower_tail=earlier.lower_tail, upper_width=up)

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
        widths = data["lower_tail"], data["upper_width"]
        return cls(fitted, data["growth_monthly"], Terms(**data["terms"]), *widths)

    def _paid(self, mrr: FloatArray, months: int) -> FloatArray:
        """Discounted margin of each coming month if the customer stays; growth stops at the horizon."""
        grown = (1 + self.growth_monthly) ** np.minimum(np.arange(1, months + 1), self.terms.months)
        return mrr[:, None] * grown * self.terms.discounts(months) * self.terms.gross_margin_ratio

    def _quantiles(self, features: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """Value at the lower and upper quantile of the months a customer stays, the upper before its width."""
        stays, values = self._values(features)
        low = (stays >= 1 - self.lower_tail).sum(axis=1)
        return values[np.arange(len(values)), low], self._upper(stays, values)

    def _upper(self, stays: FloatArray, values: FloatArray) -> FloatArray:
        """The whole horizon wherever staying that long is likely enough."""
        high = (stays > (1 - self.terms.nominal) / 2).sum(axis=1)
        return np.asarray(values[np.arange(len(values)), high])

    def _values(self, features: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """P(stays at least 1..months), shape (n, months), and value if 0..months are stayed, shape (n, months + 1)."""
        months = self.terms.months
        stays = self.survival.plausible(features["tenure_months"].to_numpy(float), features["segment"], months)
        paid = np.cumsum(self._paid(features["mrr"].to_numpy(float), months), axis=1)
        return stays, np.column_stack([np.zeros(len(paid)), paid])


def _lower_tail(stays: FloatArray, values: FloatArray, actual: FloatArray, share: float) -> float:
    """The quantile of staying that leaves a share of the customers below its value; 0 (no bound) for too few."""
    reached = (values[:, 1:] <= actual[:, None] * (1 + 1e-9)).sum(axis=1)
    padded = np.column_stack([stays, np.zeros(len(stays))])
    tails = np.sort(1 - padded[np.arange(len(actual)), reached])
    position = int(np.floor((len(tails) + 1) * share)) - 1
    return float(tails[position]) * JUST_BELOW if position >= 0 else 0.0


def fit(
    spells: pd.DataFrame, movements: pd.DataFrame, segments: pd.DataFrame, as_of: date, terms: Terms
) -> ContractualClv:
    """Survival of all spells and growth of all account-months up to `as_of`; the interval is not yet calibrated."""
    lengths = survival.spells_in_months(spells, pd.Timestamp(as_of))
    known = segments.drop_duplicates("account_id").set_index("account_id")["segment"]
    segment = lengths["account_id"].map(known).fillna("unknown").astype(str)
    fitted = survival.fit(lengths["months"].to_numpy(float), lengths["is_ended"].to_numpy(float), segment)
    return ContractualClv(fitted, net_growth(movements, as_of), terms)


def net_growth(movements: pd.DataFrame, as_of: date) -> float:
    """Net expansion per month of MRR that stays, shrunk towards 0 by the account-months seen, within ±3 %."""
    past = movements[pd.to_datetime(movements["month_start"]) <= pd.Timestamp(as_of)]
    stayed = past[(past["opening_mrr"].astype(float) > 0) & (past["closing_mrr"].astype(float) > 0)]
    opening = float(stayed["opening_mrr"].astype(float).sum())
    change = float((stayed["expansion_mrr"].astype(float) - stayed["contraction_mrr"].astype(float).abs()).sum())
    shrink = len(stayed) / (len(stayed) + GROWTH_PRIOR_MONTHS)
    return float(np.clip(shrink * change / opening if opening else 0.0, -MOST_GROWTH, MOST_GROWTH))
