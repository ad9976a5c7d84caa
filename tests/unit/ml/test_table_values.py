import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml import table_values
from ml.table_values import COMMA, POINT


@pytest.mark.parametrize(
    ("texts", "form", "read"),
    [
        (["1,234.50", "12", "-3.5", "1e3"], POINT, [1234.5, 12.0, -3.5, 1000.0]),
        (["1.234,50", "99,9", "7"], COMMA, [1234.5, 99.9, 7.0]),
        (["$ 1,200", "(300)", "€5"], POINT, [1200.0, -300.0, 5.0]),
        (["36 months", "60 months"], POINT, [36.0, 60.0]),
        (["12.5%", "7 %"], POINT, [12.5, 7.0]),
    ],
)
def test_numbers_are_read_in_the_column_s_own_style(texts: list[str], form: str, read: list[float]) -> None:
    """Thousands, decimals, currencies, brackets, per cent and units: one decimal mark for the whole column."""
    found, share = table_values.number_form(texts)
    assert (found, share) == (form, 1.0)
    np.testing.assert_allclose(table_values.numbers(texts, form), read)


@given(st.floats(-1e9, 1e9).map(lambda value: round(value, 2)))
def test_grouped_numbers_survive_being_written(value: float) -> None:
    """What Python writes with thousands is read back, in either style."""
    text = f"{value:,.2f}"
    assert table_values.numbers([text], POINT)[0] == pytest.approx(value)
    swapped = text.translate(str.maketrans(",.", ".,"))
    assert table_values.numbers([swapped], COMMA)[0] == pytest.approx(value)


def test_many_units_are_no_numbers() -> None:
    """Codes that begin with a digit are not read as amounts with a unit."""
    assert table_values.number_form(["1a", "2b", "3c", "4d"])[1] == 0.0


@pytest.mark.parametrize("spelling", ["", "  ", "?", "N/A", "nan", "NULL", None, np.nan, pd.NA, pd.NaT])
def test_nothing_is_missing_in_every_spelling(spelling: object) -> None:
    """What stands for nothing is null; a category called none stays one."""
    found = table_values.texts(pd.Series(["none", spelling], dtype=object))
    assert found.tolist() == ["none", None]


@pytest.mark.parametrize(
    ("texts", "day"),
    [
        (["2024-03-01", "2024-12-31T10:00:00Z"], "2024-03-01"),
        (["01.03.2024", "31.12.2024"], "2024-03-01"),
        (["01/03/2024", "31/12/2024"], "2024-03-01"),
        (["03/01/2024", "12/31/2024"], "2024-03-01"),
        (["1 Mar 2024", "31 Dec 2024"], "2024-03-01"),
    ],
)
def test_a_day_above_twelve_decides_the_format(texts: list[str], day: str) -> None:
    """The format that reads every value of the column is taken."""
    form, share = table_values.date_format(texts)
    assert share == 1.0
    assert table_values.dates(texts, form)[0] == pd.Timestamp(day)


def test_postal_codes_are_codes() -> None:
    """Digits with leading zeros are names."""
    assert table_values.has_leading_zeros(["01067", "80331"])
    assert not table_values.has_leading_zeros(["0", "10", "250"])
