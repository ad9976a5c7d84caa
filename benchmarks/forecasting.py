"""Judge the forecast of single series on many: simulated shapes and, where the folder is at hand, the tourism set.

Per shape: sMAPE and MASE of the ensemble, of AutoETS, of seasonal naive and of the best simple method by past error,
and how often the 80 % and 95 % intervals held what came. Belongs here: the shapes, the table. Does not belong here:
any setting of the forecast. Run: `python -m benchmarks.forecasting --seed 2 --data <folder of the data sets>`.
"""

import argparse
import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models.forecast_combination import winner
from ml.models.forecast_methods import SIMPLE, ets, seasonal_naive
from ml.models.forecasting import forecast_series

LENGTHS: Final = (16, 20, 24, 30, 36, 48)
AHEAD: Final = 12
FLOOR: Final = 0.005


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


def tourism(data: Path, count: int, first: int) -> list[Series]:
    """Every n-th monthly series of the tourism competition (Athanasopoulos et al. 2011), 24 months ahead."""
    rows = pd.read_csv(data / "tourism" / "tourism_series.csv.gz")
    monthly = rows[rows["series_id"].str.startswith("M")]
    groups = dict(list(monthly.groupby("series_id")))
    names = sorted(groups, key=lambda name: int(str(name)[1:]))
    found = []
    for name in names[first :: len(names) // count][:count]:
        is_known = groups[name]["split"] == "train"
        values = groups[name]["value"].to_numpy(np.float64)
        found.append(Series("tourism", values[is_known], values[~is_known]))
    return found


def judge(series: Series) -> dict[str, object]:
    """Errors (sMAPE, MASE) by method, coverage of the ensemble and of the simple choice."""
    ahead = len(series.coming)
    full = forecast_series(series.known, ahead)
    simple = forecast_series(series.known, ahead, methods=SIMPLE, combine=winner)
    forecasts = {
        "ours": full.mean, "ets": ets(series.known, ahead),
        "snaive": seasonal_naive(series.known, ahead), "simple": simple.mean,
    }  # fmt: skip
    row: dict[str, object] = {"shape": series.shape}
    for name, found in forecasts.items():
        error = np.abs(found - series.coming)
        size = np.maximum(np.abs(found) + np.abs(series.coming), 1e-9)
        row |= {
            f"smape {name}": 200 * float(np.mean(error / size)),
            f"mase {name}": float(error.mean()) / _scale(series),
        }
    for name, kept in {"ours": full, "simple": simple}.items():
        for level, width in zip((80, 95), kept.widths, strict=True):
            inside = np.abs(series.coming - kept.mean) <= width
            row[f"cover {level} {name}"] = 100 * float(np.mean(inside))
    return row


def _scale(series: Series) -> float:
    lag = 12 if len(series.known) > 12 else 1
    change = float(np.mean(np.abs(series.known[lag:] - series.known[:-lag])))
    return max(change, FLOOR * float(np.mean(np.abs(series.known))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=12, help="simulated series per shape")
    parser.add_argument("--tourism", type=int, default=60, help="tourism series")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--data", type=Path, help="folder that holds the folder `tourism`")
    chosen = parser.parse_args(arguments)
    series = simulated(chosen.each, chosen.seed)
    if chosen.data is not None:
        series += tourism(chosen.data, chosen.tourism, first=chosen.seed)
    with multiprocessing.Pool(2) as pool:
        rows = pd.DataFrame(pool.map(judge, series, chunksize=4))
    table = rows.groupby("shape", sort=False).mean()
    table.loc["mean of shapes"] = table.mean()
    sys.stdout.write(table.round(2).to_markdown() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
