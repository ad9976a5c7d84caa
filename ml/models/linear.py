"""Ridge regressions on standardised features (logistic, and of amounts): the simple models a boosted one has to beat.

Belongs here: the design (clip, fill, standardise, one-hot), Newton's method, least squares and additive contributions.
Does not belong here: choosing between models, calibration.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ml.arrays import FloatArray, log_odds, logistic
from ml.encoding import Encoder

CLIP = 0.01
_STEPS = 30


@dataclass(frozen=True)
class DesignColumn:
    """One column of the design.

    Attributes:
        source: position of the encoded feature.
        level: the code this column indicates; -1 for "missing"; None for a number.
        lowest, highest: the number is clipped to these training quantiles.
        fill: value for a missing number (the training median).
        centre, scale: standardisation.
    """

    source: int
    level: int | None
    lowest: float
    highest: float
    fill: float
    centre: float
    scale: float

    def values(self, matrix: FloatArray) -> FloatArray:
        """Standardised values, shape (rows,)."""
        raw = matrix[:, self.source]
        if self.level is None:
            filled = np.where(np.isnan(raw), self.fill, np.clip(raw, self.lowest, self.highest))
        elif self.level < 0:
            filled = np.isnan(raw).astype(np.float64)
        else:
            filled = (raw == self.level).astype(np.float64)
        return np.asarray((filled - self.centre) / self.scale, dtype=np.float64)


@dataclass(frozen=True)
class LinearModel:
    """A fitted linear model; its scores are log odds, or amounts if it was fitted to amounts.

    Attributes:
        columns, weights: the design and its coefficients.
        intercept: score of a row whose features are all average.
        features: number of encoded features it reads.
    """

    columns: tuple[DesignColumn, ...]
    weights: tuple[float, ...]
    intercept: float
    features: int

    def score(self, matrix: FloatArray) -> FloatArray:
        """Shape (rows,). Summed column by column, so that a row's figure does not depend on the batch."""
        total = np.full(len(matrix), self.intercept)
        for column, weight in zip(self.columns, self.weights, strict=True):
            total += column.values(matrix) * weight
        return total

    def contributions(self, matrix: FloatArray) -> FloatArray:
        """Coefficient times centred value, summed per feature; shape (rows, features), in the score's unit."""
        parts = np.zeros((len(matrix), self.features))
        for column, weight in zip(self.columns, self.weights, strict=True):
            parts[:, column.source] += column.values(matrix) * weight
        return parts

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LinearModel":
        """The model of its plain data."""
        columns = tuple(DesignColumn(**column) for column in data["columns"])
        return cls(columns, tuple(data["weights"]), data["intercept"], data["features"])


def fit_linear(matrix: FloatArray, label: FloatArray, encoder: Encoder, ridge: float) -> LinearModel:
    """Fit a logistic regression by Newton's method.

    Args:
        matrix: encoded rows.
        ridge: penalty per row on squared standardised coefficients (0.01: weak, 1: strong).
    """
    columns, values = _designed(matrix, encoder)
    weights, intercept = _newton(values, label, ridge)
    return LinearModel(columns, tuple(weights.tolist()), intercept, matrix.shape[1])


def fit_least_squares(matrix: FloatArray, amount: FloatArray, encoder: Encoder, ridge: float) -> LinearModel:
    """Fit amounts by penalised least squares; arguments as in `fit_linear`."""
    columns, values = _designed(matrix, encoder)
    intercept = float(amount.mean())
    gram = values.T @ values + ridge * len(values) * np.eye(values.shape[1])
    weights = np.linalg.solve(gram, values.T @ (amount - intercept))
    return LinearModel(columns, tuple(weights.tolist()), intercept, matrix.shape[1])


def _designed(matrix: FloatArray, encoder: Encoder) -> tuple[tuple[DesignColumn, ...], FloatArray]:
    """The columns of the design, and their values on the training rows."""
    columns = _design(matrix, encoder)
    return columns, np.column_stack([column.values(matrix) for column in columns] or [np.empty((len(matrix), 0))])


def _design(matrix: FloatArray, encoder: Encoder) -> tuple[DesignColumn, ...]:
    """Columns that vary on the training rows."""
    found = []
    for source, column in enumerate(encoder.columns):
        raw = matrix[:, source]
        levels: list[int | None] = [*range(len(column.levels))] if column.form == "code" else [None]
        for level in [*levels, *([-1] if np.isnan(raw).any() else [])]:
            standardised = _standardise(matrix, source, level)
            if standardised is not None:
                found.append(standardised)
    return tuple(found)


def _standardise(matrix: FloatArray, source: int, level: int | None) -> DesignColumn | None:
    known = matrix[:, source][~np.isnan(matrix[:, source])]
    if level is None and not known.size:
        return None
    lowest, fill, highest = np.quantile(known, [CLIP, 0.5, 1 - CLIP]).tolist() if level is None else (0.0, 0.0, 0.0)
    plain = DesignColumn(source, level, lowest, highest, fill, 0.0, 1.0)
    values = plain.values(matrix)
    scale = float(values.std())
    if scale < 1e-9:
        return None
    return DesignColumn(source, level, lowest, highest, fill, float(values.mean()), scale)


def _newton(values: FloatArray, label: FloatArray, ridge: float) -> tuple[FloatArray, float]:
    """Penalised maximum likelihood; the intercept is not penalised."""
    rows, width = values.shape
    design = np.column_stack([values, np.ones(rows)])
    penalty = np.append(np.full(width, ridge * rows), 1e-6)
    theta = np.zeros(width + 1)
    theta[-1] = log_odds(np.array([label.mean()]))[0]
    for _ in range(_STEPS):
        chance = logistic(design @ theta)
        gradient = design.T @ (chance - label) + penalty * theta
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        theta = theta - step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return theta[:-1], float(theta[-1])
