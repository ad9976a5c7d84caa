"""How figures look: size, colours, axes, bars, and the PNG they become.

Belongs here: what all figures share. Does not belong here: what a figure shows (`ml.plots`). matplotlib is imported
inside functions, and pyplot never: nothing is global, nothing opens a window.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import PathCollection
    from matplotlib.figure import Figure

SIZE_INCHES: Final = (9.0, 5.6)
DPI: Final = 100
SMALLEST_DPI: Final = 50
BLUE, ORANGE, GREY, RED = "#2166ac", "#e08214", "#8c8c8c", "#b2182b"
MOST_BARS: Final = 15


def as_png(figure: "Figure", largest_bytes: int | None = None) -> bytes:
    """The figure as PNG, in the highest resolution that fits (50 dpi at least)."""
    for dpi in range(DPI, SMALLEST_DPI - 1, -10):
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=dpi)
        if largest_bytes is None or buffer.tell() <= largest_bytes:
            break
    return buffer.getvalue()


def canvas(title: str, x_label: str, y_label: str) -> "tuple[Figure, Axes]":
    """An empty figure in the house style."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold")
    axes.set_xlabel(x_label, fontsize=10)
    axes.set_ylabel(y_label, fontsize=10)
    axes.tick_params(labelsize=9)
    axes.grid(visible=True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def paired_bars(axes: "Axes", labels: list[str], pair: "Mapping[str, pd.Series[float]]") -> None:
    """Two bars side by side for each label."""
    places = np.arange(len(labels))
    for (name, heights), shift, color in zip(pair.items(), (-0.2, 0.2), (GREY, BLUE), strict=True):
        axes.bar(places + shift, heights, width=0.38, color=color, label=name)
    axes.set_xticks(places, labels)
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, fontsize=9)


def bars_down(axes: "Axes", names: "pd.Series[str]", lengths: "pd.Series[float]") -> None:
    """Horizontal bars, the first one on top."""
    places = np.arange(min(len(names), MOST_BARS))
    axes.barh(places, lengths.iloc[:MOST_BARS], color=BLUE)
    axes.set_yticks(places, [str(name).replace("_", " ") for name in names.iloc[:MOST_BARS]])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")


def points(axes: "Axes", groups: "list[pd.DataFrame]") -> "PathCollection":
    """One line of points per group, spread where they are dense; columns contribution and level (0 to 1, or nan)."""
    for place, group in enumerate(groups):
        level = group["level"].to_numpy(dtype=np.float64)
        position = group["contribution"].to_numpy(dtype=np.float64)
        height = place + _spread(position)
        missing = np.isnan(level)
        axes.scatter(position[missing], height[missing], s=8, color=GREY, linewidths=0)
        drawn = axes.scatter(
            position[~missing], height[~missing], c=level[~missing], cmap="coolwarm", vmin=0, vmax=1, s=8, linewidths=0
        )
    return drawn


def _spread(values: FloatArray) -> FloatArray:
    """Offsets within a line: points of one fortieth of the range lie side by side, at most 0.4 up or down."""
    span = float(np.ptp(values)) or 1.0
    cell = np.floor((values - values.min()) / span * 40).astype(int)
    turn = pd.Series(cell).groupby(cell).cumcount().to_numpy()
    widest = max(int(turn.max()), 1)
    return np.asarray(0.4 * np.where(turn % 2, 1, -1) * np.ceil(turn / 2) / np.ceil(widest / 2))


def unit_square(axes: "Axes") -> None:
    """Both axes from 0 to 100 %."""
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    percent(axes.xaxis)
    percent(axes.yaxis)


def percent(axis: "Axis") -> None:
    """Label an axis in per cent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(1.0))


def thousands(axes: "Axes") -> None:
    """Group the digits of the vertical axis."""
    from matplotlib.ticker import StrMethodFormatter

    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def words(name: str) -> str:
    """A name as a person reads it: `win_probability` becomes "Win probability"."""
    return name.replace("_", " ").capitalize()
