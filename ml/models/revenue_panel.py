"""The revenue panel: complete months, and parts that add up to the total.

Belongs here: shaping the panel, forecasting its parts and spreading a total over them coherently. Does not belong here:
forecasting the total (`ml.models.revenue`), the algebra of reconciliation (`ml.models.revenue_reconcile`), seasonal
factors and growth (`ml.models.revenue_course`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models.forecast_methods import QUICK, SIMPLE, Method
from ml.models.forecasting import NoDataError, floor_of, forecast_series
from ml.models.revenue_reconcile import covariance, reconciled, summing

ALL: Final = "all"
FITTED_CELLS: Final = 12
LEAST_SCALE: Final = 1e-9


@dataclass(frozen=True)
class Parts:
    """What regions, segments and cells would be if each were forecast alone.

    Attributes:
        scales: of the cells' errors, shape (cells,).
        base: forecasts of all nodes (sums first, then cells), shape (nodes, horizon).
        summation: from cells to nodes; spread: covariance of the nodes' errors.
    """

    scales: FloatArray
    base: FloatArray
    summation: FloatArray
    spread: FloatArray


def complete(monthly: pd.DataFrame) -> pd.DataFrame:
    """Complete months × (region, segment); a cell without a row in a month had no revenue.

    Args:
        monthly: month_start, region, segment, target_amount, is_complete.

    Returns:
        Index: every month from the first to the last complete one; columns: (region, segment), sorted.
    """
    rows = monthly[monthly["is_complete"].astype(bool)]
    month = pd.to_datetime(rows["month_start"]).dt.to_period("M").rename("month")
    keys = [month, rows["region"].fillna("unknown").astype(str), rows["segment"].fillna("unknown").astype(str)]
    sums = rows["target_amount"].astype(float).fillna(0.0).groupby(keys).sum()
    if sums.empty:
        return pd.DataFrame(index=pd.PeriodIndex([], freq="M"))
    wide = sums.unstack(["region", "segment"]).sort_index(axis=1)
    started = wide.index[(wide.fillna(0.0).sum(axis=1) != 0).to_numpy()]
    first = started[0] if len(started) else wide.index[0]
    return wide.reindex(pd.period_range(first, wide.index[-1], freq="M")).fillna(0.0)


def spread(
    panel: pd.DataFrame, parts: Parts, total: FloatArray, widths: FloatArray, levels: Sequence[float]
) -> pd.DataFrame:
    """Rows for the total, every region, every segment and every cell, whose values add up.

    Half widths of sums grow from those of the cells so that they meet the total's. A panel that never was negative
    gets no negative value or bound.
    """
    floor = floor_of(panel.to_numpy(np.float64))
    means = _not_below(floor, reconciled(parts.base, parts.summation, parts.spread, total), total)
    scales = parts.scales
    frames = []
    for region, segment, members in _groups(panel):
        part = float(np.sqrt(np.sum(scales[members] ** 2) / np.sum(scales**2)))
        value = total if len(members) == len(scales) and region == segment == ALL else means[members].sum(axis=0)
        frames.append(_rows(panel, (region, segment), value, widths * part, levels, floor))
    return pd.concat(frames, ignore_index=True)


def _not_below(floor: float, means: FloatArray, total: FloatArray) -> FloatArray:
    """Cells of a non-negative panel without negative values; what that adds is taken from the others in proportion."""
    if floor < 0:
        return means
    raised = np.maximum(means, 0.0)
    raised = np.where(raised.sum(axis=0) > 0, raised, 1.0)
    return np.asarray(raised * total / raised.sum(axis=0))


def forecast_parts(panel: pd.DataFrame, horizon: int, fitted: int = FITTED_CELLS) -> Parts:
    """Forecast every cell, and every region and segment of several cells, alone.

    The `fitted` largest series get all methods that take milliseconds, the others the simple ones: they matter little,
    and there may be many. With no fitted ones only the cells are forecast.
    """
    cells = panel.to_numpy(np.float64)
    sums = _sums(panel) if fitted else []
    summation = np.vstack([summing(sums, cells.shape[1]), np.eye(cells.shape[1])])
    values = cells @ summation.T
    size = np.abs(cells).sum(axis=0)
    largest = set(np.argsort(-size, kind="stable")[:fitted].tolist())
    base, errors, scales, origins = [], [], [], np.empty(0)
    for node in range(values.shape[1]):
        methods = QUICK if node < len(sums) or node - len(sums) in largest else SIMPLE
        mean, scale, error, origins = _alone(values[:, node], horizon, methods)
        base.append(mean)
        scales.append(scale)
        errors.append(error)
    found = np.array(scales)
    spread_of_nodes = np.diag(found**2) if not len(origins) else covariance(np.array(errors).T, origins)
    return Parts(found[len(sums) :], np.array(base), summation, spread_of_nodes)


def _alone(
    values: FloatArray, horizon: int, methods: Mapping[str, Method]
) -> tuple[FloatArray, float, FloatArray, FloatArray]:
    """Forecast of a series, the scale of its errors, past errors (by the root of the step) and their origins."""
    try:
        found = forecast_series(values, horizon, (0.8,), methods)
    except NoDataError:
        return np.full(horizon, values[-1]), max(float(np.abs(values).mean()), LEAST_SCALE), np.empty(0), np.empty(0)
    past = found.backtest
    errors = (past.actual - found.combined) / np.sqrt(past.step)
    return found.mean, max(float(found.widths[0].mean()), LEAST_SCALE), errors, past.origin


def _sums(panel: pd.DataFrame) -> list[list[int]]:
    """Positions of the cells of every region and segment that has several, but not all of them."""
    found = [members for region, segment, members in _groups(panel) if ALL in (region, segment)]
    return [members for members in found if 1 < len(members) < panel.shape[1]]


def _groups(panel: pd.DataFrame) -> list[tuple[str, str, list[int]]]:
    """(region, segment, positions of the cells) of the total, the regions, the segments and the cells."""
    cells = [(str(name[0]), str(name[1])) for name in panel.columns.to_flat_index()]
    regions, segments = sorted({region for region, _ in cells}), sorted({segment for _, segment in cells})
    groups = [(ALL, ALL, list(range(len(cells))))]
    groups += [(region, ALL, [i for i, cell in enumerate(cells) if cell[0] == region]) for region in regions]
    groups += [(ALL, segment, [i for i, cell in enumerate(cells) if cell[1] == segment]) for segment in segments]
    return groups + [(*cell, [i]) for i, cell in enumerate(cells)]


def _rows(
    panel: pd.DataFrame,
    part: tuple[str, str],
    value: FloatArray,
    widths: FloatArray,
    levels: Sequence[float],
    floor: float,
) -> pd.DataFrame:
    months = pd.period_range(panel.index[-1] + 1, periods=len(value), freq="M").to_timestamp()
    rows = pd.DataFrame({"month": months, "region": part[0], "segment": part[1], "value": value})
    for level, width in zip(levels, widths, strict=True):
        rows[f"lower_{round(level * 100)}"] = np.maximum(value - width, floor)
        rows[f"upper_{round(level * 100)}"] = value + width
    return rows
