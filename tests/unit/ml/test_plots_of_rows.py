import numpy as np
import pandas as pd

from ml import plots_of_rows


def test_contributions_are_drawn_row_by_row() -> None:
    """One line per feature, the strongest on top; the title says which of its values raises the score."""
    level = np.linspace(0, 1, 50)
    table = pd.DataFrame(
        {
            "feature": ["usage"] * 50 + ["tickets"] * 50,
            "contribution": [*(0.5 - level), *(0.1 * level)],
            "level": [*level[:-1], np.nan, *level],
        }
    )
    figure = plots_of_rows.contributions(table, "churn")
    assert figure.axes[0].get_title(loc="left") == "Churn: what raises the score most is a low 'usage'"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["usage", "tickets"]
    drawn = sum(len(np.asarray(points.get_offsets())) for points in figure.axes[0].collections)
    assert drawn == len(table)


def test_close_months_count_where_the_stated_share_lies() -> None:
    """The title says in how many months the stated share lies within the interval; lost deals are not drawn."""
    table = pd.DataFrame(
        {
            "outcome": ["won", "won", "lost"],
            "month": [1, 2, 1],
            "stated_share": [0.1, 0.4, 0.2],
            "observed_share": [0.12, 0.2, 0.2],
            "lower": [0.08, 0.1, 0.1],
            "upper": [0.2, 0.3, 0.3],
            "is_covered": [True, False, True],
        }
    )
    figure = plots_of_rows.close_months(table)
    assert figure.axes[0].get_title(loc="left").endswith("in 1 of 2 months")
