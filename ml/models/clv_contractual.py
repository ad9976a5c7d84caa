"""Customer value under contract: survival × expected MRR × margin, discounted, with intervals.

Label (for judging): margin of the MRR in the months after `as_of`. Features: tenure, segment, current MRR and, through
the hazard, the customer feature views. Belongs here: the customers of a date, the fitted value model, its intervals.
Does not belong here: who stays (`ml.models.hazard`), how MRR moves (`ml.models.mrr_growth`), judging (`ml.models.clv`).

Given that a customer stays K months his value is known but for the change of his MRR, and it rises with K: quantiles
of the value are those of K. On past customers is learned which quantile of K leaves out its share of them below, and by
which factor the upper bound must move, outwards or inwards, to leave out its share above (conformal).
"""

import json
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray
from ml.models import hazard_training, mrr_growth, survival
from ml.models.clv_terms import LIFETIME_MONTHS, NOMINAL, Terms
from ml.models.hazard import Hazard
from ml.models.mrr_growth import Growth
from ml.models.person_months import watched, with_tenure

FILE: Final = "clv_contractual.json"
WIDEST: Final = 1.5
JUST_BELOW: Final = 1 - 1e-6


@dataclass(frozen=True)
class History:
    """What the customer feature views said at past month ends.

    Attributes:
        features: account_id, as_of and the features; empty where there are none.
        columns: the features that the hazard may use.
        confirm_days: days after the end of a contract until it is certain (grace).
    """

    features: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"account_id": [], "as_of": []}))
    columns: tuple[FeatureColumn, ...] = ()
    confirm_days: int = 0

    def at(self, as_of: date) -> pd.DataFrame:
        """The features of one month end, by account."""
        is_wanted = pd.to_datetime(self.features["as_of"]) == pd.Timestamp(as_of)
        return self.features[is_wanted].drop(columns="as_of").set_index("account_id")

    def until(self, as_of: date) -> pd.DataFrame:
        """All rows up to a month end, with a fresh index."""
        known = self.features.assign(as_of=pd.to_datetime(self.features["as_of"]))
        return known[known["as_of"] <= pd.Timestamp(as_of)].reset_index(drop=True)


def customers(
    spells: pd.DataFrame,
    movements: pd.DataFrame,
    segments: pd.DataFrame,
    as_of: date,
    history: History | None = None,
) -> pd.DataFrame:
    """Accounts with MRR at `as_of`, one row each, sorted by account.

    Args:
        spells: fct_customer_spells; movements: fct_mrr_movements; segments: account_id, segment (may be empty).
        as_of: a month end.

    Returns:
        account_id, as_of, segment ("unknown" without one), tenure_months (completed, of the current spell), mrr,
        monthly_amount (= mrr, the name the fallback reads), and the features of `history`.
    """
    months = pd.to_datetime(movements["month_start"])
    this = movements[months == pd.Timestamp(as_of).replace(day=1)]
    mrr = this.assign(mrr=this["closing_mrr"].astype(float)).query("mrr > 0")[["account_id", "mrr"]]
    rows = mrr.sort_values("account_id", ignore_index=True).assign(as_of=pd.Timestamp(as_of))
    known = with_tenure(rows, spells)[["account_id", "as_of", "mrr", "tenure_months"]]
    known = known.assign(segment=_segment(known["account_id"], segments), monthly_amount=known["mrr"])
    features = (history or History()).at(as_of)
    return known.join(features[features.columns.difference(known.columns, sort=False)], on="account_id")


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
        growth: expected change of the MRR of customers who stay.
        lower_tail: probability of staying less long than the lower bound assumes.
        upper_width: the upper bound of the survival alone moves by exp(upper_width); inwards where negative.
    """

    hazard: Hazard
    growth: Growth
    terms: Terms
    lower_tail: float = (1 - NOMINAL) / 2
    upper_width: float = 0.0

    @property
    def method(self) -> str:
        """Name of the model in reports."""
        return "shifted_beta_geometric" if self.hazard.method == "base" else f"hazard_{self.hazard.method}"

    def siblings(self) -> tuple["ContractualClv", ...]:
        """The simpler models inside this one: the base survival, where covariates stand on it."""
        return () if self.hazard.method == "base" else (replace(self, hazard=Hazard(self.hazard.base)),)

    def remarks(self) -> tuple[str, ...]:
        """What a reader of the report should know of the fit."""
        return (self.hazard.choice,)

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Value per row of `customers`: value, lower, upper, lifetime_value, expected_months, survival_12_months."""
        months = max(self.terms.months, LIFETIME_MONTHS)
        stays, paid = self.hazard.active(features, months), self._paid(features, months)
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
        """Write the parameters as JSON, and a boosted hazard beside it."""
        widths = {"lower_tail": self.lower_tail, "upper_width": self.upper_width}
        plain = {
            "hazard": self.hazard.to_json(),
            "growth": self.growth.to_json(),
            "terms": asdict(self.terms),
            **widths,
        }
        (folder / FILE).write_text(json.dumps(plain, indent=1), encoding="utf-8")
        self.hazard.save_booster(folder)

    @classmethod
    def load(cls, folder: Path) -> "ContractualClv":
        """Read what `save` wrote."""
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if "survival" in data:  # written before there was a hazard with covariates
            plain = {"base": data["survival"], "method": "base", "linear": None, "design": None}
            data |= {"hazard": {**plain, "reach": 0, "choice": ""}, "growth": {"monthly": data["growth_monthly"]}}
        fitted = Hazard.load(data["hazard"], folder), Growth.from_json(data["growth"])
        return cls(*fitted, Terms(**data["terms"]), data["lower_tail"], data["upper_width"])

    def _paid(self, features: pd.DataFrame, months: int) -> FloatArray:
        """Discounted margin of each coming month if the customer stays; growth stops at the horizon."""
        within = min(months, self.terms.months)
        grown = self.growth.path(features, within)
        grown = np.column_stack([grown, np.repeat(grown[:, -1:], months - within, axis=1)])
        mrr = features["mrr"].to_numpy(float)[:, None]
        return np.asarray(mrr * grown * self.terms.discounts(months) * self.terms.gross_margin_ratio)

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
        stays = self.hazard.plausible(features, months)
        paid = np.cumsum(self._paid(features, months), axis=1)
        return stays, np.column_stack([np.zeros(len(paid)), paid])


def _lower_tail(stays: FloatArray, values: FloatArray, actual: FloatArray, share: float) -> float:
    """The quantile of staying that leaves a share of the customers below its value; 0 (no bound) for too few."""
    reached = (values[:, 1:] <= actual[:, None] * (1 + 1e-9)).sum(axis=1)
    padded = np.column_stack([stays, np.zeros(len(stays))])
    tails = np.sort(1 - padded[np.arange(len(actual)), reached])
    position = int(np.floor((len(tails) + 1) * share)) - 1
    return float(tails[position]) * JUST_BELOW if position >= 0 else 0.0


def fit(
    spells: pd.DataFrame,
    movements: pd.DataFrame,
    segments: pd.DataFrame,
    as_of: date,
    terms: Terms,
    history: History | None = None,
) -> ContractualClv:
    """Hazard and growth of what was known at `as_of`; the interval is not yet calibrated."""
    past = history or History()
    lengths = survival.spells_in_months(spells, pd.Timestamp(as_of))
    segment = _segment(lengths["account_id"], segments)
    base = survival.fit(lengths["months"].to_numpy(float), lengths["is_ended"].to_numpy(float), segment)
    known = past.until(as_of)
    rows = watched(with_tenure(known, spells), as_of, past.confirm_days)
    rows = rows.assign(segment=_segment(rows["account_id"], segments))
    return ContractualClv(hazard_training.fit(rows, past.columns, base), mrr_growth.fit(movements, known, as_of), terms)


def _segment(accounts: "pd.Series[str]", segments: pd.DataFrame) -> "pd.Series[str]":
    known = segments.drop_duplicates("account_id").set_index("account_id")["segment"]
    return accounts.map(known).fillna("unknown").astype(str)
