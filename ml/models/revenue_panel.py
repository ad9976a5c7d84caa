"""The revenue panel: complete months, parts that add up to the total, seasonal factors and growth.

Belongs here: shaping the panel and spreading a total over its parts coherently. Does not belong here: forecasting the
total (`ml.models.revenue`).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models.forecast_methods import QUICK, SIMPLE
from ml.models.forecasting import NoDataError, floor_of, forecast_series

ALL: Final = "all"
FITTED_CELLS: Final = 12
FACTOR_BOUND: Final = 1.96
LEAST_SEASONS: Final = 24

Cells = tuple[FloatArray, FloatArray]


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
    panel: pd.DataFrame, cells: Cells, total: FloatArray, widths: FloatArray, levels: Sequence[float]
) -> pd.DataFrame:
    """Rows for the total, every region, every segment and every cell, whose values add up.

    Cells are forecast alone and take their share of the gap to the total by their error variance (minimum-trace
    reconciliation with a diagonal covariance, Wickramasuriya, Athanasopoulos & Hyndman 2019, with the total held).
    Half widths of sums grow from those of the cells so that they meet the total's. A panel that never was negative
    gets no negative value or bound.
    """
    means, scales = cells
    floor = floor_of(panel.to_numpy(np.float64))
    share = scales**2 / np.sum(scales**2)
    means = _not_below(floor, means + share[:, None] * (total - means.sum(axis=0)), total)
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


def seasonality(total: pd.Series) -> pd.DataFrame:
    """Monthly and quarterly factors (1 = a month like the others) with 95 % intervals; empty below two years.

    Ratio to a centred 12-month mean, averaged by calendar month (classical decomposition).
    """
    columns = ["period", "number", "factor", "lower", "upper"]
    if len(total) < LEAST_SEASONS:
        return pd.DataFrame(columns=columns)
    trend = total.rolling(12).mean().rolling(2).mean().shift(-6)
    usable = trend > 0
    ratio = (total[usable] / trend[usable]).dropna()
    rows = []
    months = pd.PeriodIndex(ratio.index)
    for period, number in (("month", months.month), ("quarter", months.quarter)):
        found = ratio.groupby(number).agg(["mean", "std", "size"])
        spread_of_all = float((ratio - ratio.groupby(number).transform("mean")).std())
        doubt = FACTOR_BOUND * found["std"].fillna(spread_of_all) / np.sqrt(found["size"])
        factors = found["mean"] / found["mean"].mean()
        table = pd.DataFrame({"factor": factors, "lower": factors - doubt, "upper": factors + doubt})
        rows.append(table.rename_axis("number").reset_index().assign(period=period))
    return pd.concat(rows, ignore_index=True)[columns]


def growth(total: pd.Series) -> dict[str, float]:
    """Growth of the last three months over the three before ("quarter") and a year before ("year"), where known."""
    last = float(total[-3:].mean())
    bases = {"quarter": total[-6:-3], "year": total[-15:-12]}
    return {name: last / float(base.mean()) - 1 for name, base in bases.items() if len(base) == 3 and base.mean() > 0}


def forecast_cells(panel: pd.DataFrame, horizon: int, fitted: int = FITTED_CELLS) -> Cells:
    """Forecast of each cell, shape (cells, horizon), and the scale of its errors, shape (cells,).

    The `fitted` largest cells get all methods that take milliseconds, the others the simple ones: they matter little,
    and there may be many.
    """
    largest = set(panel.abs().sum().sort_values(ascending=False, kind="stable").index[:fitted])
    means, scales = [], []
    for name in panel.columns:
        values = panel[name].to_numpy(np.float64)
        methods = QUICK if name in largest else SIMPLE
        try:
            found = forecast_series(values, horizon, (0.8,), methods)
        except NoDataError:
            means.append(np.full(horizon, values[-1]))
            scales.append(max(float(np.abs(values).mean()), 1e-9))
            continue
        means.append(found.mean)
        scales.append(max(float(found.widths[0].mean()), 1e-9))
    return np.array(means), np.array(scales)


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
