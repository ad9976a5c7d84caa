import numpy as np
import pandas as pd
import pytest

from ml.table_columns import TableError
from ml.table_labels import read_amount, read_outcome


@pytest.mark.parametrize("values", [["Yes", "No"], [True, False], [1, 0], ["1.0", "0.0"], ["TRUE", "false"]])
def test_yes_counts_as_one_in_any_spelling(values: list[object]) -> None:
    """Pairs of yes and no need no declaration, and no note."""
    found, notes = read_outcome(pd.Series([*values, None], dtype=object), "y")
    np.testing.assert_array_equal(found, [1.0, 0.0, np.nan])
    assert notes == []


def test_the_rarer_of_two_names_counts_as_one_and_is_told() -> None:
    """Without a declaration the rarer value is the event, and the reader is told so."""
    found, notes = read_outcome(pd.Series(["Stayed", "Left", "Stayed"]), "state")
    assert found.tolist() == [0.0, 1.0, 0.0]
    assert "Left counts as 1" in notes[0]


def test_a_declared_value_stands_against_all_others() -> None:
    """Of several values one is the event."""
    found, _ = read_outcome(pd.Series([1, 2, 3]), "grade", positive=3.0)
    assert found.tolist() == [0.0, 0.0, 1.0]


def test_a_label_of_many_values_is_refused() -> None:
    """Three values are no outcome; the message says what to do."""
    with pytest.raises(TableError, match="positive"):
        read_outcome(pd.Series(["a", "b", "c"]), "y")
    with pytest.raises(TableError, match="never is 'd'"):
        read_outcome(pd.Series(["a", "b"]), "y", positive="d")


def test_amounts_may_be_texts() -> None:
    """Amounts as an office writes them are read; words are not."""
    np.testing.assert_array_equal(read_amount(pd.Series(["1.200,50 €", "99,50 €", None]), "y"), [1200.5, 99.5, np.nan])
    with pytest.raises(TableError, match="no amount"):
        read_amount(pd.Series(["red", "green"]), "colour")
