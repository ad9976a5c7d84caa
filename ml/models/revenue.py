"""Monthly revenue (MRR under contract, sales without): two views, their combination, regions and segments that add up.

Label: `target_amount` of the coming months; horizon 3 to 36 months. Belongs here: the training, its
gates and its report. Does not belong here: the views (`ml.models.revenue_views`), single series
(`ml.models.forecasting`), the view from below (`ml.models.revenue_bottom_up`), the ledger of forecasts made.

A forecast is bound to its origin, so the fitted object holds its rows: it is trained anew with every month.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from ml import forecast_metrics, gates
from ml.arrays import BoolArray, FloatArray
from ml.evaluation import MetricRow, Status, TrainingOutcome, TrainingReport, status_of
from ml.models import revenue_course, revenue_panel
from ml.models.forecast_combination import Backtest, winner
from ml.models.forecast_intervals import Errors, half_widths, size_of
from ml.models.forecast_methods import SIMPLE
from ml.models.forecasting import LEVELS, NoDataError, forecast_series
from ml.models.revenue_bottom_up import BottomUp, Subscriptions
from ml.models.revenue_drivers import Drivers
from ml.models.revenue_forecast import BOTTOM_UP, COMBINED, TOP_DOWN, RevenueForecast
from ml.models.revenue_pipeline import pipeline_table
from ml.models.revenue_views import Views, drivers_now, end_of, parts_table, views_of

MODEL: Final = "revenue"
LEAST_MONTHS: Final = 15
KNOWN_ORIGINS: Final = 3

Outcome = TrainingOutcome[RevenueForecast, RevenueForecast]


def run_training(monthly: pd.DataFrame, bottom_up: BottomUp | None, horizon: int) -> Outcome:
    """Forecast from the last complete month and judge by rolling origins.

    Args:
        monthly: fct_monthly_revenue (month_start, region, segment, target_amount, is_complete).
        bottom_up: the customers' view; None where there are no customer facts.
        horizon: months ahead, 3 to 36.
    """
    panel = revenue_panel.complete(monthly)
    months, total = pd.PeriodIndex(panel.index, freq="M"), panel.sum(axis=1)
    missing = LEAST_MONTHS - int((total != 0).sum())
    drivers = drivers_now(bottom_up, months, horizon)
    fallback = _fallback(panel, drivers, horizon)
    if missing > 0:
        reason = (
            f"needs about {missing} more complete months with revenue; until then the best simple forecast is shown"
        )
        report = TrainingReport(MODEL, "insufficient_data", (reason,), None)
        return TrainingOutcome(report, None, fallback, expires=True)
    top_down = forecast_series(total.to_numpy(np.float64), horizon)
    views = views_of(top_down, months, bottom_up, drivers)
    found = _gates(views)
    status, reasons = _status(found, views)
    candidate = _forecast(views, panel, drivers, horizon)
    tables = _tables(views, candidate, bottom_up, months)
    notes = (*reasons, *top_down.notes)
    report = TrainingReport(MODEL, status, notes, views.kept, _metrics(views, panel), found, tables)
    return TrainingOutcome(report, candidate, fallback, expires=True)


def _forecast(views: Views, panel: pd.DataFrame, drivers: Drivers | None, horizon: int) -> RevenueForecast:
    total = panel.sum(axis=1)
    return RevenueForecast(
        end_of(panel.index[-1]),
        _forecast_rows(views, panel, horizon),
        revenue_course.seasonality(total),
        revenue_course.growth(total),
        dict(views.weights),
        drivers,
    )


def _tables(
    views: Views, candidate: RevenueForecast, bottom_up: BottomUp | None, months: pd.PeriodIndex
) -> dict[str, pd.DataFrame]:
    """Seasonal factors, growth, every forecast of the backtest, and the view from below by part and open deals."""
    found = {"seasonality": candidate.seasonality, "growth": candidate.growth, "backtest": views.past(months)}
    if candidate.drivers is not None:
        found["parts"] = parts_table(candidate.drivers, months)
    if isinstance(bottom_up, Subscriptions) and candidate.drivers is not None:
        coming = pd.period_range(months[-1] + 1, periods=len(candidate.drivers.stays), freq="M")
        found["pipeline"] = pipeline_table(bottom_up.pipeline(end_of(months[-1])), coming)
    return found


def _forecast_rows(views: Views, panel: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """All views for the total; the combination (or the only view) for regions, segments and their cells."""
    names = [*views.paths, COMBINED]
    alone = revenue_panel.forecast_parts(panel, horizon)
    rows = []
    for name in names:
        path = views.path(name)
        widths = _widths(views, name, panel, horizon)
        parts = revenue_panel.spread(panel, alone, path, widths, LEVELS)
        rows.append(parts.assign(view=name))
    return pd.concat(rows, ignore_index=True).assign(origin=end_of(panel.index[-1]))


def _widths(views: Views, name: str, panel: pd.DataFrame, horizon: int) -> FloatArray:
    total = panel.sum(axis=1).to_numpy(np.float64)
    errors = views.backtest.errors(views.predicted(name))
    return half_widths(errors, horizon, LEVELS, len(total), size_of(total))


def _metrics(views: Views, panel: pd.DataFrame) -> tuple[MetricRow, ...]:
    """All methods on the rows of all origins, and the intervals of the model where enough origins came before."""
    backtest = views.backtest
    scale = forecast_metrics.scale_of(panel.sum(axis=1).to_numpy(np.float64))
    first, last = (end_of(panel.index[int(backtest.origin[i])]) for i in (0, -1))
    kept = views.kept
    methods = {**backtest.predicted, COMBINED: views.combined, **views.simple.predicted}
    found = []
    for name, predicted in methods.items():
        table = forecast_metrics.point_metrics(backtest.origin, backtest.actual, predicted, scale)
        if name == kept:
            table = pd.concat([table, _interval_table(views, kept, scale)])
        found += [
            MetricRow(
                MODEL, name, str(row["metric"]), float(row["value"]), float(row["lower"]), float(row["upper"]),
                len(predicted), None, first, last, is_baseline=name in SIMPLE,
            )
            for row in table.to_dict("records")
        ]  # fmt: skip
    return tuple(found)


def _interval_table(views: Views, kept: str, scale: float) -> pd.DataFrame:
    rows, widths = past_widths(views.backtest.errors(views.predicted(kept)))
    if not rows.any():
        return pd.DataFrame(columns=["metric", "value", "lower", "upper"])
    origin, actual, predicted = views.backtest.origin[rows], views.backtest.actual[rows], views.predicted(kept)[rows]
    tables = [
        forecast_metrics.interval_metrics(origin, actual, predicted, width, level, scale)
        for level, width in zip(LEVELS, widths[:, rows], strict=True)
    ]
    return pd.concat(tables)


def past_widths(errors: Errors, levels: Sequence[float] = LEVELS) -> tuple[BoolArray, FloatArray]:
    """Half widths as they would have been stated at each origin.

    Returns:
        Mask of the rows whose origin had `KNOWN_ORIGINS` earlier ones to learn from; widths, shape (levels, n).
    """
    widths, usable = np.zeros((len(levels), len(errors.error))), np.zeros(len(errors.error), dtype=bool)
    for origin in np.unique(errors.origin):
        known, rows = errors.before(int(origin)), errors.origin == origin
        if len(np.unique(known.origin)) < KNOWN_ORIGINS:
            continue
        usable |= rows
        steps = errors.step[rows].astype(int)
        size = float(errors.size[rows][0])
        stated = half_widths(known, int(steps.max()), levels, int(origin) + 1, size)
        widths[:, rows] = stated[:, steps - 1]
    return usable, widths


def _gates(views: Views) -> tuple[gates.GateResult, ...]:
    backtest, predicted = views.backtest, views.predicted(views.kept)
    best = best_simple(views.simple)
    found = forecast_metrics.mae_difference(backtest.origin, backtest.actual, predicted, views.simple.predicted[best])
    results = [gates.beats_best_baseline({best: found}, best)]
    rows, widths = past_widths(backtest.errors(predicted))
    if rows.any():
        inside = np.abs(backtest.actual - predicted)[rows] <= widths[0, rows]
        origins = len(np.unique(backtest.origin[rows]))
        results.append(gates.covers(float(inside.mean()), LEVELS[0], origins))
    return tuple(results)


def best_simple(simple: Backtest) -> str:
    """The simple method with the least mean absolute error, the one the fallback serves."""
    weights = winner(simple)
    return max(weights, key=lambda name: weights[name])


def _status(found: tuple[gates.GateResult, ...], views: Views) -> tuple[Status, tuple[str, ...]]:
    """Status and reasons; a failure says what is served in its place."""
    status, reasons = status_of(found)
    if status == "validated":
        return status, reasons
    best = best_simple(views.simple).replace("_", " ")
    return status, (*reasons, f"served instead: {best}, the simple method with the least error at the same origins")


def _fallback(panel: pd.DataFrame, drivers: Drivers | None, horizon: int) -> RevenueForecast:
    """The simple method with the least past error, with the width of such choices' own errors, or nothing at all.

    Below three origins of backtest it is the last value. The view from below stands beside it, for comparison.
    """
    total = panel.sum(axis=1)
    try:
        found = forecast_series(total.to_numpy(np.float64), horizon, LEVELS, SIMPLE, winner)
    except NoDataError:
        return RevenueForecast(None, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), {})
    alone = revenue_panel.forecast_parts(panel, horizon, fitted=0)
    paths = {TOP_DOWN: found.mean} | ({BOTTOM_UP: drivers.total()} if drivers is not None else {})
    rows = [
        revenue_panel.spread(panel, alone, path, found.widths, LEVELS).assign(view=view) for view, path in paths.items()
    ]
    origin = end_of(panel.index[-1])
    return RevenueForecast(
        origin,
        pd.concat(rows, ignore_index=True).assign(origin=origin),
        revenue_course.seasonality(total),
        revenue_course.growth(total),
        dict(found.weights),
        drivers,
    )
