"""Calibration: from a model's log odds to probabilities that happen as often as they say.

Platt's sigmoid (Platt 1999) with a prior around "already calibrated"; large validation slices get a centred isotonic
regression instead (Oron & Flournoy 2017: isotonic levels joined at their centres, so ranks are kept) where it predicts
rows it was not fitted on better. Belongs
here: fitting and applying that map. Does not belong here: measuring calibration (`ml.binary_metrics`).
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from ml.arrays import FloatArray, log_odds, logistic
from ml.binary_metrics import log_loss_terms

ISOTONIC_ROWS = 1_000
ISOTONIC_OUTCOMES = 200
SLOPE_SPREAD, SHIFT_SPREAD = 0.5, 1.0
_STEPS = 50
_FOLDS = 5
_GROUP_ROWS, _MOST_GROUPS = 50, 100
_REACH, _TRACE = 10.0, 0.1


@dataclass(frozen=True)
class Calibrator:
    """A monotone map of log odds.

    Attributes:
        method: how it was fitted; `none` leaves the model's own probability.
        slope, shift: Platt's parameters.
        knots, levels: isotonic centres (log odds) and their calibrated log odds.
        smallest: probabilities stay within [smallest, 1 - smallest]; no finite sample supports 0 or 1.
    """

    method: Literal["none", "platt", "isotonic"]
    slope: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()
    smallest: float = 1e-3

    def apply(self, score: FloatArray) -> FloatArray:
        """Calibrated probabilities of log odds."""
        mapped = np.interp(score, self.knots, self.levels) if self.knots else self.slope * score + self.shift
        return np.asarray(np.clip(logistic(mapped), self.smallest, 1 - self.smallest), dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Calibrator":
        """The calibrator of its plain data."""
        return cls(**{**data, "knots": tuple(data["knots"]), "levels": tuple(data["levels"])})


def fit_calibrator(score: FloatArray, label: FloatArray) -> Calibrator:
    """Fit the map on rows the model was not fitted on; the method follows from their number.

    Args:
        score: the model's log odds, shape (rows,).
        label: 0.0/1.0.
    """
    if not len(label):
        return Calibrator("none")
    smallest = 1.0 / (len(label) + 2.0)
    rarer = min(label.sum(), len(label) - label.sum())
    is_large = len(label) >= ISOTONIC_ROWS and rarer >= ISOTONIC_OUTCOMES
    if is_large and _isotonic_is_better(score, label, smallest):
        return _isotonic(score, label, smallest)
    return _sigmoid(score, label, smallest)


def _isotonic_is_better(score: FloatArray, label: FloatArray, smallest: float) -> bool:
    """Whether isotonic levels predict rows they were not fitted on better than the sigmoid, beyond noise.

    Steps follow the sample closely: where the sigmoid is right they only add error (measured on simulated customers
    with known probabilities, docs/decisions/0016).
    """
    fold, gain = np.arange(len(label)) % _FOLDS, np.zeros(len(label))
    for held in range(_FOLDS):
        known, rows = fold != held, fold == held
        fitted = (kind(score[known], label[known], smallest) for kind in (_sigmoid, _isotonic))
        sigmoid, isotonic = (log_loss_terms(label[rows], found.apply(score[rows])) for found in fitted)
        gain[rows] = sigmoid - isotonic
    return bool(gain.mean() > gain.std() / np.sqrt(len(gain)))


def _sigmoid(score: FloatArray, label: FloatArray, smallest: float) -> Calibrator:
    slope, shift = _platt(score, label)
    return Calibrator("platt", slope, shift, smallest=smallest)


def _platt(score: FloatArray, label: FloatArray) -> tuple[float, float]:
    """Most probable slope and shift under normal priors around 1 and 0 (Newton's method)."""
    theta, centre = np.array([1.0, 0.0]), np.array([1.0, 0.0])
    precision = np.diag([SLOPE_SPREAD**-2, SHIFT_SPREAD**-2])
    design = np.column_stack([score, np.ones_like(score)])
    for _ in range(_STEPS):
        chance = logistic(design @ theta)
        gradient = design.T @ (chance - label) + precision @ (theta - centre)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + precision
        step = np.linalg.solve(curvature, gradient)
        theta = theta - np.clip(step, -1.0, 1.0)
        if np.abs(step).max() < 1e-9:
            break
    return max(float(theta[0]), 0.0), float(theta[1])


def _isotonic(score: FloatArray, label: FloatArray, smallest: float) -> Calibrator:
    """Isotonic levels of small groups of rows, joined at the centres of the blocks."""
    order = np.argsort(score, kind="stable")
    groups = np.array_split(order, min(_MOST_GROUPS, len(order) // _GROUP_ROWS))
    base = float(label.mean())
    # One row at the base rate keeps the outermost levels away from 0 and 1.
    parts = [(float(label[rows].sum()) + base, len(rows) + 1.0, float(score[rows].mean())) for rows in groups]
    positives, rows, centres = _pool(parts)
    levels = log_odds(positives / rows)
    # Beyond the outermost centres the level stays, but for a trace of slope that keeps ranks.
    knots = np.r_[centres[0] - _REACH, centres, centres[-1] + _REACH]
    ends = np.r_[levels[0] - _TRACE, levels, levels[-1] + _TRACE]
    return Calibrator("isotonic", knots=tuple(knots.tolist()), levels=tuple(ends.tolist()), smallest=smallest)


def _pool(parts: list[tuple[float, float, float]]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Pool adjacent violators over (positives, rows, centre), ascending by centre."""
    blocks: list[tuple[float, float, float]] = []
    for part in parts:
        blocks.append(part)
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            (p, n, x), (q, m, y) = blocks.pop(), blocks.pop()
            blocks.append((p + q, n + m, (n * x + m * y) / (n + m)))
    positives, rows, centres = np.array(blocks).T
    return positives, rows, centres
