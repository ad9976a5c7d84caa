from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pandera.pandas as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from feature_definitions import registry
from feature_definitions.base import FeatureTable, FeatureView, feature, key
from feature_definitions.point_in_time import exact_sql, training_sql

# A common year ends within the days that are drawn: numbers of days jump there.
FIRST = date(2023, 11, 20)
Row = tuple[Any, ...]


class Level(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Day.")
    level: float = feature("A level.", unit="score")


class Trend(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Day.")
    trend: float = feature("A trend.", unit="ratio")


class Reading(FeatureTable):
    lead_id: str = key("The lead.")
    read_at: pa.DateTime = key("When it was read.")
    loaded_at: pa.DateTime = key("When it was known.")
    reading: float = feature("A reading.", unit="score")
    reader: str = feature("Who read.", kind="categorical")


LEVEL = FeatureView("feat_customer_level", "account_id", Level, timedelta(days=31), "customer-success", 1)
TREND = FeatureView("feat_customer_trend", "account_id", Trend, timedelta(days=7), "customer-success", 1)
READING = FeatureView(
    "feat_lead_reading",
    "lead_id",
    Reading,
    timedelta(hours=36),
    "marketing",
    1,
    event_time="read_at",
    known_time="loaded_at",
    time_type="timestamp",
)
VIEWS = (LEVEL, TREND)
COLUMNS = {
    LEVEL: "account_id varchar, as_of date, level double",
    TREND: "account_id varchar, as_of date, trend double",
    READING: "lead_id varchar, read_at timestamp, loaded_at timestamp, reading double, reader varchar",
}
LABELS = "label_position bigint, account_id varchar, lead_id varchar, decided_at timestamp"


def _tables(con: duckdb.DuckDBPyConnection, tables: dict[FeatureView, list[Row]], labels: list[Row]) -> None:
    con.execute("create schema features")
    for view, rows in tables.items():
        _fill(con, view.table, COLUMNS[view], rows)
    _fill(con, "labels", LABELS, labels)


def _fill(con: duckdb.DuckDBPyConnection, table: str, columns: str, rows: list[Row]) -> None:
    con.execute(f"create table {table} ({columns})")
    if rows:
        marks = "(" + ", ".join("?" for _ in rows[0]) + ")"
        values = [value for row in rows for value in row]
        con.execute(f"insert into {table} values {', '.join([marks] * len(rows))}", values)


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)


def _hour(number: int) -> datetime:
    return datetime.combine(FIRST, datetime.min.time()) + timedelta(days=35, hours=number)


def _looked_up(view: FeatureView, rows: list[Row], entity: str | None, at: datetime | None) -> Row:
    """What a person would look up: times and features of the row that wins, or nothing at all."""
    times = len(view.times)
    nothing: Row = (None,) * (times + len(view.columns))
    if entity is None or at is None:
        return nothing
    now = at.date() if view.time_type == "date" else at
    counting = [
        row[1:]
        for row in rows
        if row[0] == entity
        and all(time is not None and time <= now for time in row[1 : 1 + times])
        and row[1] >= now - view.max_age
    ]
    return max(counting, key=lambda row: [(value is not None, value) for value in row], default=nothing)


KEYS = st.sampled_from(["a", "b"])
# Few values, so that rows tie and lie on the borders of 31 days and 36 hours; day 35 is hour 0.
DAYS = st.sampled_from([0, 1, 4, 5, 31, 32, 35, 36, 66, 67]).map(_day)
HOURS = st.sampled_from([0, 1, 12, 13, 36, 37, 48, 49, 72]).map(_hour)
LEVELS = st.tuples(KEYS, DAYS, st.one_of(st.none(), st.integers(0, 3).map(float)))
READINGS = st.tuples(
    KEYS,
    st.one_of(st.none(), HOURS),
    st.one_of(st.none(), HOURS),
    st.one_of(st.none(), st.integers(0, 1).map(float)),
    st.one_of(st.none(), st.sampled_from(["x", "y"])),
)
ASKED = st.tuples(
    st.one_of(st.none(), KEYS),
    st.one_of(st.none(), KEYS),
    st.one_of(st.none(), HOURS, DAYS.map(lambda day: datetime.combine(day, datetime.min.time()))),
)


@given(
    levels=st.lists(LEVELS, max_size=12),
    readings=st.lists(READINGS, max_size=16),
    labels=st.lists(ASKED, max_size=10),
    is_dense=st.booleans(),
)
@example(  # both borders of the max age, and a correction that was known one hour too late
    levels=[("a", _day(0), 1.0)],
    readings=[("b", _hour(0), _hour(1), 1.0, "x"), ("b", _hour(0), _hour(37), 2.0, "x")],
    labels=[("a", "b", _hour(36)), ("a", "b", _hour(37)), ("a", None, datetime(2023, 12, 21, 23))],
    is_dense=False,
)
@example(  # the same borders, found by buckets
    levels=[("a", _day(4), 1.0)],
    readings=[("b", _hour(0), _hour(1), 1.0, "x")],
    labels=[("a", "b", _hour(36)), ("a", "b", _hour(37)), ("a", None, _hour(12))],
    is_dense=True,
)
@example(  # a correction wins; of equal times the largest values win, a missing one last
    levels=[("a", _day(31), 1.0), ("a", _day(31), None), ("a", _day(31), 2.0)],
    readings=[("b", _hour(0), _hour(1), 0.0, "x"), ("b", _hour(0), _hour(0), 1.0, "x")]
    + [("b", _hour(13), _hour(13), value, name) for value, name in [(None, "y"), (0.0, "x"), (0.0, "y"), (0.0, None)]],
    labels=[("a", "b", _hour(12)), (None, "b", _hour(36))],
    is_dense=False,
)
@settings(max_examples=60, deadline=None)
def test_training_sql_finds_what_a_person_would_look_up(
    levels: list[Row], readings: list[Row], labels: list[Row], is_dense: bool
) -> None:
    """Every label row comes once, in order, with the row of each view that wins by event time, known time, values."""
    spacing = {"spacing": timedelta(minutes=1)} if is_dense else {"spacing": timedelta(days=31)}
    views = [replace(LEVEL, **spacing), replace(READING, **spacing)]
    with duckdb.connect() as con:
        numbered = [(position, *label) for position, label in enumerate(labels)]
        _tables(con, {LEVEL: levels, READING: readings}, numbered[::-1])
        found = con.execute(training_sql(views, "labels", "decided_at")).fetchall()
    assert found == [
        (*label, *_looked_up(LEVEL, levels, label[1], label[3]), *_looked_up(READING, readings, label[2], label[3]))
        for label in numbered
    ]


def test_training_sql_says_how_old_the_features_are() -> None:
    """The as_of of the row that was found comes with its features."""
    with duckdb.connect() as con:
        _tables(
            con, {LEVEL: [("a", _day(3), 1.0), ("a", _day(5), 2.0)], TREND: []}, [(0, "a", None, "2023-11-29 09:30")]
        )
        row: Any = con.execute(training_sql(VIEWS, "labels", "decided_at")).df().iloc[0]
    assert row["feat_customer_level_as_of"].date() == _day(5)
    assert row[["feat_customer_trend_as_of", "trend"]].isna().all()


def test_training_sql_reads_days_as_label_times() -> None:
    """A label with a day sees the row of that day in a view with days, and no later instant than its first one."""
    with duckdb.connect() as con:
        day = datetime(2023, 12, 25)
        readings = [("b", day, day, 1.0, "x"), ("b", day, day + timedelta(hours=1), 2.0, "x")]
        _tables(con, {LEVEL: [("a", day.date(), 7.0)], READING: readings}, [(0, "a", "b", day)])
        days = "(select * replace (decided_at::date as decided_at) from main.labels)"
        sql = training_sql((LEVEL, READING), days, "decided_at")
        assert con.execute(f"select level, reading from ({sql})").fetchall() == [(7.0, 1.0)]


def test_full_names_tell_features_of_one_name_apart() -> None:
    """Two views with the same feature stand side by side under the views' names."""
    other = replace(LEVEL, name="feat_customer_other")
    with duckdb.connect() as con:
        _tables(con, {LEVEL: [("a", _day(3), 1.0)]}, [(0, "a", None, "2023-11-24")])
        con.execute(
            "create table features.feat_customer_other as "
            "select account_id, as_of, 5.0 as level from features.feat_customer_level"
        )
        sql = training_sql((LEVEL, other), "labels", "decided_at", full_names=True)
        found = con.execute(f"select feat_customer_level__level, feat_customer_other__level from ({sql})").fetchall()
    assert found == [(1.0, 5.0)]


def test_exact_sql_puts_views_side_by_side() -> None:
    """The rows of the first view get the other view's features of the same entity and day."""
    days = {day: _day(day) for day in (3, 5)}
    with duckdb.connect() as con:
        levels = [("a", days[3], 3.0), ("b", days[3], 3.0), ("a", days[5], 5.0)]
        _tables(con, {LEVEL: levels, TREND: [("a", days[5], 5.0), ("c", days[5], 5.0)]}, [])
        rows = con.execute(exact_sql(VIEWS)).fetchall()
    assert rows == [("a", days[3], 3.0, None), ("b", days[3], 3.0, None), ("a", days[5], 5.0, 5.0)]


def test_rows_of_another_entity_are_refused() -> None:
    """A lead's view does not lie on the rows of customers; the message names it."""
    with pytest.raises(ValueError, match="feat_lead_profile have not the key account_id"):
        exact_sql([*VIEWS, registry.view("feat_lead_profile")])


def test_features_of_one_name_are_refused() -> None:
    """Two views with the same feature cannot be told apart in one row."""
    with pytest.raises(ValueError, match="level"):
        training_sql([LEVEL, LEVEL], "labels", "decided_at")


def test_no_view_is_refused() -> None:
    """Without a view there is nothing to join."""
    with pytest.raises(ValueError, match="at least one"):
        exact_sql([])
