"""Monthly series to judge forecasts on: simulated shapes, and those of the tourism competition.

Belongs here: the series. Does not belong here: methods, figures, the page (`benchmarks.forecasting`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray

LENGTHS: Final = (16, 20, 24, 30, 36, 48)
AHEAD: Final = 12
COMPOSED_LENGTHS: Final = (36, 48, 60, 72, 96, 120)
COMPOSED_AHEAD: Final = 18


@dataclass(frozen=True)
class Series:
    """Known months and the months to be forecast."""

    shape: str
    known: FloatArray
    coming: FloatArray


Shape = Callable[[np.random.Generator, FloatArray], FloatArray]


def _season(rng: np.random.Generator, t: FloatArray) -> FloatArray:
    wave = rng.uniform(0.1, 0.3) * np.sin((t + rng.integers(12)) * np.pi / 6)
    return np.asarray(1 + wave + 0.05 * rng.normal(size=12)[t.astype(int) % 12])


def _shift(rng: np.random.Generator, t: FloatArray) -> FloatArray:
    """A new level within the known months, at least four before their end."""
    return np.where(t < rng.integers(len(t) // 4, len(t) - AHEAD - 4), 100.0, 100 * rng.uniform(0.4, 2))


def _stock(rng: np.random.Generator, t: FloatArray) -> FloatArray:
    """Recurring revenue: a share leaves each month, new business grows."""
    leaves, grows, level, found = rng.uniform(0.01, 0.06), rng.uniform(0, 0.05), 0.0, []
    for month in t:
        level = level * (1 - leaves * rng.uniform(0.5, 1.5)) + rng.gamma(8, 1) * (1 + grows * month)
        found.append(level)
    return np.array(found)


NOISY: Final[Mapping[str, Shape]] = {
    "linear": lambda rng, t: rng.uniform(5, 50) + t * rng.uniform(1, 6),
    "exponential": lambda rng, t: 10 * np.exp(t * rng.uniform(0.02, 0.15)),
    "saturating": lambda rng, t: 100 * (1 - np.exp(-(t + 1) / rng.uniform(6, 20))),
    "seasonal": lambda rng, t: 100 * _season(rng, t),
    "seasonal trend": lambda rng, t: (50 + t * rng.uniform(0.5, 3)) * _season(rng, t),
    "level shift": _shift,
    "near constant": lambda _rng, t: np.full(len(t), 100.0),
    "declining": lambda rng, t: 100 * np.exp(-t * rng.uniform(0.01, 0.06)),
}
OWN_NOISE: Final[Mapping[str, Shape]] = {
    "intermittent": lambda rng, t: np.where(rng.random(len(t)) < rng.uniform(0.15, 0.5), rng.gamma(3, 30, len(t)), 0.0),
    "random walk": lambda rng, t: np.maximum(100 + rng.normal(rng.uniform(-1, 2), 3, len(t)).cumsum(), 1.0),
    "recurring stock": _stock,
}


def simulated(each: int, seed: int) -> list[Series]:
    """Series of every shape, 16 to 48 known months and twelve to come; noise white or persistent by turns."""
    found = []
    for number, (shape, make) in enumerate([*NOISY.items(), *OWN_NOISE.items()]):
        for turn in range(each):
            rng = np.random.default_rng([seed, number, turn])
            months = LENGTHS[turn % len(LENGTHS)]
            values = make(rng, np.arange(months + AHEAD, dtype=float))
            if shape in NOISY:
                size = 0.003 if shape == "near constant" else rng.uniform(0.01, 0.08)
                values = np.maximum(values * (1 + size * _noise(rng, len(values))), 0.5)
            found.append(Series(shape, values[:months], values[months:]))
    return found


def _noise(rng: np.random.Generator, months: int) -> FloatArray:
    shocks, persistence = rng.normal(size=months), 0.8 * rng.integers(2)
    for month in range(1, months):
        shocks[month] += persistence * shocks[month - 1]
    return shocks


def composed(count: int, seed: int) -> list[Series]:
    """Longer series of everything at once: a wandering level, a damped trend that moves, a season that moves, shocks.

    36 to 120 known months and eighteen to come; factors (three in five) or sums.
    """
    found = []
    for number in range(count):
        rng = np.random.default_rng([seed, len(NOISY) + len(OWN_NOISE), number])
        months = int(rng.choice(COMPOSED_LENGTHS))
        values = _composed(rng, months)
        found.append(Series("composed", values[:months], values[months:]))
    return found


def _composed(rng: np.random.Generator, known: int) -> FloatArray:
    months = known + COMPOSED_AHEAD
    level = rng.normal(0, 1, months).cumsum() * rng.choice([0, 0.005, 0.015, 0.04])
    if rng.random() < 0.25:
        level[rng.integers(known // 4, known - 3) :] += rng.choice([-1, 1]) * 0.25
    total = level + _moving_trend(rng, months) + _moving_season(rng, months)
    total += rng.choice([0.01, 0.03, 0.08]) * _noise(rng, months)
    total[rng.integers(0, known, 2)] += rng.choice([-1, 0, 0, 1], 2) * 0.3
    values = np.exp(total) if rng.random() < 0.6 else np.maximum(1 + total, 0.05)
    return np.asarray(values * 10 ** rng.uniform(1, 5))


def _moving_trend(rng: np.random.Generator, months: int) -> FloatArray:
    damping, moves = rng.choice([0.8, 0.9, 0.97, 1.0]), rng.choice([0, 0.0005, 0.002])
    slope, found = rng.normal(0, 0.004), [0.0]
    for shock in rng.normal(0, 1, months - 1):
        slope = damping * slope + moves * shock
        found.append(found[-1] + slope)
    return np.array(found)


def _moving_season(rng: np.random.Generator, months: int) -> FloatArray:
    """Two series in three have a season."""
    size = rng.choice([0.03, 0.08, 0.2]) * float(rng.random() < 2 / 3)
    years = rng.choice([0, 0.05, 0.15]) * rng.normal(size=(months // 12 + 1, 12)).cumsum(axis=0)
    return np.asarray(size * (rng.normal(size=12) + years).ravel()[:months])


def tourism(data: Path) -> list[Series]:
    """All monthly series of the tourism competition (Athanasopoulos et al. 2011) by number, 24 months ahead."""
    rows = pd.read_csv(data / "tourism" / "tourism_series.csv.gz")
    monthly = rows[rows["series_id"].str.startswith("M")]
    groups = dict(list(monthly.groupby("series_id")))
    found = []
    for name in sorted(groups, key=lambda name: int(str(name)[1:])):
        is_known = groups[name]["split"] == "train"
        values = groups[name]["value"].to_numpy(np.float64)
        found.append(Series("tourism", values[is_known], values[~is_known]))
    return found
