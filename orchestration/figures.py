"""Figures of a training for MLflow and for Dagster's pages.

Belongs here: which warehouse rows a figure needs beside the training's own tables, and the form Dagster shows. How a
figure looks is `ml.plots`.
"""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import duckdb

from ml.evaluation import TrainingOutcome
from orchestration import frames

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A page holds the image itself; a larger one makes the event log heavy.
LARGEST_BYTES: Final = 60_000


def of_training(
    connection: duckdb.DuckDBPyConnection, outcome: TrainingOutcome[Any, Any], currency: str
) -> "dict[str, Figure]":
    """File name to figure, the main one first; a forecast is drawn with the months that led to it."""
    from ml import plots
    from ml.models import revenue_panel
    from ml.models.revenue_forecast import RevenueForecast

    model = outcome.candidate if outcome.candidate is not None else outcome.fallback
    if not isinstance(model, RevenueForecast):
        return plots.figures_of(outcome.report, unit=currency)
    history = revenue_panel.complete(frames.facts(connection, "revenue")).sum(axis=1)
    return plots.figures_of(outcome.report, unit=currency, forecast=model.rows, history=history)


def main_image(figures: "Mapping[str, Figure]") -> str:
    """The first figure as a Markdown image that carries its own bytes; `none` without one."""
    from ml.plot_style import as_png

    for name, figure in figures.items():
        image = base64.b64encode(as_png(figure, LARGEST_BYTES)).decode()
        return f"![{name}](data:image/png;base64,{image})"
    return "none"
