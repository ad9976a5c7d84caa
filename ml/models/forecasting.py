"""Forecast monthly series: an ensemble weighted by past errors, with intervals from the same backtests.

Belongs here: one series or any panel of them. Does not belong here: what the series mean (`ml.models.revenue`), the
single methods (`ml.models.forecast_methods`), the width of intervals (`ml.models.forecast_intervals`).

Every method is run at up to twelve past origins (rolling origin, Tashman 2000); its weight is the inverse of its
squared mean absolute error, half of it shared equally, as equal weights are hard to beat (Claeskens et al. 2016).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray
from ml.models.forecast_intervals import FULL_HISTORY, Errors, half_widths
from ml.models.forecast_methods import METHODS, SIMPLE, Method

LEVELS: Final = (0.8, 0.95)
ORIGINS: Final = 12
LEAST_VALUES: Final = 3
LEAST_FITTED_BACKTEST: Final = 15
EQUAL_SHARE: Final = 0.5
LONGEST_BACKTEST: Final = 12


class NoDataError(ValueError):
    """A series has fewer than three known values."""


@dataclass(frozen=True)
class Backtest:
    """Forecasts made at past origins.

    Attributes:
        origin: index of the last value known; step: months ahead; actual: what came; each of shape (n,).
        predicted: by method, shape (n,).
    """

    origin: FloatArray
    step: FloatArray
    actual: FloatArray
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
        return Backtest(self.origin[rows], self.step[rows], self.actual[rows], predicted)

    def errors(self, predicted: FloatArray) -> Errors:
        """Errors of any forecast of these rows."""
        return Errors(self.origin, self.step, self.actual - predicted)


@dataclass(frozen=True)
class SeriesForecast:
    """What comes next in one series.

    Attributes:
        mean: shape (horizon,); widths: half widths by level, shape (levels, horizon).
        notes: sentences about what limits the forecast.
    """

    mean: FloatArray
    widths: FloatArray
    weights: Mapping[str, float]
    backtest: Backtest
    notes: tuple[str, ...]


def forecast_series(
    values: FloatArray,
    horizon: int,
    levels: Sequence[float] = LEVELS,
    methods: Mapping[str, Method] = METHODS,
) -> SeriesForecast:
    """Forecast one regular monthly series.

    Args:
        values: oldest first; gaps are nan and filled by a line between their neighbours.

    Raises:
        NoDataError: fewer than three known values.
    """
    filled, notes = fill_gaps(values)
    usable = methods if len(filled) >= LEAST_FITTED_BACKTEST else SIMPLE
    backtest = run_backtest(filled, horizon, usable)
    weights = error_weights(backtest)
    mean = np.zeros(horizon)
    for name, weight in weights.items():
        mean += weight * usable[name](filled, horizon)
    size = float(np.mean(np.abs(filled)))
    errors = backtest.errors(walk_forward(backtest))
    widths = half_widths(errors, horizon, levels, len(filled), size)
    if len(filled) < FULL_HISTORY:
        notes += (f"only {len(filled)} months of history: intervals are widened and no season is fitted",)
    return SeriesForecast(mean, widths, weights, backtest, notes)


def fill_gaps(values: FloatArray) -> tuple[FloatArray, tuple[str, ...]]:
    """The series from its first to its last known value, with gaps filled; and a sentence if there were any.

    Raises:
        NoDataError: fewer than three known values.
    """
    known = np.flatnonzero(np.isfinite(values))
    if len(known) < LEAST_VALUES:
        msg = f"the series has {len(known)} known months; a forecast needs at least {LEAST_VALUES}"
        raise NoDataError(msg)
    inside = np.arange(known[0], known[-1] + 1)
    gaps = len(inside) - len(known)
    notes = (f"{gaps} missing months were filled between their neighbours",) if gaps else ()
    return np.interp(inside, known, values[known]), notes


def backtest_origins(months: int) -> list[int]:
    """Indices of the last known value at each origin, oldest first: twelve where history allows."""
    least = max(LEAST_VALUES - 1, min(FULL_HISTORY, months // 2))
    step = 2 if months >= 2 * FULL_HISTORY + LONGEST_BACKTEST else 1
    return sorted(range(months - 2, least - 2, -step)[:ORIGINS])


def run_backtest(values: FloatArray, horizon: int, methods: Mapping[str, Method]) -> Backtest:
    """Run every method at every origin, looking ahead as far as the horizon, a year, and the data allow."""
    origins, steps, actual = [], [], []
    predicted: dict[str, list[FloatArray]] = {name: [] for name in methods}
    for origin in backtest_origins(len(values)):
        ahead = values[origin + 1 :][: min(horizon, LONGEST_BACKTEST)]
        origins.append(np.full(len(ahead), origin))
        steps.append(np.arange(1, len(ahead) + 1))
        actual.append(ahead)
        for name, method in methods.items():
            predicted[name].append(method(values[: origin + 1], len(ahead)))
    return Backtest(
        np.concatenate(origins).astype(np.float64),
        np.concatenate(steps).astype(np.float64),
        np.concatenate(actual),
        {name: np.concatenate(parts) for name, parts in predicted.items()},
    )


def error_weights(backtest: Backtest) -> dict[str, float]:
    """Weights that add up to one: half equal, half by inverse squared mean absolute error.

    Errors weigh by their step: at a young origin mostly short steps are known, which flatter the last value.
    """
    errors = {name: np.abs(backtest.actual - p) for name, p in backtest.predicted.items()}
    mae = {name: float(np.average(error, weights=backtest.step)) for name, error in errors.items()}
    least = 0.01 * max(float(np.mean(np.abs(backtest.actual))), 1e-12)
    inverse = {name: 1 / max(error, least) ** 2 for name, error in mae.items()}
    total = sum(inverse.values())
    skill = {name: value / total for name, value in inverse.items()}
    kept = [name for name, error in mae.items() if error <= 1.5 * max(min(mae.values()), least)]
    equal = {name: EQUAL_SHARE / len(kept) if name in kept else 0.0 for name in mae}
    return {name: equal[name] + (1 - EQUAL_SHARE) * skill[name] for name in mae}


def walk_forward(backtest: Backtest) -> FloatArray:
    """The combination as it would have been made then: at each origin, weights from errors known by then.

    Until an error is known all methods weigh the same. Shape (n,).
    """
    combined = np.zeros(len(backtest.actual))
    equal = {name: 1 / len(backtest.predicted) for name in backtest.predicted}
    for origin in np.unique(backtest.origin):
        rows, known = backtest.origin == origin, backtest.origin + backtest.step <= origin
        weights = error_weights(backtest.only(known)) if known.any() else equal
        combined[rows] = backtest.only(rows).combined(weights)
    return combined


def forecast_panel(
    panel: pd.DataFrame, horizon: int, levels: Sequence[float] = LEVELS, methods: Mapping[str, Method] = METHODS
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Forecast every series of a panel.

    Args:
        panel: series_id, month (any day of it), value; missing months and nan are gaps.

    Returns:
        series_id, month (first day), step, value, lower_80, upper_80, ...; and notes by series. A series without
        enough values has no rows, and a note that says so.
    """
    parts: list[pd.DataFrame] = []
    notes: dict[str, tuple[str, ...]] = {}
    for name, rows in panel.groupby("series_id", sort=True):
        months = pd.to_datetime(rows["month"]).dt.to_period("M")
        series = rows.set_index(months)["value"].astype(float).groupby(level=0).sum(min_count=1)
        grid = series.reindex(pd.period_range(series.index.min(), series.index.max(), freq="M"))
        known = grid.iloc[: int(np.flatnonzero(grid.notna()).max(initial=-1)) + 1]
        try:
            found = forecast_series(np.asarray(known, dtype=np.float64), horizon, levels, methods)
        except NoDataError as error:
            notes[str(name)] = (str(error),)
            continue
        notes[str(name)] = found.notes
        parts.append(_rows(str(name), known.index[-1], found, levels))
    return (pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()), notes


def _rows(name: str, last: pd.Period, found: SeriesForecast, levels: Sequence[float]) -> pd.DataFrame:
    steps = np.arange(1, len(found.mean) + 1)
    months = pd.period_range(last + 1, periods=len(steps), freq="M").to_timestamp()
    rows = pd.DataFrame({"series_id": name, "month": months, "step": steps, "value": found.mean})
    for level, width in zip(levels, found.widths, strict=True):
        rows[f"lower_{round(level * 100)}"] = found.mean - width
        rows[f"upper_{round(level * 100)}"] = found.mean + width
    return rows
