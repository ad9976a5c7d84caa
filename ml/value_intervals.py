"""Intervals around predicted amounts from the errors of held-back rows.

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) within groups of like predictions, so that the width
follows the size of the amount, and with either side for itself, because amounts are skewed. Belongs here: that band.
Does not belong here: intervals of probabilities (`ml.intervals`), of forecasts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml.arrays import FloatArray
from ml.intervals import NOMINAL

ROWS_PER_GROUP = 100
MOST_GROUPS = 20


@dataclass(frozen=True)
class AmountBand:
    """How far below and above a prediction the interval reaches, by size of the prediction.

    Attributes:
        edges: upper bounds of the groups of predictions but the last, ascending.
        downs, ups: added to the prediction, one per group.
        smallest: no bound lies below (the least amount seen); minus infinity for amounts of either sign.
    """

    edges: tuple[float, ...]
    downs: tuple[float, ...]
    ups: tuple[float, ...]
    smallest: float
    nominal: float = NOMINAL

    def bounds(self, value: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bound per row; the prediction itself always lies between."""
        group = np.searchsorted(self.edges, value, side="left")
        lower = np.maximum(value + np.asarray(self.downs)[group], self.smallest)
        return np.minimum(lower, value), np.maximum(value + np.asarray(self.ups)[group], value)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "AmountBand":
        """The band of its plain data."""
        edges, downs, ups = (tuple(plain[name]) for name in ("edges", "downs", "ups"))
        return cls(edges, downs, ups, float(plain["smallest"]), float(plain["nominal"]))


def fit_amount_band(value: FloatArray, actual: FloatArray, smallest: float) -> AmountBand:
    """The band from held-back rows.

    Args:
        value: predictions of rows the model was not fitted on.
        actual: what happened.
    """
    groups = int(np.clip(len(value) // ROWS_PER_GROUP, 1, MOST_GROUPS))
    edges = np.unique(np.quantile(value, np.linspace(0, 1, groups + 1)[1:-1]))
    group, error = np.searchsorted(edges, value, side="left"), actual - value
    known = [error[group == at] if (group == at).any() else error for at in range(len(edges) + 1)]
    sides = [_reach(errors) for errors in known]
    downs, ups = (tuple(side) for side in zip(*sides, strict=True))
    return AmountBand(tuple(edges.tolist()), downs, ups, smallest)


def _reach(errors: FloatArray) -> tuple[float, float]:
    """Order statistics that leave out half of 1 - nominal on either side among one more row (conformal)."""
    ordered, rows = np.sort(errors), len(errors)
    outside = int(np.floor((rows + 1) * (1 - NOMINAL) / 2))
    return float(ordered[max(outside - 1, 0)]), float(ordered[min(rows - outside, rows - 1)])
