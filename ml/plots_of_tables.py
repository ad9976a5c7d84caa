"""Figures of the warehouse's tables: the funnel, the movements of recurring revenue, the drift of a model's inputs.

Belongs here: figures of what is, with a title that states the main fact. Does not belong here: figures of a training
(`ml.plots`); how all of them look (`ml.plot_style`).
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from ml.plot_style import BLUE, GREY, ORANGE, RED, canvas, paired_bars, thousands, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

GAINS: Final = {"new": BLUE, "expansion": "#67a9cf", "reactivation": "#d1e5f0"}
LOSSES: Final = {"contraction": ORANGE, "churn": RED}
MOST_FEATURES: Final = 12


def funnel(table: pd.DataFrame) -> "Figure":
    """Leads that entered a stage and those of them that reached the next one.

    Args:
        table: from_stage, to_stage, within_days, entered, reached, conversion; in the order of the funnel, of each
            stage first the next one.
    """
    table = table.drop_duplicates("from_stage").reset_index(drop=True)
    steps = [f"{row.from_stage} to\n{row.to_stage}" for row in table.itertuples()]
    worst = table.iloc[int(table["conversion"].to_numpy().argmin())]
    title = (
        f"Of {worst['entered']:,.0f} {worst['from_stage']}, {worst['conversion']:.1%} became {worst['to_stage']} "
        f"within {worst['within_days']:.0f} days: the narrowest step"
    )
    figure, axes = canvas(title, "step", "leads")
    paired_bars(axes, steps, {"entered": table["entered"], "reached the next": table["reached"]})
    thousands(axes)
    return figure


def movements(table: pd.DataFrame) -> "Figure":
    """What was added to monthly recurring revenue, what was lost, and what remained.

    Args:
        table: month, opening, closing, the gains (new, expansion, reactivation), the losses (zero or negative);
            oldest first.
    """
    first, last = float(table["opening"].iloc[0]), float(table["closing"].iloc[-1])
    change = f" ({last / first - 1:+.1%} in {len(table)} months)" if first > 0 else ""
    figure, axes = canvas(f"MRR closed at {last:,.0f}{change}", "month", "change of MRR")
    places = np.arange(len(table))
    for colours in (GAINS, LOSSES):
        base = np.zeros(len(table))
        for name, colour in colours.items():
            heights = table[name].to_numpy(float)
            axes.bar(places, heights, bottom=base, color=colour, label=words(name).lower(), width=0.7)
            base = base + heights
    net = table[[*GAINS, *LOSSES]].to_numpy(float).sum(axis=1)
    axes.plot(places, net, color="black", marker="o", ms=4, linewidth=1.5, label="net")
    axes.axhline(0.0, color=GREY, linewidth=1)
    axes.set_xticks(places, [f"{month:%b %y}" for month in table["month"]])
    axes.legend(frameon=False, fontsize=9, ncols=3, loc="best")
    thousands(axes)
    return figure


def drift(table: pd.DataFrame) -> "Figure":
    """The inputs that moved most, each beside the distance from which on it counts as shifted.

    Args:
        table: name (`model: feature`), psi, psi_limit; largest ratio of both first.
    """
    shown = table.head(MOST_FEATURES)
    shifted = table["psi"] > table["psi_limit"]
    figure, axes = canvas(
        f"{int(shifted.sum())} of {len(table)} inputs and scores have shifted", "population stability index", ""
    )
    places = np.arange(len(shown))
    colours = [RED if is_shifted else BLUE for is_shifted in shifted.head(MOST_FEATURES)]
    axes.barh(places, shown["psi"], color=colours)
    axes.plot(shown["psi_limit"], places, "|", color="black", markersize=14, markeredgewidth=2, label="limit")
    axes.set_yticks(places, [str(name).replace("_", " ") for name in shown["name"]])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    return figure
