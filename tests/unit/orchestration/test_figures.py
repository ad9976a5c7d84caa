"""Figures on Dagster's pages: the main one, as text that carries its own image."""

import base64

import numpy as np
import pandas as pd

from ml import plots
from orchestration import figures

PNG = b"\x89PNG"


def lift_table() -> pd.DataFrame:
    shares = np.linspace(0.05, 1, 20)
    return pd.DataFrame({"rows_share": shares, "captured_share": shares, "lift": 1.0})


def test_the_first_figure_is_shown_as_a_small_image() -> None:
    """A page holds one image, small enough for the event log, that needs no file beside it."""
    drawn = {name: plots.lift(lift_table(), name) for name in ("churn", "clv")}
    shown = figures.main_image(drawn)
    assert shown.startswith("![churn](data:image/png;base64,")
    image = base64.b64decode(shown.removesuffix(")").split(",", 1)[1])
    assert image.startswith(PNG)
    assert len(image) <= figures.LARGEST_BYTES


def test_a_training_without_figures_says_none() -> None:
    """Too little data draw nothing, and the page says so."""
    assert figures.main_image({}) == "none"
