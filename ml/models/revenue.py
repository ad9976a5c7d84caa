"""Monthly revenue (MRR under contract, sales without): two views, their combination, regions and segments that add up.

Label: `target_amount` of the coming months; horizon 3 to 36 months. Belongs here: the views, the backtest that weighs
and judges them, reconciliation. Does not belong here: single series (`ml.models.forecasting`), the bottom-up path
(`ml.models.revenue_bottom_up`), the ledger of forecasts made.

A forecast is bound to its origin, so the fitted object holds its rows: it is trained anew with every month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from ml import forecast_metrics, gates
from ml.arrays import BoolArray, FloatArray
from ml.evaluation import MetricRow, Status, TrainingOutcome, TrainingReport, status_of
from ml.models import revenue_panel
from ml.models.bg_nbd import NoConvergenceError
from ml.models.forecast_combination import Backtest, error_weights, walk_forward, winner
from ml.models.forecast_intervals import Errors, half_widths, size_of
from ml.models.forecast_methods import SIMPLE
from ml.models.forecasting import LEVELS, NoDataError, SeriesForecast, forecast_series
from ml.models.revenue_bottom_up import BottomUp
from ml.models.revenue_forecast import RevenueForecast

MODEL: Final = "revenue"
LEAST_MONTHS: Final = 15
KNOWN_ORIGINS: Final = 3
TOP_DOWN, BOTTOM_UP, COMBINED = "top_down", "bottom_up", "combined"

Outcome = TrainingOutcome[RevenueForecast, RevenueForecast]


@dataclass(frozen=True)
class Views:
    """The total seen from above and below.

    Attributes:
        paths: view to its forecast, shape (horizon,).
        backtest: the total's past, predicted by each view; honest: weights as known at each origin.
        combined: walk-forward combination, shape of the backtest.
        weights: view to its weight in the combination.
        simple: the total's past, predicted by the simple methods.
    """

    paths: Mapping[str, FloatArray]
    backtest: Backtest
    combined: FloatArray
    weights: Mapping[str, float]
    simple: Backtest

    def predicted(self, view: str) -> FloatArray:
        """Backtest of a view or of the combination."""
        return self.combined if view == COMBINED else self.backtest.predicted[view]

    def path(self, view: str) -> FloatArray:
        """Forecast of a view or of the combination."""
        if view != COMBINED:
            return self.paths[view]
        parts = [weight * self.paths[name] for name, weight in self.weights.items()]
        return np.asarray(np.sum(parts, axis=0))


def run_training(monthly: pd.DataFrame, bottom_up: BottomUp | None, horizon: int) -> Outcome:
    """Forecast from the last complete month and judge by rolling origins.

    Args:
        monthly: fct_monthly_revenue (month_start, region, segment, target_amount, is_complete).
        bottom_up: the customers' view; None where there are no customer facts.
        horizon: months ahead, 3 to 36.
    """
    panel = revenue_panel.complete(monthly)
    total = panel.sum(axis=1)
    missing = LEAST_MONTHS - int((total != 0).sum())
    fallback = _fallback(panel, horizon)
    if missing > 0:
        reason = (
            f"needs about {missing} more complete months with revenue; until then the best simple forecast is shown"
        )
        report = TrainingReport(MODEL, "insufficient_data", (reason,), None)
        return TrainingOutcome(report, None, fallback, expires=True)
    values = total.to_numpy(np.float64)
    top_down = forecast_series(values, horizon)
    views = _views(top_down, pd.PeriodIndex(panel.index), bottom_up, horizon)
    rows = _forecast_rows(views, panel, horizon)
    factors = revenue_panel.seasonality(total)
    candidate = RevenueForecast(_origin(panel), rows, factors, revenue_panel.growth(total), dict(views.weights))
    found = _gates(views)
    status, reasons = _status(found, views)
    kept = COMBINED if len(views.paths) > 1 else TOP_DOWN
    report = TrainingReport(
        MODEL, status, (*reasons, *top_down.notes), kept, _metrics(views, panel), found, {"seasonality": factors}
    )
    return TrainingOutcome(report, candidate, fallback, expires=True)


def _views(top_down: SeriesForecast, months: pd.PeriodIndex, bottom_up: BottomUp | None, horizon: int) -> Views:
    """Both views at the same origins; the bottom-up one is left out where it cannot be fitted at every origin."""
    backtest = top_down.backtest
    paths, predicted = {TOP_DOWN: top_down.mean}, {TOP_DOWN: top_down.combined}
    if bottom_up is not None:
        try:
            paths[BOTTOM_UP] = bottom_up.drivers(_end(months[-1]), horizon).total()
            predicted[BOTTOM_UP] = _bottom_up_backtest(bottom_up, backtest, months)
        except NoConvergenceError:
            paths.pop(BOTTOM_UP, None)
    both = replace(backtest, predicted=predicted)
    simple = replace(backtest, predicted={name: backtest.predicted[name] for name in SIMPLE})
    return Views(paths, both, walk_forward(both), error_weights(both), simple)


def _bottom_up_backtest(bottom_up: BottomUp, backtest: Backtest, months: pd.PeriodIndex) -> FloatArray:
    predicted = np.zeros(len(backtest.actual))
    for origin in np.unique(backtest.origin):
        rows = backtest.origin == origin
        predicted[rows] = bottom_up.drivers(_end(months[int(origin)]), int(rows.sum())).total()
    return predicted


def _forecast_rows(views: Views, panel: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """All views for the total; the combination (or the only view) for regions, segments and their cells."""
    names = [*views.paths, COMBINED]
    cells = revenue_panel.forecast_cells(panel, horizon)
    rows = []
    for name in names:
        path = views.path(name)
        widths = _widths(views, name, panel, horizon)
        parts = revenue_panel.spread(panel, cells, path, widths, LEVELS)
        rows.append(parts.assign(view=name))
    return pd.concat(rows, ignore_index=True).assign(origin=_origin(panel))


def _widths(views: Views, name: str, panel: pd.DataFrame, horizon: int) -> FloatArray:
    total = panel.sum(axis=1).to_numpy(np.float64)
    errors = views.backtest.errors(views.predicted(name))
    return half_widths(errors, horizon, LEVELS, len(total), size_of(total))


def _metrics(views: Views, panel: pd.DataFrame) -> tuple[MetricRow, ...]:
    """All methods on the rows of all origins, and the intervals of the model where enough origins came before."""
    backtest = views.backtest
    scale = forecast_metrics.scale_of(panel.sum(axis=1).to_numpy(np.float64))
    first, last = (_end(panel.index[int(backtest.origin[i])]) for i in (0, -1))
    kept = COMBINED if len(views.paths) > 1 else TOP_DOWN
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
    kept = COMBINED if len(views.paths) > 1 else TOP_DOWN
    backtest, predicted = views.backtest, views.predicted(kept)
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


def _fallback(panel: pd.DataFrame, horizon: int) -> RevenueForecast:
    """The simple method with the least past error, with the width of such choices' own errors, or nothing at all.

    Below three origins of backtest it is the last value.
    """
    total = panel.sum(axis=1)
    try:
        found = forecast_series(total.to_numpy(np.float64), horizon, LEVELS, SIMPLE, winner)
    except NoDataError:
        return RevenueForecast(None, pd.DataFrame(), pd.DataFrame(), {}, {})
    cells = revenue_panel.forecast_cells(panel, horizon, fitted=0)
    rows = revenue_panel.spread(panel, cells, found.mean, found.widths, LEVELS)
    rows = rows.assign(view=TOP_DOWN, origin=_origin(panel))
    return RevenueForecast(
        _origin(panel), rows, revenue_panel.seasonality(total), revenue_panel.growth(total), dict(found.weights)
    )


def _origin(panel: pd.DataFrame) -> date:
    return _end(panel.index[-1])


def _end(month: pd.Period) -> date:
    """Last day of a month."""
    return month.to_timestamp(how="end").date()
