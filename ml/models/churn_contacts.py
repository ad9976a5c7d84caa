"""Whom it pays to contact: the profit of contacting customers above a threshold of churn risk.

A contact costs a fixed sum; it keeps a share of those who would have left, and with each a year's margin. The share is
an assumption (a setting), so the profit is what the model is worth *if* it holds. Belongs here: the break-even
probability and the table of policies. Does not belong here: predicting, risk levels, the settings' values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray
from ml.bootstrap import bootstrap, interval

RESAMPLES = 400


@dataclass(frozen=True)
class ContactEconomics:
    """What a contact costs and brings.

    Attributes:
        contact_cost: money per contact.
        saved_share: share of the leaving customers whom a contact keeps for a year.
        margin_ratio: gross margin per unit of revenue.
    """

    contact_cost: float = 50.0
    saved_share: float = 0.1
    margin_ratio: float = 0.8

    def gain(self, yearly_amount: FloatArray) -> FloatArray:
        """Expected gain of contacting a customer who would leave; unknown amounts gain nothing."""
        return self.saved_share * self.margin_ratio * np.maximum(np.nan_to_num(yearly_amount), 0.0)

    def break_even(self, yearly_amount: FloatArray) -> FloatArray:
        """The churn probability above which a contact pays, at most 1: cost / (share saved x margin x amount)."""
        gain = self.gain(yearly_amount)
        return np.minimum(np.divide(self.contact_cost, gain, out=np.ones_like(gain), where=gain > 0), 1.0)


def policies(
    test: pd.DataFrame, entity: str, yearly_amount: FloatArray, levels: Mapping[str, float], economics: ContactEconomics
) -> pd.DataFrame:
    """What each way of choosing customers would have brought on the test rows.

    Args:
        test: entity, value (probability) and label, one row per customer and date.
        levels: name of a fixed threshold to its lower bound.

    Returns:
        policy, threshold (null where it differs by customer), contacted, leaving (of those contacted), profit with
        its 95 % bootstrap interval over customers (lower, upper); money is the sum over the test rows.
    """
    value, label = test["value"].to_numpy(np.float64), test["label"].to_numpy(np.float64)
    worth = label * economics.gain(yearly_amount) - economics.contact_cost
    pays = value > economics.break_even(yearly_amount)
    chosen: dict[str, tuple[float, BoolArray]] = {"everybody": (0.0, np.ones(len(value), dtype=bool))}
    chosen |= {name: (bound, value >= bound) for name, bound in levels.items()}
    chosen["where a contact pays"] = (float("nan"), pays)
    rows = []
    for policy, (threshold, contacted) in chosen.items():
        profits = np.where(contacted, worth, 0.0)
        lower, upper = interval(bootstrap(_sum_of(profits), test[entity], RESAMPLES))
        rows.append(
            {
                "policy": policy,
                "threshold": threshold,
                "contacted": int(contacted.sum()),
                "leaving": int(label[contacted].sum()),
                "profit": float(profits.sum()),
                "lower": lower,
                "upper": upper,
            }
        )
    return pd.DataFrame(rows)


def _sum_of(values: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The statistic "sum of `values`"."""

    def total(weights: FloatArray) -> FloatArray:
        return np.asarray(weights @ values, dtype=np.float64)

    return total
