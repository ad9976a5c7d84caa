"""Intervals of a forecast from the errors of its own backtest.

Belongs here: turning (steps ahead, error) pairs into half widths. Does not belong here: making the forecasts.

Where the methods state a standard deviation for every step (`stated_widths`), past errors only say by which factor it
was too small or too large, and the fewer periods side by side they cover, the nearer the factor stays to one. Quantiles
are Student's with five degrees of freedom at the same variance: errors of changing size have heavier tails than the
normal's.

Where they state none (`half_widths`): conformal prediction with errors scaled by step, |error| ÷ step^g, with g fitted
to how errors grow, so that few origins are pooled over all steps (Stankeviciute et al., "Conformal time-series
forecasting", 2021, calibrates each step alone, which needs many more origins). Errors are those of the combination as
it would have been made then, about zero, so that bias is included. They are carried to the present by the root of the
change in the series' size: half way between errors that stay and errors that grow in proportion. Errors of overlapping
periods are hardly independent: a Student bound, with as many degrees of freedom as periods fit side by side, stands
beside the quantile and weighs more the fewer the origins.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.stats import t as student

from ml.arrays import FloatArray

FULL_HISTORY: Final = 24
SHORT_EXPONENT: Final = 0.25
FLOOR: Final = 0.002
SIZE_MONTHS: Final = 12
LEAST_SIZE: Final = 0.05
SIZE_EXPONENT: Final = 0.5
LARGEST_GROWTH: Final = 1.0
PRIOR_ORIGINS: Final = 3.0
PRIOR_GROWTH: Final = 0.75
PRIOR_ROWS: Final = 24.0
WIDEST_BOUND: Final = 6.0
TAIL_FREEDOM: Final = 5
PRIOR_PERIODS: Final = 8.0
LARGEST_SCORE: Final = 4.0
LEAST_FACTOR: Final = 0.3


@dataclass(frozen=True)
class Errors:
    """Backtest errors: origin (index of the last known value), steps ahead (from 1), error, size of the series then;
    all of shape (n,).
    """  # noqa: D205

    origin: FloatArray
    step: FloatArray
    error: FloatArray
    size: FloatArray

    def before(self, origin: int) -> "Errors":
        """Those that were known at an origin."""
        known = self.origin + self.step <= origin
        return Errors(self.origin[known], self.step[known], self.error[known], self.size[known])

    def at_size(self, size: float) -> "Errors":
        """Errors as they would be at another size of the series."""
        carried = self.error * (size / self.size) ** SIZE_EXPONENT
        return Errors(self.origin, self.step, carried, np.full(len(self.size), size))


def size_of(values: FloatArray) -> float:
    """Magnitude of a series at its end: mean of the last twelve months, at least a twentieth of the overall mean."""
    magnitude = np.abs(values)
    return max(float(magnitude[-SIZE_MONTHS:].mean()), LEAST_SIZE * float(magnitude.mean()), 1e-12)


def half_widths(errors: Errors, horizon: int, levels: Sequence[float], months: int, size: float) -> FloatArray:
    """Half width by level and step; shape (levels, horizon).

    Args:
        months: length of the history; below 24 the widths grow by the fourth root of 24 / months.
        size: magnitude of the series now (`size_of`); 0.2 % of it is the least half width.
    """
    steps = np.arange(1, horizon + 1)
    if len(errors.error) == 0:
        return np.array([[size * level] * horizon for level in levels]) * np.sqrt(steps)
    errors = errors.at_size(size)
    growth = _growth(errors)
    scores = np.abs(errors.error) / errors.step**growth
    origins = len(np.unique(errors.origin))
    freedom = _periods(errors)
    spread = float(np.sqrt(np.mean(scores**2)))
    widths = []
    for level in levels:
        rank = min(1.0, level * (1 + 1 / len(scores)))
        bound = min(float(student.ppf((1 + level) / 2, freedom)), WIDEST_BOUND)
        quantile = float(np.quantile(scores, rank, method="higher"))
        weight = origins / (origins + PRIOR_ORIGINS)
        widths.append(weight * quantile + (1 - weight) * max(quantile, bound * spread))
    short = max(1.0, FULL_HISTORY / max(months, 1)) ** SHORT_EXPONENT
    return np.asarray(np.maximum(np.array(widths)[:, None] * steps**growth * short, FLOOR * size))


def stated_widths(errors: Errors, past: FloatArray, coming: FloatArray, levels: Sequence[float]) -> FloatArray:
    """Half width by level and step from standard deviations stated by the methods; shape (levels, horizon).

    Args:
        past: what was stated for each of the errors; coming: what is stated now, shape (horizon,).
    """
    factor = 1.0
    if len(errors.error):
        periods = _periods(errors)
        scores = np.minimum(np.abs(errors.error) / past, LARGEST_SCORE)
        ratio = max(float(np.sqrt(np.mean(scores**2))), LEAST_FACTOR)
        factor = ratio ** (periods / (periods + PRIOR_PERIODS))
    variance = TAIL_FREEDOM / (TAIL_FREEDOM - 2)
    quantiles = np.array([student.ppf((1 + level) / 2, TAIL_FREEDOM) for level in levels]) / np.sqrt(variance)
    return np.asarray(factor * quantiles[:, None] * coming)


def _periods(errors: Errors) -> float:
    """Periods that fit side by side: so many independent errors about zero, so many degrees of freedom."""
    return float(np.ptp(errors.origin) / np.mean(errors.step)) + 1.0


def _growth(errors: Errors) -> float:
    """Exponent by which mean absolute errors grow with the step, between 0 and 1, shrunk towards three quarters.

    One half is a random walk's, one a wrong trend's.
    """
    steps = np.unique(errors.step)
    means = np.array([np.mean(np.abs(errors.error[errors.step == step])) for step in steps])
    counts = np.array([np.sum(errors.step == step) for step in steps], dtype=float)
    if len(steps) < 3 or np.any(means <= 0):
        return PRIOR_GROWTH
    slope = np.polyfit(np.log(steps), np.log(means), 1, w=np.sqrt(counts))[0]
    trust = counts.sum() / (counts.sum() + PRIOR_ROWS)
    return float(np.clip(PRIOR_GROWTH + (slope - PRIOR_GROWTH) * trust, 0.0, LARGEST_GROWTH))
