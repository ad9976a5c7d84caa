"""Figures on Dagster's pages: the main one, as text that carries its own image."""

import base64

import numpy as np
import pandas as pd

from ml import plots
from orchestration.looks import figures

PNG = b"\x89PNG"


def lift_table() -> pd.DataFrame:
    shares = np.linspace(0.05, 1, 20)
    return pd.DataFrame({"rows_share": shares, "captured_share": shares, "lift": 1.0})


def test_the_figures_looked_at_first_are_shown_as_small_images() -> None:
    """A page holds images, each small enough for the event log, that need no file beside it; the others stay away."""
    drawn = {name: plots.lift(lift_table(), "churn") for name in ("lift.png", "contributions.png")}
    shown = figures.images(drawn)
    assert list(shown) == ["lift"]
    assert shown["lift"].startswith("![lift.png](data:image/png;base64,")
    image = base64.b64decode(shown["lift"].removesuffix(")").split(",", 1)[1])
    assert image.startswith(PNG)
    assert len(image) <= figures.LARGEST_BYTES


def test_a_training_without_figures_shows_none() -> None:
    """Too little data draw nothing."""
    assert figures.images({}) == {}
