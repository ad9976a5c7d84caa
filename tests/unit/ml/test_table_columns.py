import numpy as np
import pandas as pd
import pytest

from ml.table_columns import TableColumns, TableError, infer, infer_time

ROWS = 60


def zoo() -> pd.DataFrame:
    """One column of each kind that a table from anywhere may have."""
    random = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=ROWS)
    numbers = random.normal(size=ROWS)
    return pd.DataFrame(
        {
            "number": numbers,
            "text_number": [f"{value:,.2f} EUR" for value in random.gamma(2, 900, ROWS)],
            "nullable": pd.array([*random.integers(0, 9, ROWS - 1), None], dtype="Int64"),
            "flag": random.choice(["Yes", "no "], ROWS),
            "boolean": random.choice([True, False, None], ROWS),
            "zero_one": random.integers(0, 2, ROWS),
            "category": pd.Categorical(random.choice(["a", "{b}", None], ROWS)),
            "postal": random.choice(["01067", "80331", "04109"], ROWS),
            "store_id": random.integers(0, 5, ROWS),
            "day": days.strftime("%d.%m.%Y"),
            "stamp": days[::-1].tz_localize("Europe/Berlin"),
            "calendar": random.permutation(days.strftime("%Y%m%d").astype(int)),
            "waited": pd.to_timedelta(random.integers(0, 99, ROWS), unit="D"),
            "customerID": [f"u{value}" for value in random.permutation(ROWS)],
            "CLIENTNUM": random.permutation(ROWS) * 7,
            "counter": np.arange(ROWS),
            "constant": 1,
            "empty": None,
            "copy": numbers,
        }
    )


def kinds(found: TableColumns) -> dict[str, str]:
    return {column.name: column.kind for column in found.columns}


def test_every_column_is_taken_for_what_it_is() -> None:
    """Numbers, flags, categories and dates are told apart; ids, constants and copies are named and left out."""
    found = infer(zoo())
    assert kinds(found) == {
        "number": "number", "text_number": "number", "nullable": "number", "flag": "flag", "boolean": "flag",
        "zero_one": "flag", "category": "category", "postal": "category", "store_id": "category", "day": "date",
        "stamp": "date", "calendar": "date", "waited": "number",
    }  # fmt: skip
    reasons = dict(found.left_out)
    assert set(reasons) == {"customerID", "CLIENTNUM", "counter", "constant", "empty", "copy"}
    assert reasons["copy"] == "repeats number"
    assert "row" in reasons["CLIENTNUM"]


def test_declared_kinds_are_not_questioned() -> None:
    """A person's word stands above what the values look like."""
    found = infer(zoo()[["counter", "store_id"]], {"counter": "number", "store_id": "number"})
    assert kinds(found) == {"counter": "number", "store_id": "number"}


def test_a_row_alone_is_read_as_in_its_table() -> None:
    """The style of numbers and dates is kept with the columns, not guessed anew from each batch."""
    frame = zoo()
    found = TableColumns.from_json(infer(frame).to_json())
    whole = found.read(frame)
    for row in range(0, ROWS, 7):
        pd.testing.assert_frame_equal(found.read(frame.iloc[[row]]), whole.iloc[[row]])


def test_dates_become_ages_at_the_row_s_own_time() -> None:
    """With a time column a date is so many days old; without one it counts from the newest date of training."""
    frame = pd.DataFrame({"opened": ["2024-01-01", "2024-01-11"], "seen": ["2024-02-01", "2024-02-01"]})
    time = infer_time(frame["seen"], "seen").instants(frame["seen"])
    columns = infer(frame[["opened"]], time=time)
    assert columns.read(frame, time)["opened"].tolist() == [31.0, 21.0]
    assert infer(frame[["opened"]]).read(frame)["opened"].tolist() == [10.0, 0.0]


@pytest.mark.parametrize(
    ("values", "first"), [([2019, 2021], "2019-01-01"), ([202003, 202011], "2020-03-01"), ([10, 40], "1970-01-11")]
)
def test_numbers_tell_time(values: list[int], first: str) -> None:
    """Years, months and plain day counts order the rows."""
    column = infer_time(pd.Series(values), "t")
    assert column.instants(pd.Series(values))[0] == pd.Timestamp(first)


def test_a_missing_column_is_named() -> None:
    """Rows without a column that the model reads are refused."""
    columns = infer(zoo())
    with pytest.raises(TableError, match="postal"):
        columns.read(zoo().drop(columns="postal"))
