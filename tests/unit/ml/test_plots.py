"""Figures: which ones a report gives, what their titles state, what they draw."""

from collections.abc import Mapping
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from ml import plots
from ml.evaluation import TrainingReport
from ml.plot_style import DPI, SIZE_INCHES, as_png


def report(tables: Mapping[str, pd.DataFrame], model: str = "churn") -> TrainingReport:
    return TrainingReport(model, "validated", (), "lightgbm", tables=tables)


def bins(is_covered: tuple[bool, ...] = (True, True, False)) -> pd.DataFrame:
    stated = np.array([0.1, 0.3, 0.6])
    return pd.DataFrame(
        {
            "bin": range(3),
            "rows": [100, 80, 60],
            "stated_rate": stated,
            "observed_rate": [0.12, 0.28, 0.9],
            "lower": stated - 0.05,
            "upper": stated + 0.05,
            "expected_lower": stated - 0.08,
            "expected_upper": stated + 0.08,
            "is_covered": is_covered,
        }
    )


def captured() -> pd.DataFrame:
    shares = np.linspace(0.05, 1, 20)
    found = np.minimum(1.0, 3 * shares)
    return pd.DataFrame({"rows_share": shares, "captured_share": found, "lift": found / shares})


def graded() -> pd.DataFrame:
    return pd.DataFrame(
        {"grade": ["A", "D"], "leads": [1200, 300], "stated_rate": [0.4, 0.01], "observed_rate": [0.45, 0.02]}
    )


def season(lower: float, upper: float) -> pd.DataFrame:
    months = pd.DataFrame({"period": "month", "number": range(1, 13), "factor": 1.0, "lower": 0.9, "upper": 1.1})
    months.loc[10, ["factor", "lower", "upper"]] = [(lower + upper) / 2, lower, upper]
    return pd.concat([months, months.head(4).assign(period="quarter")], ignore_index=True)


def forecast(views: tuple[str, ...] = ("bottom_up", "combined", "top_down")) -> pd.DataFrame:
    months = pd.date_range("2026-01-01", periods=3, freq="MS")
    parts = [
        pd.DataFrame({"month": months, "region": region, "segment": "all", "view": view, "value": level})
        for view in views
        for region, level in (("all", 1_500_000.0), ("EU", 10.0))
    ]
    rows = pd.concat(parts, ignore_index=True)
    bounds = {f"{side}_{p}": rows["value"] * factor for side, p, factor in
              (("lower", 80, 0.9), ("upper", 80, 1.1), ("lower", 95, 0.8), ("upper", 95, 1.2))}  # fmt: skip
    return rows.assign(**bounds)


def history() -> "pd.Series[float]":
    return pd.Series(np.arange(60.0), index=pd.period_range("2021-01", periods=60, freq="M"))


def main_axes(figure: Figure) -> Axes:
    return figure.axes[0]


def title(figure: Figure) -> str:
    return main_axes(figure).get_title(loc="left")


def labels(figure: Figure) -> set[str]:
    return set(main_axes(figure).get_legend_handles_labels()[1])


def test_a_report_gives_a_figure_for_each_table_it_knows() -> None:
    """Tables that no figure shows are passed over; the order puts the most telling one first."""
    tables = {"lift": captured(), "reliability": bins(), "test_predictions": bins(), "grades": graded()}
    assert list(plots.figures_of(report(tables))) == ["reliability.png", "lift.png", "grades.png"]


def test_empty_tables_give_no_figure() -> None:
    """A training without data has nothing to draw."""
    empty = {name: pd.DataFrame() for name in ("reliability", "lift", "grades", "drivers", "deciles", "seasonality")}
    assert plots.figures_of(report(empty), forecast=pd.DataFrame(), history=None) == {}


def test_the_forecast_comes_first() -> None:
    """What is drawn on the page of a revenue training is the forecast."""
    found = plots.figures_of(report({"seasonality": season(0.9, 1.1)}, "revenue"), forecast=forecast(), unit="EUR")
    assert list(found) == ["forecast.png", "seasonality.png"]


def test_reliability_counts_the_bins_and_marks_the_ones_outside() -> None:
    """The title says how many bins hold, the others stand out, and the 45° line and the rows are there."""
    figure = plots.reliability(bins(), "churn")
    assert title(figure) == "Churn: in 2 of 3 bins the observed rate lies where it should"
    assert {"stated = observed", "observed, as expected", "observed, outside"} <= labels(figure)
    diagonal = main_axes(figure).get_lines()[0]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    strip = main_axes(figure).child_axes[0]
    assert [bar.get_height() for bar in strip.patches] == [100, 80, 60]
    assert "observed, outside" not in labels(plots.reliability(bins((True, True, True)), "churn"))


def test_lift_states_what_the_first_tenth_holds() -> None:
    """The title names the share of positives among the highest tenth."""
    figure = plots.lift(captured(), "win_probability")
    assert title(figure) == "Win probability: the 10% with the highest score hold 30% of those that were won"
    assert any(text.get_text() == "3.0 × random" for text in main_axes(figure).texts)


def test_grades_show_stated_beside_observed() -> None:
    """Both rates stand beside each other, with the number of leads per grade."""
    figure = plots.grades(graded(), "lead_score")
    assert title(figure) == "Lead score: 45.0% of grade A converted, 2.0% of grade D"
    assert labels(figure) == {"stated", "observed"}
    assert [tick.get_text() for tick in main_axes(figure).get_xticklabels()] == ["A (1,200)", "D (300)"]


def test_deciles_carry_the_unit_of_money() -> None:
    """An amount without its currency means nothing."""
    table = pd.DataFrame({"decile": [1, 2], "rows": [5, 5], "predicted": [10.0, 81_772.0], "realised": [9.0, 91_665.0]})
    figure = plots.deciles(table, "EUR")
    assert title(figure) == "Customer value: the top tenth was predicted 81.8k each and brought 91.7k EUR"
    assert main_axes(figure).get_ylabel().endswith(", EUR")


@pytest.mark.parametrize(
    ("lower", "upper", "expected"),
    [(0.9, 1.2, "no calendar month differs"), (1.1, 1.3, "Nov differs most from the others (+20.0%)")],
)
def test_seasonality_names_a_month_only_beyond_noise(lower: float, upper: float, expected: str) -> None:
    """A factor whose interval holds 1 is not stated as a fact."""
    assert expected in title(plots.seasonality(season(lower, upper)))


def test_drivers_are_drawn_largest_on_top() -> None:
    """The order of the bars is that of the table, which starts with the largest."""
    table = pd.DataFrame({"driver": ["renewal_date", "usage"], "mean_contribution": [0.8, 0.2]})
    figure = plots.drivers(table, "churn")
    assert title(figure) == "Churn: 'renewal date' moves the score most"
    assert [tick.get_text() for tick in main_axes(figure).get_yticklabels()] == ["renewal date", "usage"]
    assert main_axes(figure).yaxis_inverted()


def test_a_leak_is_drawn_with_the_feature_that_gives_it_away() -> None:
    """A training stopped by the leak check still has a figure."""
    table = pd.DataFrame({"feature": ["closed_on", "age"], "auc": [0.991, 0.6]})
    assert "'closed_on' alone reaches an AUC of 0.991" in title(plots.separations(table, "churn"))


def test_the_fan_shows_the_total_all_views_and_the_past() -> None:
    """Parts are left out; the combination carries the bands, the views stand beside it, and four years lead to it."""
    figure = plots.forecast_fan(forecast(), history(), "EUR")
    assert title(figure) == "Revenue in March 2026: 1.5M EUR, 80 % interval 1.35M to 1.65M"
    assert labels(figure) == {
        "95 % interval", "80 % interval", "forecast (combined)", "bottom up", "top down", "actual"
    }  # fmt: skip
    lines = {line.get_label(): line for line in main_axes(figure).get_lines()}
    assert len(lines["actual"].get_xdata()) == plots.SHOWN_HISTORY
    assert len(lines["forecast (combined)"].get_xdata()) == 3


def test_a_single_view_is_the_forecast() -> None:
    """The fallback has no combination."""
    assert "forecast (top down)" in labels(plots.forecast_fan(forecast(("top_down",)), None, ""))


def test_png_keeps_to_the_size_it_is_given() -> None:
    """In full resolution it has the house size; a bound on the bytes costs resolution, not the figure."""
    figure = plots.lift(captured(), "churn")
    full, small = as_png(figure), as_png(figure, 30_000)
    assert imread(BytesIO(full)).shape[:2] == (SIZE_INCHES[1] * DPI, SIZE_INCHES[0] * DPI)
    assert len(small) <= 30_000 < len(full)
