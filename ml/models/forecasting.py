"""Forecast monthly series: an ensemble weighted by past errors, with intervals from the same backtests.

Belongs here: one series or any panel of them. Does not belong here: what the series mean (`ml.models.revenue`), the
single methods (`ml.models.forecast_methods`), weights, the width of intervals (`ml.models.forecast_intervals`).

Every method is run at up to twelve past origins (rolling origin, Tashman 2000), and at six earlier ones from which the
first of them learn their weights, if history allows; weights come from these errors (`ml.models.forecast_combination`),
intervals from them and from the deviations that the methods state. What has never been negative is not forecast to be.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models.forecast_averaging import Averaged, Paths
from ml.models.forecast_combination import (
    ORIGINS,
    Backtest,
    Combine,
    shared_weights,
    spread,
    walk_forward,
    walk_forward_spread,
)
from ml.models.forecast_intervals import FULL_HISTORY, half_widths, size_of, stated_widths
from ml.models.forecast_methods import METHODS, Method

LEVELS: Final = (0.8, 0.95)
LEARNING_ORIGINS: Final = 6
LEAST_VALUES: Final = 3
LONGEST_BACKTEST: Final = 12
CHUNK: Final = 8


class NoDataError(ValueError):
    """A series has fewer than three known values."""


@dataclass(frozen=True)
class SeriesForecast:
    """What comes next in one series.

    Attributes:
        mean: shape (horizon,); widths: half widths by level, shape (levels, horizon).
        backtest: the judged origins; combined: the combination as it would have been made there, shape of the backtest.
        floor: what no value or bound may be below: 0 if the series never was, else minus infinity.
        notes: sentences about what limits the forecast.
    """

    mean: FloatArray
    widths: FloatArray
    floor: float
    weights: Mapping[str, float]
    backtest: Backtest
    combined: FloatArray
    notes: tuple[str, ...]


def forecast_series(
    values: FloatArray,
    horizon: int,
    levels: Sequence[float] = LEVELS,
    methods: Mapping[str, Method] = METHODS,
    combine: Combine = shared_weights,
) -> SeriesForecast:
    """Forecast one regular monthly series.

    Args:
        values: oldest first; gaps are nan and filled by a line between their neighbours.
        methods: averaged families forecast all origins in one pass, others one by one.
        combine: from a backtest to the weights of the methods.

    Raises:
        NoDataError: fewer than three known values.
    """
    filled, notes = fill_gaps(values)
    everything = run_backtest(filled, horizon, methods)
    judged = everything.origin >= np.unique(everything.origin)[-ORIGINS:][0]
    backtest, combined = everything.only(judged), walk_forward(everything, combine)[judged]
    weights, size = combine(everything), size_of(filled)
    ahead = {name: _paths(method, filled, [len(filled)], horizon) for name, method in methods.items()}
    predicted = {name: means[0] for name, (means, _) in ahead.items()}
    mean = np.asarray(sum(weight * predicted[name] for name, weight in weights.items()))
    errors = backtest.errors(combined)
    if everything.stated:
        stated = {name: ahead[name][1][0] for name in everything.stated}
        coming = spread(predicted, stated, weights, np.full(horizon, size))
        widths = stated_widths(errors, walk_forward_spread(everything, combine)[judged], coming, levels)
    else:
        widths = half_widths(errors, horizon, levels, len(filled), size)
    if len(filled) < FULL_HISTORY:
        notes += (f"only {len(filled)} months of history: intervals are widened and no season is fitted",)
    return SeriesForecast(mean, widths, floor_of(filled), weights, backtest, combined, notes)


def floor_of(values: FloatArray) -> float:
    """0 for a series that never was negative, else minus infinity."""
    return 0.0 if float(np.min(values, initial=0.0)) >= 0 else float("-inf")


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
    """Indices of the last known value at each origin, oldest first: eighteen where history allows."""
    least = max(LEAST_VALUES - 1, min(FULL_HISTORY, months // 2))
    step = 2 if months >= 2 * FULL_HISTORY + LONGEST_BACKTEST else 1
    return sorted(range(months - 2, least - 2, -step)[: ORIGINS + LEARNING_ORIGINS])


def run_backtest(values: FloatArray, horizon: int, methods: Mapping[str, Method]) -> Backtest:
    """Run every method at every origin, looking ahead as far as the horizon, a year, and the data allow."""
    origins = backtest_origins(len(values))
    longest = min(horizon, LONGEST_BACKTEST)
    ends, steps = np.array(origins) + 1, np.arange(1, longest + 1)
    is_known = ends[:, None] + steps <= len(values)
    index = np.minimum(ends[:, None] + steps, len(values)) - 1
    paths = {name: _paths(method, values, list(ends), longest) for name, method in methods.items()}
    sizes = np.array([size_of(values[:end]) for end in ends])
    return Backtest(
        np.broadcast_to(ends[:, None] - 1.0, is_known.shape)[is_known],
        np.broadcast_to(steps.astype(np.float64), is_known.shape)[is_known],
        values[index][is_known],
        np.broadcast_to(sizes[:, None], is_known.shape)[is_known],
        {name: means[is_known] for name, (means, _) in paths.items()},
        {name: paths[name][1][is_known] for name, method in methods.items() if isinstance(method, Averaged)},
    )


def _paths(method: Method, values: FloatArray, ends: Sequence[int], horizon: int) -> Paths:
    """Forecasts, not below the floor, and standard deviations (0 where none are stated); shape (ends, horizon)."""
    if isinstance(method, Averaged):
        means, spreads = method.paths(values, ends, horizon)
    else:
        means = np.array([method(values[:end], horizon) for end in ends])
        spreads = np.zeros_like(means)
    floors = np.array([floor_of(values[:end]) for end in ends])
    return np.maximum(means, floors[:, None]), spreads


def forecast_panel(
    panel: pd.DataFrame,
    horizon: int,
    levels: Sequence[float] = LEVELS,
    methods: Mapping[str, Method] = METHODS,
    processes: int = 1,
) -> tuple[pd.DataFrame, dict[str, tuple[str, ...]]]:
    """Forecast every series of a panel.

    Args:
        panel: series_id, month (any day of it), value; missing months and nan are gaps.
        processes: how many share the series; the outcome is the same for any number.

    Returns:
        series_id, month (first day), step, value, lower_80, upper_80, ...; and notes by series. A series without
        enough values has no rows, and a note that says so.
    """
    one = partial(_forecast_one, horizon=horizon, levels=tuple(levels), methods=methods)
    groups = panel.groupby("series_id", sort=True)
    if processes > 1:
        with ProcessPoolExecutor(processes) as pool:
            found = list(pool.map(one, groups, chunksize=CHUNK))
    else:
        found = [one(group) for group in groups]
    parts = [rows for _, rows, _ in found if rows is not None]
    notes = {name: said for name, _, said in found}
    return (pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()), notes


def _forecast_one(
    group: tuple[object, pd.DataFrame], horizon: int, levels: Sequence[float], methods: Mapping[str, Method]
) -> tuple[str, pd.DataFrame | None, tuple[str, ...]]:
    """Name, rows (None without enough values) and notes of one series."""
    name, rows = str(group[0]), group[1]
    months = pd.to_datetime(rows["month"]).dt.to_period("M")
    series = rows.set_index(months)["value"].astype(float).groupby(level=0).sum(min_count=1)
    grid = series.reindex(pd.period_range(series.index.min(), series.index.max(), freq="M"))
    known = grid.iloc[: int(np.flatnonzero(grid.notna()).max(initial=-1)) + 1]
    try:
        found = forecast_series(np.asarray(known, dtype=np.float64), horizon, levels, methods)
    except NoDataError as error:
        return name, None, (str(error),)
    return name, _rows(name, known.index[-1], found, levels), found.notes


def _rows(name: str, last: pd.Period, found: SeriesForecast, levels: Sequence[float]) -> pd.DataFrame:
    steps = np.arange(1, len(found.mean) + 1)
    months = pd.period_range(last + 1, periods=len(steps), freq="M").to_timestamp()
    rows = pd.DataFrame({"series_id": name, "month": months, "step": steps, "value": found.mean})
    for level, width in zip(levels, found.widths, strict=True):
        rows[f"lower_{round(level * 100)}"] = np.maximum(found.mean - width, found.floor)
        rows[f"upper_{round(level * 100)}"] = found.mean + width
    return rows
