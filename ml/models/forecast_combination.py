"""How forecasts of several methods become one: weights learned from errors known at an origin, never from later ones.

Belongs here: the record of past forecasts, the rules that weigh methods by it, and how far methods disagree. Does not
belong here: running the methods (`ml.models.forecasting`), the width of intervals (`ml.models.forecast_intervals`).

Methods clearly worse than the best are left out, the others weigh by the inverse fourth power of their error: pooling
near equals lowers variance, an equal share for poor members costs more than it brings (Bates & Granger 1969; Aiolfi &
Timmermann 2006 on trimming). The averaged families count alike for a share that grows with the history: there they are
well fitted, and the few origins of one series cannot tell which is best (the "forecast combination puzzle", Smith &
Wallis 2009). What was tried is in docs/decisions/0011.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from ml.arrays import BoolArray, FloatArray
from ml.models.forecast_intervals import Errors
from ml.models.forecast_methods import PRIOR, SIMPLE

POWER: Final = 4
WORST_KEPT: Final = 1.3
LEAST_ERROR: Final = 0.005
LEAST_ORIGINS: Final = 3
PLAINEST: Final = "last_value"
ORIGINS: Final = 12
SHARED: Final = "shared"
SHARED_FROM: Final = 12
SHARED_MONTHS: Final = 48
LARGEST_SHARE: Final = 0.8
LEAST_SPREAD: Final = 2e-4

Weights = dict[str, float]


@dataclass(frozen=True)
class Backtest:
    """Forecasts made at past origins.

    Attributes:
        origin: index of the last value known; step: months ahead; actual: what came; size: magnitude of the series
            as known at the origin; each of shape (n,).
        predicted: by method, shape (n,).
        stated: standard deviations of the errors, by those methods that state them; shape (n,).
    """

    origin: FloatArray
    step: FloatArray
    actual: FloatArray
    size: FloatArray
    predicted: Mapping[str, FloatArray]
    stated: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def months(self) -> int:
        """Length of the history these errors tell of."""
        return int(np.max(self.origin + self.step, initial=-1.0)) + 1

    def combined(self, weights: Mapping[str, float]) -> FloatArray:
        """The weighted mean of the methods; shape (n,)."""
        total = np.zeros(len(self.actual))
        for name, weight in weights.items():
            total += weight * self.predicted[name]
        return total

    def only(self, rows: BoolArray) -> "Backtest":
        """The rows of a mask."""
        predicted = {name: values[rows] for name, values in self.predicted.items()}
        stated = {name: values[rows] for name, values in self.stated.items()}
        return Backtest(self.origin[rows], self.step[rows], self.actual[rows], self.size[rows], predicted, stated)

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
    mae = _mean_errors(backtest, backtest.predicted)
    best = min(mae.values())
    inverse = {name: (best / error) ** POWER if error <= WORST_KEPT * best else 0.0 for name, error in mae.items()}
    total = sum(inverse.values())
    return {name: value / total for name, value in inverse.items()}


def shared_weights(backtest: Backtest) -> Weights:
    """Weights by error for one part, the same for all averaged families for the other, which grows with the history.

    The share grows from none at twelve months by a forty-eighth a month to four fifths. It falls with the fourth power
    of the error where the families together did worse than 1.3 times the best method. Without errors or families there
    is but one of the parts.
    """
    prior = {name: PRIOR.get(name, 0.0) for name in backtest.predicted}
    total = sum(prior.values())
    if not total:
        return error_weights(backtest)
    equal = {name: value / total for name, value in prior.items()}
    if not len(backtest.actual):
        return equal
    errors = _mean_errors(backtest, {**backtest.predicted, SHARED: backtest.combined(equal)})
    share = min(max((backtest.months - SHARED_FROM) / SHARED_MONTHS, 0.0), LARGEST_SHARE)
    share *= min(1.0, WORST_KEPT * min(errors.values()) / errors[SHARED]) ** POWER
    return {name: share * equal[name] + (1 - share) * weight for name, weight in error_weights(backtest).items()}


def _mean_errors(backtest: Backtest, predicted: Mapping[str, FloatArray]) -> dict[str, float]:
    """Mean absolute error by method, errors weighed by the root of their step, at least half a per cent of the size."""
    least = max(LEAST_ERROR * float(np.mean(np.abs(backtest.actual))), 1e-12)
    roots = np.sqrt(backtest.step)
    return {
        name: max(least, float(np.average(np.abs(backtest.actual - found), weights=roots)))
        for name, found in predicted.items()
    }


def winner(backtest: Backtest) -> Weights:
    """All the weight on the method with the least mean absolute error at the newest twelve origins.

    Below three origins it is the last value.
    """
    backtest = backtest.only(backtest.origin >= np.unique(backtest.origin)[-ORIGINS:].min(initial=np.inf))
    best = PLAINEST if PLAINEST in backtest.predicted else next(iter(backtest.predicted))
    if len(np.unique(backtest.origin)) >= LEAST_ORIGINS:
        mae = {name: float(np.mean(np.abs(backtest.actual - p))) for name, p in backtest.predicted.items()}
        best = min(mae, key=lambda name: (mae[name], name != best))
    return {name: float(name == best) for name in backtest.predicted}


def walk_forward(backtest: Backtest, combine: Combine = error_weights) -> FloatArray:
    """The combination as it would have been made then: weights from errors known at each origin; shape (n,)."""
    combined = np.zeros(len(backtest.actual))
    for rows, weights in _weights_then(backtest, combine):
        combined[rows] = backtest.only(rows).combined(weights)
    return combined


def walk_forward_spread(backtest: Backtest, combine: Combine) -> FloatArray:
    """Standard deviation as it would have been stated then; shape (n,)."""
    found = np.zeros(len(backtest.actual))
    for rows, weights in _weights_then(backtest, combine):
        then = backtest.only(rows)
        found[rows] = spread(then.predicted, then.stated, weights, then.size)
    return found


def spread(
    predicted: Mapping[str, FloatArray], stated: Mapping[str, FloatArray], weights: Weights, size: FloatArray
) -> FloatArray:
    """Standard deviation of a combination: geometric mean of what methods state, and their disagreement.

    Args:
        predicted, stated: by method; size: of the series, 0.02 % of which is the least; all of one shape.
    """
    shares = [np.maximum(values / size, LEAST_SPREAD) for values in stated.values()]
    own = np.exp(np.mean(np.log(shares), axis=0))
    mean = sum(weight * predicted[name] for name, weight in weights.items())
    apart = sum(weight * ((predicted[name] - mean) / size) ** 2 for name, weight in weights.items())
    return np.asarray(size * np.sqrt(own**2 + apart))


def _weights_then(backtest: Backtest, combine: Combine) -> Iterator[tuple[BoolArray, Weights]]:
    """Rows of each origin and the weights from what was known there."""
    for origin in np.unique(backtest.origin):
        known = backtest.origin + backtest.step <= origin
        yield backtest.origin == origin, combine(backtest.only(known))
