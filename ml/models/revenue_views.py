"""The company's total seen from above and below, at the present and at past origins, and both combined.

Belongs here: views, their backtest, their combination, their tables. Does not belong here: regions and segments
(`ml.models.revenue_panel`), judging (`ml.models.revenue`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models.bg_nbd import NoConvergenceError
from ml.models.forecast_combination import Backtest, error_weights, walk_forward
from ml.models.forecast_methods import SIMPLE
from ml.models.forecasting import SeriesForecast
from ml.models.revenue_bottom_up import BottomUp
from ml.models.revenue_drivers import Drivers
from ml.models.revenue_forecast import BOTTOM_UP, COMBINED, TOP_DOWN


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

    @property
    def kept(self) -> str:
        """What is offered as the forecast: the combination where there is something to combine."""
        return COMBINED if len(self.paths) > 1 else TOP_DOWN

    def predicted(self, view: str) -> FloatArray:
        """Backtest of a view or of the combination."""
        return self.combined if view == COMBINED else self.backtest.predicted[view]

    def path(self, view: str) -> FloatArray:
        """Forecast of a view or of the combination."""
        if view != COMBINED:
            return self.paths[view]
        parts = [weight * self.paths[name] for name, weight in self.weights.items()]
        return np.asarray(np.sum(parts, axis=0))

    def past(self, months: pd.PeriodIndex) -> pd.DataFrame:
        """Every forecast of the backtest: origin, month, step, actual, method, predicted."""
        backtest = self.backtest
        rows = pd.DataFrame(
            {
                "origin": [end_of(months[int(index)]) for index in backtest.origin],
                "month": [
                    months[int(index + step)].to_timestamp()
                    for index, step in zip(backtest.origin, backtest.step, strict=True)
                ],
                "step": backtest.step.astype(int),
                "actual": backtest.actual,
            }
        )
        methods = {**backtest.predicted, COMBINED: self.combined, **self.simple.predicted}
        return pd.concat(
            [rows.assign(method=name, predicted=found) for name, found in methods.items()], ignore_index=True
        )


def views_of(
    top_down: SeriesForecast, months: pd.PeriodIndex, bottom_up: BottomUp | None, now: Drivers | None
) -> Views:
    """Both views at the same origins; the bottom-up one is left out where it cannot be fitted at every origin."""
    backtest = top_down.backtest
    paths, predicted = {TOP_DOWN: top_down.mean}, {TOP_DOWN: top_down.combined}
    if bottom_up is not None and now is not None:
        try:
            predicted[BOTTOM_UP] = _past_of(bottom_up, backtest, months)
            paths[BOTTOM_UP] = now.total()
        except NoConvergenceError:
            predicted.pop(BOTTOM_UP, None)
    both = replace(backtest, predicted=predicted)
    simple = replace(backtest, predicted={name: backtest.predicted[name] for name in SIMPLE})
    return Views(paths, both, walk_forward(both), error_weights(both), simple)


def drivers_now(bottom_up: BottomUp | None, months: pd.PeriodIndex, horizon: int) -> Drivers | None:
    """Drivers at the last complete month; None without customer history, or where the customer model has no fit."""
    if bottom_up is None or not len(months):
        return None
    try:
        return bottom_up.drivers(end_of(months[-1]), horizon)
    except NoConvergenceError:
        return None


def parts_table(drivers: Drivers, months: pd.PeriodIndex) -> pd.DataFrame:
    """The view from below by part: month, base_retained, expansion, pipeline, new_business."""
    parts = drivers.parts()
    coming = pd.period_range(months[-1] + 1, periods=len(drivers.stays), freq="M").to_timestamp()
    return pd.DataFrame({"month": coming, **parts})


def _past_of(bottom_up: BottomUp, backtest: Backtest, months: pd.PeriodIndex) -> FloatArray:
    predicted = np.zeros(len(backtest.actual))
    for origin in np.unique(backtest.origin):
        rows = backtest.origin == origin
        predicted[rows] = bottom_up.drivers(end_of(months[int(origin)]), int(rows.sum())).total()
    return predicted


def end_of(month: pd.Period) -> date:
    """Last day of a month."""
    return month.to_timestamp(how="end").date()
