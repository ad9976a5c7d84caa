"""What turns purchases or MRR into customer value: margin, discount, horizon.

Belongs here: these terms and the discount factors that follow. Does not belong here: any model.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.arrays import FloatArray

WEEKS_PER_MONTH: Final = 365.25 / 12 / 7
LIFETIME_MONTHS: Final = 120
NOMINAL: Final = 0.9


@dataclass(frozen=True)
class Terms:
    """Economics of a company and what a value covers.

    Attributes:
        gross_margin_ratio: share of revenue that is margin.
        discount_rate_annual: 0.1 means that money a year away is worth 1/1.1.
        months: horizon of the value.
        nominal: coverage promised by the intervals.
    """

    gross_margin_ratio: float = 0.8
    discount_rate_annual: float = 0.1
    months: int = 36
    nominal: float = NOMINAL

    def discounts(self, months: int) -> FloatArray:
        """Present value of 1 paid in the middle of each of the next `months` months; shape (months,)."""
        return np.asarray((1 + self.discount_rate_annual) ** (-(np.arange(months) + 0.5) / 12))
