"""The value everybody can work out: current monthly amount × expected tenure, with a wide interval.

Belongs here: the shrunken baseline of both business models (ACV × tenure, in months). It is compared with the model
in every report and served where no model may be. Does not belong here: the models.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models.clv_terms import LIFETIME_MONTHS, Terms

FILE: Final = "clv_fallback.json"
PRIOR_ENDS: Final = 0.6
PRIOR_MONTHS: Final = 20.0
AMOUNT_DOUBT: Final = 2.0


@dataclass(frozen=True)
class SteadyClv:
    """Constant churn, constant amount.

    Attributes:
        churn_monthly: shrunken share of customers lost per month.
    """

    churn_monthly: float
    terms: Terms

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """Value per row with `account_id` and `monthly_amount`: value, lower, upper, lifetime_value.

        The interval runs from nothing to a customer who never leaves and doubles his amount: it claims little.
        """
        monthly = features["monthly_amount"].to_numpy(float) * self.terms.gross_margin_ratio
        return pd.DataFrame(
            {
                "account_id": features["account_id"],
                "value": monthly * self._annuity(self.terms.months, self.churn_monthly),
                "lower": np.zeros(len(monthly)),
                "upper": monthly * AMOUNT_DOUBT * self._annuity(self.terms.months, 0.0),
                "lifetime_value": monthly * self._annuity(max(self.terms.months, LIFETIME_MONTHS), self.churn_monthly),
            }
        )

    def save(self, folder: Path) -> None:
        """Write the parameters as JSON."""
        (folder / FILE).write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "SteadyClv":
        """Read what `save` wrote."""
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(data["churn_monthly"], Terms(**data["terms"]))

    def _annuity(self, months: int, churn: float) -> float:
        """Present value of 1 a month, paid while the customer stays."""
        return float(self.terms.discounts(months) @ (1 - churn) ** np.arange(1, months + 1))


def fit(months: FloatArray, is_ended: FloatArray, terms: Terms) -> SteadyClv:
    """Ends per customer-month, shrunk towards 3 % worth 20 customer-months.

    Args:
        months: how long each customer was observed, is_ended: whether he left; shapes (n,).
    """
    churn = (float(np.sum(is_ended)) + PRIOR_ENDS) / (float(np.sum(months)) + PRIOR_MONTHS)
    return SteadyClv(min(churn, 1.0), terms)
