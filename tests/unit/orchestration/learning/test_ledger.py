from collections.abc import Iterator
from datetime import datetime

import duckdb
import pandas as pd
import pytest

from orchestration.learning import ledger

FIRST, SECOND = datetime(2025, 1, 1), datetime(2025, 2, 1)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    opened = duckdb.connect()
    yield opened
    opened.close()


def predictions(*values: float | None) -> pd.DataFrame:
    ids = [f"a{number}" for number in range(len(values))]
    return pd.DataFrame({"account_id": ids, "as_of": pd.Timestamp("2024-12-31"), "value": list(values)})


def append(
    connection: duckdb.DuckDBPyConnection, frame: pd.DataFrame, made_at: datetime = FIRST, version: str = "1"
) -> int:
    return ledger.append(
        connection,
        "churn",
        frame,
        keys=("account_id", "as_of"),
        model_version=version,
        status="validated",
        run_id="r",
        made_at=made_at,
    )


def test_the_same_statement_is_kept_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Scoring a month again with the same model and features appends nothing, nulls included."""
    assert append(connection, predictions(0.1, None)) == 2
    assert append(connection, predictions(0.1, None), SECOND) == 0


def test_a_changed_statement_is_a_new_row(connection: duckdb.DuckDBPyConnection) -> None:
    """Late data may change what a model says; the old statement stays, the newest view shows the new one."""
    append(connection, predictions(0.1, 0.2))
    assert append(connection, predictions(0.1, 0.3), SECOND) == 1
    assert connection.execute("select value from predictions.churn order by made_at, value").fetchall() == [
        (0.1,),
        (0.2,),
        (0.3,),
    ]
    latest = connection.execute("select value from predictions.churn_latest order by account_id").fetchall()
    assert latest == [(0.1,), (0.3,)]


def test_a_clock_that_goes_back_does_not_reorder(connection: duckdb.DuckDBPyConnection) -> None:
    """What is said later is the newest statement, whatever the machine's clock says."""
    append(connection, predictions(0.1), SECOND)
    append(connection, predictions(0.3), FIRST)
    assert connection.execute("select value from predictions.churn_latest").fetchall() == [(0.3,)]
    assert append(connection, predictions(0.3), FIRST) == 0


def test_a_statement_that_returns_is_kept_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Going back to an earlier value is news too: only the newest statement counts as already said."""
    append(connection, predictions(0.1))
    append(connection, predictions(0.2), SECOND)
    assert append(connection, predictions(0.1), datetime(2025, 3, 1)) == 1


def test_another_version_speaks_for_itself(connection: duckdb.DuckDBPyConnection) -> None:
    """Two model versions may say the same; both are kept."""
    append(connection, predictions(0.1))
    assert append(connection, predictions(0.1), SECOND, version="2") == 1
    assert ledger.tables(connection) == ["churn"]


def newest(connection: duckdb.DuckDBPyConnection) -> list[tuple[float, str]]:
    return connection.execute("select value, model_version from predictions.churn_latest").fetchall()


def test_after_a_way_back_the_newest_statement_is_the_champions(connection: duckdb.DuckDBPyConnection) -> None:
    """What a version said before another one spoke is said again, once, although its words are the same."""
    append(connection, predictions(0.1))
    append(connection, predictions(0.9), SECOND, version="2")
    assert append(connection, predictions(0.1), datetime(2025, 3, 1)) == 1
    assert append(connection, predictions(0.1), datetime(2025, 4, 1)) == 0
    assert newest(connection) == [(0.1, "1")]


def test_a_refused_version_is_not_the_newest_statement(connection: duckdb.DuckDBPyConnection) -> None:
    """Months that nobody scores again show what was said before it; a hand on the alias makes it no better."""
    append(connection, predictions(0.1))
    append(connection, predictions(0.9), SECOND, version="2")
    for number, (decision, expected) in enumerate(
        [("promoted", "2"), ("rolled_back", "1"), ("alias_moved", "1"), ("promoted", "2"), ("rejected", "1")]
    ):
        connection.execute(
            "insert into models.reviews (model, version, decision, decided_at) values ('churn', '2', ?, ?)",
            [decision, datetime(2025, 3, 1 + number)],
        )
        assert [version for _, version in newest(connection)] == [expected]


def test_two_rows_for_one_key_are_refused(connection: duckdb.DuckDBPyConnection) -> None:
    """A ledger that cannot say which of two statements counts is worth nothing."""
    doubled = pd.concat([predictions(0.1), predictions(0.2)])
    with pytest.raises(ValueError, match="two rows for one key"):
        append(connection, doubled)


def test_a_model_that_says_more_than_the_one_before_is_kept(connection: duckdb.DuckDBPyConnection) -> None:
    """A fallback's table takes in the further columns of the model that follows it; older rows hold nothing there."""
    append(connection, predictions(0.1))
    append(connection, predictions(0.2).assign(expected_months=7.0), SECOND, version="2")
    found = connection.execute("select value, expected_months from predictions.churn order by value").fetchall()
    assert found == [(0.1, None), (0.2, 7.0)]
    newest = connection.execute("select value, expected_months from predictions.churn_latest").fetchall()
    assert newest == [(0.2, 7.0)]
