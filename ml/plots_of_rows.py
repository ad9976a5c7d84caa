"""Figures of single test rows: what moved their scores, and when their deals closed.

Belongs here: figures whose table has a line per row or month ahead. Does not belong here: the tables; which figures a
training has (`ml.plots`); how all of them look (`ml.plot_style`).
"""

from typing import TYPE_CHECKING

import pandas as pd

from ml.plot_style import BLUE, GREY, ORANGE, canvas, percent, points, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def contributions(table: pd.DataFrame, model: str) -> "Figure":
    """How single rows were moved by each feature, coloured by the feature's value (a SHAP summary).

    Args:
        table: see `ml.explanations.contribution_points`.
    """
    names = list(dict.fromkeys(table["feature"]))
    top = table[table["feature"] == names[0]].dropna()
    side = "high" if top["contribution"].corr(top["level"]) >= 0 else "low"
    title = f"{words(model)}: what raises the score most is a {side} '{names[0]}'"
    figure, axes = canvas(title, "contribution to the score (log odds)", "")
    found = points(axes, [table[table["feature"] == name] for name in names])
    axes.set_yticks(range(len(names)), [name.replace("_", " ") for name in names])
    axes.axvline(0.0, color=GREY, linewidth=1)
    axes.invert_yaxis()
    bar = figure.colorbar(found, ax=axes, aspect=40, pad=0.01)
    bar.set_ticks([0.0, 1.0], labels=["low", "high"])
    bar.set_label("value of the feature (grey: missing)", fontsize=9)
    return figure


def close_months(table: pd.DataFrame) -> "Figure":
    """Stated share of deals won in each month ahead, and the observed one with its interval.

    Args:
        table: see `ml.models.close_month_judgement.judge_close_months`.
    """
    won = table[table["outcome"] == "won"].reset_index(drop=True)
    title = f"Wins by month: the stated share lies in the interval in {won['is_covered'].sum()} of {len(won)} months"
    figure, axes = canvas(title, "months ahead (30 days each)", "share of the open deals that are won")
    low, high = won["observed_share"] - won["lower"], won["upper"] - won["observed_share"]
    axes.errorbar(
        won["month"], won["observed_share"], yerr=[low.clip(lower=0), high.clip(lower=0)], fmt="o", color=BLUE,
        capsize=4, label="observed, 95 % interval",
    )  # fmt: skip
    axes.plot(won["month"], won["stated_share"], color=ORANGE, marker="x", label="stated")
    percent(axes.yaxis)
    axes.legend(frameon=False, fontsize=9)
    return figure
