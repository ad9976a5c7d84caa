from datetime import date, timedelta
from typing import Any

import duckdb
import pandera.pandas as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_definitions import registry
from feature_definitions.base import FeatureTable, FeatureView, feature, key
from feature_definitions.point_in_time import exact_sql, training_sql

FIRST = date(2024, 1, 1)
Rows = list[tuple[str, int]]


class Level(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Day.")
    level: float = feature("A level.", unit="score")


class Trend(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Day.")
    trend: float = feature("A trend.", unit="ratio")


def _view(name: str, schema: type[FeatureTable], days: int) -> FeatureView:
    return FeatureView(name, "account_id", schema, timedelta(days=days), "customer-success", 1)


VIEWS = (_view("feat_customer_level", Level, 31), _view("feat_customer_trend", Trend, 7))


def _tables(con: duckdb.DuckDBPyConnection, features: list[Rows], labels: Rows) -> None:
    con.execute("create schema features")
    for view, rows in zip(VIEWS, features, strict=True):
        (column,) = view.columns
        con.execute(f"create table {view.table} (account_id varchar, as_of date, {column.name} double)")
        for entity, day in rows:
            con.execute(f"insert into {view.table} values (?, ?, ?)", [entity, FIRST + timedelta(day), float(day)])
    con.execute("create table labels (label_position bigint, account_id varchar, decided_at timestamp)")
    for position, (entity, day) in enumerate(labels):
        at = f"{FIRST + timedelta(day)} 09:30:00"
        con.execute("insert into labels values (?, ?, ?)", [position, entity, at])


def _newest(rows: Rows, entity: str, day: int, max_age: int) -> float | None:
    """What a person would look up: the newest day not after the label's and not too old."""
    days = [known for name, known in rows if name == entity and day - max_age <= known <= day]
    return float(max(days)) if days else None


KEYS = st.tuples(st.sampled_from(["a", "b", "c"]), st.integers(0, 80))


@given(
    level=st.lists(KEYS, unique=True, max_size=12),
    trend=st.lists(KEYS, unique=True, max_size=12),
    labels=st.lists(KEYS, max_size=10),
)
@settings(max_examples=40, deadline=None)
def test_training_sql_finds_what_a_person_would_look_up(level: Rows, trend: Rows, labels: Rows) -> None:
    """Every label row comes once, in order, with the newest row of each view within that view's max age."""
    with duckdb.connect() as con:
        _tables(con, [level, trend], labels)
        sql = training_sql(VIEWS, "labels", "account_id", "decided_at")
        found = con.execute(f"select label_position, account_id, level, trend from ({sql})").fetchall()
    expected = [
        (position, entity, _newest(level, entity, day, 31), _newest(trend, entity, day, 7))
        for position, (entity, day) in enumerate(labels)
    ]
    assert found == expected


def test_training_sql_says_how_old_the_features_are() -> None:
    """The as_of of the row that was found comes with its features."""
    with duckdb.connect() as con:
        _tables(con, [[("a", 3), ("a", 5)], []], [("a", 9)])
        row: Any = con.execute(training_sql(VIEWS, "labels", "account_id", "decided_at")).df().iloc[0]
    assert row["feat_customer_level_as_of"].date() == FIRST + timedelta(5)
    assert row[["feat_customer_trend_as_of", "trend"]].isna().all()


def test_exact_sql_puts_views_side_by_side() -> None:
    """The rows of the first view get the other view's features of the same entity and day."""
    with duckdb.connect() as con:
        _tables(con, [[("a", 3), ("b", 3), ("a", 5)], [("a", 5), ("c", 5)]], [])
        rows = con.execute(exact_sql(VIEWS)).fetchall()
    days = {day: FIRST + timedelta(day) for day in (3, 5)}
    assert rows == [("a", days[3], 3.0, None), ("b", days[3], 3.0, None), ("a", days[5], 5.0, 5.0)]


def test_views_of_another_entity_are_refused() -> None:
    """A lead's view cannot be joined to customers; the message names it."""
    with pytest.raises(ValueError, match="feat_lead_profile have not the key account_id"):
        training_sql([*VIEWS, registry.view("feat_lead_profile")], "labels", "account_id", "decided_at")


def test_features_of_one_name_are_refused() -> None:
    """Two views with the same feature cannot be told apart in one row."""
    with pytest.raises(ValueError, match="level"):
        exact_sql([VIEWS[0], VIEWS[0]])


def test_no_view_is_refused() -> None:
    """Without a view there is nothing to join."""
    with pytest.raises(ValueError, match="at least one"):
        exact_sql([])
