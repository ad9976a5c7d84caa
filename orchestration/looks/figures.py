"""Figures of a training for MLflow and for Dagster's pages.

Belongs here: which warehouse rows a figure needs beside the training's own tables, and the form Dagster shows. How a
figure looks is `ml.plots`.
"""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import duckdb
import pandas as pd

from ml.evaluation import TrainingOutcome
from orchestration import markdown
from orchestration.learning import frames

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A page holds the image itself; a larger one makes the event log heavy.
LARGEST_BYTES: Final = 60_000
# The others are in MLflow, with these.
SHOWN: Final = ("forecast.png", "reliability.png", "lift.png", "grades.png", "drivers.png", "deciles.png")


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


def of_forecast(
    connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame, currency: str
) -> dict[str, dg.MetadataValue]:
    """The newest forecast with intervals and the months that led to it, for Dagster's page; nothing without rows."""
    from ml import plots
    from ml.models import revenue_panel

    if rows.empty:
        return {}
    history = revenue_panel.complete(frames.facts(connection, "revenue")).sum(axis=1)
    total = rows[(rows["region"] == "all") & (rows["segment"] == "all")].sort_values(["view", "month"])
    shown = total.assign(month=total["month"].dt.strftime("%Y-%m")).drop(columns=["region", "segment", "origin"])
    return {
        "figure": dg.MetadataValue.md(image(plots.forecast_fan(rows, history, currency), "forecast")),
        "total": dg.MetadataValue.md(markdown.of_frame(shown)),
    }


def images(figures: "Mapping[str, Figure]") -> dict[str, str]:
    """Name (without .png) to Markdown image, of the figures that a person looks at first."""
    return {name.removesuffix(".png"): image(figures[name], name) for name in figures if name in SHOWN}


def image(figure: "Figure", name: str) -> str:
    """The figure as a Markdown image that carries its own bytes."""
    from ml.plot_style import as_png

    return f"![{name}](data:image/png;base64,{base64.b64encode(as_png(figure, LARGEST_BYTES)).decode()})"
