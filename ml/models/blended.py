"""A weighted mean of the linear model's and the booster's log odds: smooth trends from one, thresholds from the other.

Log odds add up, so reasons do too. Belongs here: that mean and its weight. Does not belong here: fitting its parts.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.arrays import FloatArray, logistic
from ml.binary_metrics import log_loss_terms
from ml.models.boosted import BoostedModel
from ml.models.linear import LinearModel

WEIGHTS: Final = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class BlendedModel:
    """Both models; `weight` is the booster's share."""

    linear: LinearModel
    boosted: BoostedModel
    weight: float

    def score(self, matrix: FloatArray) -> FloatArray:
        """Log odds, shape (rows,)."""
        return mixed(self.linear.score(matrix), self.boosted.score(matrix), self.weight)

    def contributions(self, matrix: FloatArray) -> FloatArray:
        """Contributions of both, shape (rows, features), in log odds."""
        return mixed(self.linear.contributions(matrix), self.boosted.contributions(matrix), self.weight)


def mixed(linear: FloatArray, boosted: FloatArray, weight: float) -> FloatArray:
    """The weighted mean; element by element, so a batch equals its rows."""
    return np.asarray(weight * boosted + (1.0 - weight) * linear, dtype=np.float64)


def best_weight(linear: FloatArray, boosted: FloatArray, labels: FloatArray) -> float:
    """The booster's share with the lowest log loss on held-back rows."""
    return min(WEIGHTS, key=lambda w: float(log_loss_terms(labels, logistic(mixed(linear, boosted, w))).mean()))
