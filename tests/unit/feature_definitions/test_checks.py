import duckdb
import pandas as pd
import pytest

from feature_definitions import registry
from feature_definitions.checks import validate, validate_table

VIEW = registry.view("feat_customer_sentiment")


@pytest.fixture
def frame() -> pd.DataFrame:
    rows = 3
    return pd.DataFrame(
        {
            "account_id": [f"a{number}" for number in range(rows)],
            "as_of": pd.to_datetime(["2024-01-31"] * rows),
            "nps_last_score": [9.0, 3.0, None],
            "nps_change_score": [1.0, -4.0, None],
            "nps_365d_score": [9.0, 3.0, None],
            "last_nps_days": [3.0, 5.0, None],
            "is_detractor": [False, True, False],
            "csat_last_score": [None, 4.0, 5.0],
            "responses_365d_count": [1.0, 2.0, 0.0],
        }
    )


def test_validate_finds_nothing_in_a_declared_frame(frame: pd.DataFrame) -> None:
    """A frame as declared has no failures."""
    assert validate(VIEW, frame) == []


def test_validate_names_column_check_and_rows(frame: pd.DataFrame) -> None:
    """Values out of range are counted per column and check, with examples."""
    failures = validate(VIEW, frame.assign(nps_last_score=[11.0, 12.0, None]))
    assert [(f.column, f.rows, f.examples) for f in failures] == [("nps_last_score", 2, ("11.0", "12.0"))]


def test_validate_names_missing_and_surplus_columns(frame: pd.DataFrame) -> None:
    """A column too few and one too many are both failures of the table."""
    failures = validate(VIEW, frame.rename(columns={"is_detractor": "detractor"}))
    assert {"column_in_schema", "column_in_dataframe"} == {failure.check for failure in failures}
    assert {"is_detractor", "detractor"} == {example for failure in failures for example in failure.examples}


def test_validate_names_repeated_keys(frame: pd.DataFrame) -> None:
    """Two rows of one entity and as_of are a failure."""
    failures = validate(VIEW, pd.concat([frame, frame.head(1)], ignore_index=True))
    assert [(f.check, f.rows) for f in failures] == [("unique(account_id, as_of)", 2)]


def test_validate_table_adds_up_its_chunks(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table checked in several chunks gives the failures of all of them once."""
    monkeypatch.setattr("feature_definitions.checks.CHUNK_ROWS", 1)
    with duckdb.connect() as con:
        con.register("given", frame.assign(responses_365d_count=[-1.0, -2.0, -3.0]))
        con.execute("create schema features")
        con.execute(
            "create table features.feat_customer_sentiment as select * replace (as_of::date as as_of) from given"
        )
        failures = validate_table(con, VIEW)
        assert [(f.column, f.rows) for f in failures] == [("responses_365d_count", 3)]
        assert validate_table(con, VIEW, where="as_of > '2024-02-01'") == []
