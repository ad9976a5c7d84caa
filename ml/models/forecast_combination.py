"""How forecasts of several methods become one: weights learned from errors known at an origin, never from later ones.

Belongs here: the record of past forecasts and the rules that weigh methods by it. Does not belong here: running the
methods (`ml.models.forecasting`), the width of intervals (`ml.models.forecast_intervals`).

Methods clearly worse than the best are left out, the others weigh by the inverse fourth power of their error: pooling
near equals lowers variance, an equal share for poor members costs more than it brings (Bates & Granger 1969; Aiolfi &
Timmermann 2006 on trimming). What was tried is in docs/decisions/0004.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.arrays import BoolArray, FloatArray
from ml.models.forecast_intervals import Errors
from ml.models.forecast_methods import SIMPLE

POWER: Final = 4
WORST_KEPT: Final = 1.3
LEAST_ERROR: Final = 0.005
LEAST_ORIGINS: Final = 3
PLAINEST: Final = "last_value"

Weights = dict[str, float]


@dataclass(frozen=True)
class Backtest:
    """Forecasts made at past origins.

    Attributes:
        origin: index of the last value known; step: months ahead; actual: what came; size: magnitude of the series
            as known at the origin; each of shape (n,).
        predicted: by method, shape (n,).
    """

    origin: FloatArray
    step: FloatArray
    actual: FloatArray
    size: FloatArray
    predicted: Mapping[str, FloatArray]

    def combined(self, weights: Mapping[str, float]) -> FloatArray:
        """The weighted mean of the methods; shape (n,)."""
        total = np.zeros(len(self.actual))
        for name, weight in weights.items():
            total += weight * self.predicted[name]
        return total

    def only(self, rows: BoolArray) -> "Backtest":
        """The rows of a mask."""
        predicted = {name: values[rows] for name, values in self.predicted.items()}
        return Backtest(self.origin[rows], self.step[rows], self.actual[rows], self.size[rows], predicted)

    def errors(self, predicted: FloatArray) -> Errors:
        """Errors of any forecast of these rows."""
        return Errors(self.origin, self.step, self.actual - predicted, self.size)


Combine = Callable[[Backtest], Weights]


def error_weights(backtest: Backtest) -> Weights:
    """Weights that add up to one, by inverse fourth power of the mean absolute error; 0 beyond 1.3 times the least.

    Errors weigh by the root of their step: at a young origin mostly short steps are known, which flatter the last
    value. Before any error is known the fitted methods share equally (all, where there is none).
    """
    if not len(backtest.actual):
        fitted = [name for name in backtest.predicted if name not in SIMPLE] or list(backtest.predicted)
        return {name: (1 / len(fitted) if name in fitted else 0.0) for name in backtest.predicted}
    least = max(LEAST_ERROR * float(np.mean(np.abs(backtest.actual))), 1e-12)
    mae = {
        name: max(least, float(np.average(np.abs(backtest.actual - found), weights=np.sqrt(backtest.step))))
        for name, found in backtest.predicted.items()
    }
    best = min(mae.values())
    inverse = {name: (best / error) ** POWER if error <= WORST_KEPT * best else 0.0 for name, error in mae.items()}
    total = sum(inverse.values())
    return {name: value / total for name, value in inverse.items()}


def winner(backtest: Backtest) -> Weights:
    """All the weight on the method with the least mean absolute error; on the last value below three origins."""
    best = PLAINEST if PLAINEST in backtest.predicted else next(iter(backtest.predicted))
    if len(np.unique(backtest.origin)) >= LEAST_ORIGINS:
        mae = {name: float(np.mean(np.abs(backtest.actual - p))) for name, p in backtest.predicted.items()}
        best = min(mae, key=lambda name: (mae[name], name != best))
    return {name: float(name == best) for name in backtest.predicted}


def walk_forward(backtest: Backtest, combine: Combine = error_weights) -> FloatArray:
    """The combination as it would have been made then: weights from errors known at each origin; shape (n,)."""
    combined = np.zeros(len(backtest.actual))
    for origin in np.unique(backtest.origin):
        rows, known = backtest.origin == origin, backtest.origin + backtest.step <= origin
        combined[rows] = backtest.only(rows).combined(combine(backtest.only(known)))
    return combined
