"""Figures of a training: tables in, matplotlib figures out.

Belongs here: what a training's tables and a forecast look like, each figure with a title that states its main fact.
Does not belong here: making those tables (`ml.models`), storing figures (`ml.registry`).
How all figures look alike is `ml.plot_style`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from ml import plots_of_rows
from ml.evaluation import TrainingReport
from ml.plot_style import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    bars_down,
    canvas,
    paired_bars,
    percent,
    thousands,
    unit_square,
    words,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OUTCOMES: Final = {"churn": "churned", "lead_score": "converted", "win_probability": "were won"}
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHOWN_HISTORY: Final = 48
LIFT_SHARE: Final = 0.1

Drawing = Callable[[pd.DataFrame, str], "Figure"]


def figures_of(
    report: TrainingReport,
    *,
    unit: str = "",
    forecast: pd.DataFrame | None = None,
    history: "pd.Series[float] | None" = None,
) -> "dict[str, Figure]":
    """File name to figure, the most telling one first; a table that is missing or empty gives none.

    Args:
        unit: of money, such as "EUR".
        forecast: month, region, segment, view, value and the 80 and 95 % bounds (`RevenueForecast.rows`).
        history: the forecast total by complete month (PeriodIndex).
    """
    found: dict[str, Figure] = {}
    if forecast is not None and len(forecast):
        found["forecast.png"] = forecast_fan(forecast, history, unit)
    drawings: Mapping[str, Drawing] = {
        "reliability": reliability,
        "lift": lift,
        "grades": grades,
        "drivers": drivers,
        "contributions": plots_of_rows.contributions,
        "close_months": lambda table, _: plots_of_rows.close_months(table),
        "deciles": lambda table, _: deciles(table, unit),
        "seasonality": lambda table, _: seasonality(table),
        "separations": separations,
    }
    for name, draw in drawings.items():
        table = report.tables.get(name)
        if table is not None and len(table):
            found[f"{name}.png"] = draw(table, report.model)
    return found


def reliability(table: pd.DataFrame, model: str) -> "Figure":
    """Stated against observed rate per bin, with the range in which the observed one should lie, and rows per bin.

    Args:
        table: see `ml.intervals.reliability_table`.
    """
    covered = table["is_covered"].astype(bool)
    title = f"{words(model)}: in {covered.sum()} of {len(table)} bins the observed rate lies where it should"
    figure, axes = canvas(title, "", "observed rate")
    limit = 1.06 * float(table[["stated_rate", "observed_rate", "expected_upper"]].to_numpy().max())
    axes.plot([0, limit], [0, limit], color=GREY, linestyle="--", linewidth=1, label="stated = observed")
    stated = table["stated_rate"]
    axes.vlines(
        stated, table["expected_lower"], table["expected_upper"], color=BLUE, alpha=0.25, linewidth=7,
        label="where the observed rate should lie",
    )  # fmt: skip
    axes.plot(stated[covered], table["observed_rate"][covered], "o", color=BLUE, label="observed, as expected")
    if not covered.all():
        axes.plot(stated[~covered], table["observed_rate"][~covered], "X", color=RED, label="observed, outside")
    axes.set_ylim(0, limit)
    percent(axes.yaxis)
    axes.legend(loc="upper left", frameon=False, fontsize=9)
    _rows_below(axes, table, limit)
    return figure


def lift(table: pd.DataFrame, model: str) -> "Figure":
    """Share of the positives found against share of rows looked at, highest score first.

    Args:
        table: rows_share, captured_share, lift.
    """
    at = int((table["rows_share"] - LIFT_SHARE).abs().to_numpy().argmin())
    share, caught, times = (float(table[name].iloc[at]) for name in ("rows_share", "captured_share", "lift"))
    title = f"{words(model)}: the {share:.0%} with the highest score hold {caught:.0%} of those that {_outcome(model)}"
    figure, axes = canvas(title, "share of rows, highest score first", f"share found of those that {_outcome(model)}")
    axes.plot([0, *table["rows_share"]], [0, *table["captured_share"]], color=BLUE, marker="o", ms=4, label="model")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="at random")
    axes.annotate(
        f"{times:.1f} × random", (share, caught), xytext=(12, -12), textcoords="offset points", color=BLUE, fontsize=10
    )
    unit_square(axes)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return figure


def grades(table: pd.DataFrame, model: str) -> "Figure":
    """Stated and observed conversion per grade.

    Args:
        table: grade, leads, stated_rate, observed_rate; best grade first.
    """
    best, worst = table.iloc[0], table.iloc[-1]
    title = (
        f"{words(model)}: {best['observed_rate']:.1%} of grade {best['grade']} {_outcome(model)}, "
        f"{worst['observed_rate']:.1%} of grade {worst['grade']}"
    )
    figure, axes = canvas(title, "grade (leads)", "conversion within the horizon")
    labels = [f"{row.grade} ({row.leads:,})" for row in table.itertuples()]
    paired_bars(axes, labels, {"stated": table["stated_rate"], "observed": table["observed_rate"]})
    if "observed_lower" in table.columns:
        axes.vlines(np.arange(len(table)) + 0.2, table["observed_lower"], table["observed_upper"], color="black")
    percent(axes.yaxis)
    return figure


def deciles(table: pd.DataFrame, unit: str) -> "Figure":
    """Mean predicted and realised value per tenth of the customers.

    Args:
        table: decile, rows, predicted, realised; lowest first.
    """
    top = table.iloc[-1]
    title = (
        f"Customer value: the top tenth was predicted {_amount(top['predicted'])} each "
        f"and brought {_amount(top['realised'])} {unit}".rstrip()
    )
    figure, axes = canvas(
        title, "tenth of the customers, by predicted value", _with_unit("mean margin, test period", unit)
    )
    labels = [f"{int(number)}" for number in table["decile"]]
    paired_bars(axes, labels, {"predicted": table["predicted"], "realised": table["realised"]})
    thousands(axes)
    return figure


def drivers(table: pd.DataFrame, model: str) -> "Figure":
    """How far each driver moves the score on average.

    Args:
        table: driver, mean_contribution (mean of absolute log odds); largest first.
    """
    title = f"{words(model)}: '{words(str(table['driver'].iloc[0])).lower()}' moves the score most"
    figure, axes = canvas(title, "mean absolute contribution on the test rows (log odds)", "")
    bars_down(axes, table["driver"], table["mean_contribution"])
    return figure


def separations(table: pd.DataFrame, model: str) -> "Figure":
    """How well each feature alone separates the outcomes.

    Args:
        table: feature, auc; largest first.
    """
    title = f"{words(model)}: '{table['feature'].iloc[0]}' alone reaches an AUC of {table['auc'].iloc[0]:.3f}"
    figure, axes = canvas(title, "AUC of the feature alone (0.5 = chance)", "")
    bars_down(axes, table["feature"], table["auc"])
    axes.set_xlim(0.5, 1.0)
    return figure


def seasonality(table: pd.DataFrame) -> "Figure":
    """Factor of each calendar month with its interval.

    Args:
        table: period ("month" or "quarter"), number, factor, lower, upper.
    """
    months = table[table["period"] == "month"].reset_index(drop=True)
    apart = months[(months["lower"] > 1) | (months["upper"] < 1)]
    title = "Revenue: no calendar month differs from the others beyond noise"
    if len(apart):
        row = apart.iloc[int((apart["factor"] - 1).abs().to_numpy().argmax())]
        title = f"Revenue: {MONTHS[int(row['number']) - 1]} differs most from the others ({row['factor'] - 1:+.1%})"
    figure, axes = canvas(title, "calendar month", "factor (1 = like the others), 95 % interval")
    low, high = (months["factor"] - months["lower"]).clip(lower=0), (months["upper"] - months["factor"]).clip(lower=0)
    axes.axhline(1.0, color=GREY, linestyle="--", linewidth=1)
    axes.errorbar(months["number"], months["factor"], yerr=[low, high], fmt="o", color=BLUE, capsize=4)
    axes.set_xticks(months["number"], [MONTHS[int(number) - 1] for number in months["number"]])
    return figure


def forecast_fan(forecast: pd.DataFrame, history: "pd.Series[float] | None", unit: str) -> "Figure":
    """The total's past, its forecast with 80 and 95 % intervals, and the views it was combined from."""
    total = forecast[(forecast["region"] == "all") & (forecast["segment"] == "all")]
    views = {str(name): rows.sort_values("month") for name, rows in total.groupby("view", sort=True)}
    shown = next(view for view in ("combined", "top_down", *views) if view in views)
    main = views.pop(shown)
    last = main.iloc[-1]
    title = (
        f"Revenue in {pd.Timestamp(last['month']):%B %Y}: {_amount(last['value'])} {unit}".rstrip()
        + f", 80 % interval {_amount(last['lower_80'])} to {_amount(last['upper_80'])}"
    )
    figure, axes = canvas(title, "month", _with_unit("monthly revenue (MRR under contract)", unit))
    for level, alpha in ((95, 0.15), (80, 0.3)):
        bounds = main[f"lower_{level}"].to_numpy(float), main[f"upper_{level}"].to_numpy(float)
        axes.fill_between(main["month"], *bounds, color=BLUE, alpha=alpha, linewidth=0, label=f"{level} % interval")
    axes.plot(main["month"], main["value"], color=BLUE, linewidth=2, label=f"forecast ({words(shown).lower()})")
    for (name, rows), style in zip(views.items(), ("--", ":"), strict=False):
        axes.plot(rows["month"], rows["value"], color=ORANGE, linestyle=style, label=words(name).lower())
    if history is not None and len(history):
        past = history.iloc[-SHOWN_HISTORY:]
        axes.plot(pd.PeriodIndex(past.index).to_timestamp(), past.to_numpy(), color="black", label="actual")
    axes.set_ylim(bottom=min(0.0, float(main["lower_95"].min())))
    axes.legend(loc="best", frameon=False, fontsize=9)
    thousands(axes)
    return figure


def _rows_below(axes: "Axes", table: pd.DataFrame, limit: float) -> None:
    """A strip below the axes with the rows behind each bin."""
    strip = axes.inset_axes((0.0, -0.22, 1.0, 0.18), sharex=axes)
    strip.bar(table["stated_rate"], table["rows"], width=0.012 * limit, color=GREY)
    strip.set_xlabel("stated rate (mean of the bin)", fontsize=10)
    strip.set_ylabel("rows", fontsize=10)
    strip.tick_params(labelsize=9)
    strip.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelbottom=False)
    axes.set_xlim(0, limit)
    percent(strip.xaxis)


def _with_unit(label: str, unit: str) -> str:
    return f"{label}, {unit}" if unit else label


def _amount(value: float) -> str:
    """Three digits or so: 81.8k, 1.49M."""
    for size, suffix in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{suffix}"
    return f"{value:.3g}"


def _outcome(model: str) -> str:
    return OUTCOMES.get(model, "had the outcome")
