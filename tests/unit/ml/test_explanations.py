from dataclasses import replace

import numpy as np
import pandas as pd

from ml.encoding import EncodedColumn, Encoder
from ml.explanations import contribution_points, driver_importance, explain
from tests.unit.ml.synthetic import column

ENCODER = Encoder((EncodedColumn("usage", "number", middle=5.0), EncodedColumn("tickets", "number", middle=1.0)))
COLUMNS = (column("usage", driver="usage"), column("tickets", driver="support"))
DATA = pd.DataFrame({"usage": [2.0], "tickets": [4.0]})


def test_reasons_are_ordered_by_weight_and_worded_by_value() -> None:
    """The stronger driver comes first; a value below the median is worded as low, one above as high."""
    found = explain(DATA, np.array([[0.5, -0.2]]), COLUMNS, ENCODER)[0]
    assert [reason["driver"] for reason in found] == ["usage", "support"]
    assert [reason["direction"] for reason in found] == ["raises", "lowers"]
    assert found[0]["text"] == "usage is low (2.00)"
    assert found[1]["text"] == "tickets is high (4.00)"


def test_action_is_given_only_against_what_raises() -> None:
    """Nobody acts against what already lowers the risk."""
    found = explain(DATA, np.array([[0.5, -0.2]]), COLUMNS, ENCODER)[0]
    assert [reason["action"] for reason in found] == ["mend usage", None]


def test_feature_without_wording_is_never_a_reason() -> None:
    """A protected attribute may weigh most, yet is not named."""
    silent = replace(COLUMNS[0], reason_high=None, reason_low=None)
    found = explain(DATA, np.array([[9.0, 0.1]]), (silent, COLUMNS[1]), ENCODER)[0]
    assert [reason["feature"] for reason in found] == ["tickets"]


def test_features_of_one_driver_are_summed() -> None:
    """Two features of a driver give one reason, named after the one that pulls in the sum's direction."""
    columns = (COLUMNS[0], replace(COLUMNS[1], driver="usage"))
    found = explain(DATA, np.array([[-0.4, 0.6]]), columns, ENCODER)[0]
    assert len(found) == 1
    assert found[0]["feature"] == "tickets"
    assert np.isclose(found[0]["contribution"], 0.2)


def test_missing_value_is_no_reason() -> None:
    """There is no wording for what is not known."""
    assert explain(DATA.assign(usage=np.nan, tickets=np.nan), np.array([[0.5, 0.5]]), COLUMNS, ENCODER) == [[]]


def test_wording_may_format_its_value() -> None:
    """A declared format is used as it stands."""
    columns = (replace(COLUMNS[0], reason_low="Usage fell to {value:.0%}"), COLUMNS[1])
    found = explain(DATA.assign(usage=0.25), np.array([[0.5, 0.0]]), columns, ENCODER)[0]
    assert found[0]["text"] == "Usage fell to 25%"


def test_importance_of_a_driver_is_its_mean_size_whatever_its_direction() -> None:
    """Features of a driver are summed row by row first, so that they may cancel; the largest driver comes first."""
    columns = (COLUMNS[0], replace(COLUMNS[0], name="seats"), COLUMNS[1])
    found = driver_importance(np.array([[0.5, -0.4, 0.3], [-0.2, 0.1, -0.3]]), columns)
    assert list(found["driver"]) == ["support", "usage"]
    assert np.allclose(found["mean_contribution"], [0.3, 0.1])


def test_points_show_the_features_that_move_scores_most_with_their_values() -> None:
    """The largest mean contribution comes first, a missing value has no level, and many rows are thinned evenly."""
    matrix = np.column_stack([np.arange(1000.0), np.full(1000, np.nan)])
    contributions = np.column_stack([np.full(1000, 0.1), np.full(1000, -0.4)])
    found = contribution_points(contributions, matrix, COLUMNS, rows=101)
    assert list(found["feature"].unique()) == [COLUMNS[1].name, COLUMNS[0].name]
    assert len(found) == 2 * 101
    assert found["level"].isna().sum() == 101
    assert found["level"].max() == 1.0
    assert contribution_points(contributions[:0], matrix[:0], COLUMNS).empty
