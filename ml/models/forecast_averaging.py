"""A family of models of which every setting runs side by side, from many past months at once, averaged by likelihood.

Belongs here: scale, log, limits and stand-ins that such families share. Does not belong here: any family's recursion
(`ml.models.forecast_smoothing`, `ml.models.forecast_arma`).

Each forecast counts by the likelihood of its one-step errors (Akaike weights, Burnham & Anderson 2002), so that no
single setting has to be chosen from few months. The log scale turns growth by a share and seasonal factors into sums;
forecasts made there are medians. A family also states the standard deviation of its errors: that of the equations
plus the disagreement of its settings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.arrays import FloatArray, IntArray

FAR: Final = 2.0
LEAST_RELATIVE: Final = 1e-3
FLAT: Final = 1e-9
LEAST_FREEDOM: Final = 0.3

Paths = tuple[FloatArray, FloatArray]
Recursion = Callable[[FloatArray, IntArray, int], Paths]


@dataclass(frozen=True)
class Averaged:
    """A method that forecasts from any months of a series in one pass.

    Attributes:
        recursion: from values, ends (number of values known, falling) and horizon to means and standard deviations,
            each of shape (ends, horizon); what comes after an end must not change its row.
        least: values it needs; below, `otherwise` is asked, or the last value continued.
        is_log: run on logarithms where every value known is clearly positive.
    """

    recursion: Recursion
    least: int
    is_log: bool = False
    otherwise: "Averaged | None" = None

    def __call__(self, values: FloatArray, horizon: int) -> FloatArray:
        """Forecast from the end; shape (horizon,)."""
        return np.asarray(self.paths(values, [len(values)], horizon)[0][0])

    def paths(self, values: FloatArray, ends: Sequence[int], horizon: int) -> Paths:
        """Means and standard deviations as known after each number of values; each of shape (ends, horizon).

        Runs in units of a power of two, which changes no digit, so that neither huge nor tiny series overflow.
        """
        exponent = int(np.frexp(np.max(np.abs(values)))[1])
        scaled, known = np.ldexp(values, -exponent), np.asarray(ends)
        lows, highs = np.minimum.accumulate(scaled)[known - 1], np.maximum.accumulate(scaled)[known - 1]
        sizes = np.maximum(np.abs(lows), np.abs(highs))
        usable = (known >= self.least) & (highs - lows > FLAT * sizes)
        on_log = usable & (lows > LEAST_RELATIVE * sizes) if self.is_log else np.zeros(len(known), dtype=bool)
        means, spreads = np.zeros((len(known), horizon)), np.zeros((len(known), horizon))
        for rows, is_log in ((on_log, True), (usable & ~on_log, False)):
            if rows.any():
                means[rows], spreads[rows] = self._run(scaled, known[rows], horizon, is_log)
        if not usable.all():
            means[~usable], spreads[~usable] = self._stand_in(scaled, known[~usable], horizon)
        return np.ldexp(means, exponent), np.ldexp(spreads, exponent)

    def _run(self, values: FloatArray, known: IntArray, horizon: int, is_log: bool) -> Paths:
        falling = np.argsort(-known, kind="stable")
        values = values[: known.max()]
        values = np.log(values) if is_log else values
        with np.errstate(all="ignore"):
            found, spread = self.recursion(values, known[falling], horizon)
        means, spreads = np.zeros_like(found), np.zeros_like(spread)
        means[falling], spreads[falling] = found, spread
        means = np.array([held(mean, values[:end]) for mean, end in zip(means, known, strict=True)])
        spreads = np.where(np.isfinite(spreads), spreads, np.ptp(values))
        if not is_log:
            return means, spreads
        highest = np.array([values[:end].max() + FAR for end in known])
        means = np.exp(np.minimum(means, highest[:, None]))
        return means, means * np.minimum(spreads, FAR)

    def _stand_in(self, values: FloatArray, known: IntArray, horizon: int) -> Paths:
        if self.otherwise is not None:
            return self.otherwise.paths(values, list(known), horizon)
        means = np.repeat(values[known - 1][:, None], horizon, axis=1)
        changes = np.array([np.sqrt(np.mean(np.diff(values[:end]) ** 2)) if end > 1 else 0.0 for end in known])
        return means, changes[:, None] * np.sqrt(np.arange(1, horizon + 1))


def held(found: FloatArray, values: FloatArray) -> FloatArray:
    """A forecast that leaves the range of the series by more than twice its width is held there."""
    room = FAR * float(np.ptp(values))
    clipped = np.clip(found, values.min() - room, values.max() + room)
    return np.asarray(np.where(np.isfinite(clipped), clipped, values[-1]))


def likelihood_weights(squared: FloatArray, count: float) -> FloatArray:
    """Weights of settings, which add up to one, from their sums of `count` squared one-step errors."""
    least = max(float(squared.max()) * 1e-12, 1e-300)
    loss = np.log(np.maximum(squared, least))
    weights = np.exp(-0.5 * count * (loss - loss.min()))
    return np.asarray(weights / weights.sum())


def averaged(paths: FloatArray, variances: FloatArray, squared: FloatArray, count: float, parameters: float) -> Paths:
    """Mean and standard deviation over settings.

    Args:
        paths: forecasts, shape (settings, horizon); variances: in units of the one-step variance, same shape.
        squared: sums of `count` squared one-step errors, shape (settings,).
        parameters: how many values the model learned from the series; in few months they hide much of the error.
    """
    weights = likelihood_weights(squared, count)
    mean = weights @ paths
    freedom = max(count - parameters, LEAST_FREEDOM * count, 1.0)
    within = (weights * squared / freedom) @ variances
    return mean, np.sqrt(within + weights @ (paths - mean) ** 2)
