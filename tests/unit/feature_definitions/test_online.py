import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_definitions import registry
from feature_definitions.entities import DEAL, LEAD, Entity
from feature_definitions.online import OnlineError, OnlineFeatures, online_sql, online_table
from feature_definitions.point_in_time import training_sql
from orchestration import snapshot
from orchestration.snapshot import Face
from tests import feature_tables

LAST = date(2024, 3, 31)
PROFILE, ENGAGEMENT = registry.views_for("lead_score")
VALUES = {
    "numeric": st.none() | st.floats() | st.sampled_from([-0.0, 5e-324, 2.0**53 + 2, 1e15, -math.inf]),
    "categorical": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    "flag": st.booleans(),
}


@contextmanager
def published(connection: duckdb.DuckDBPyConnection, folder: Path, entity: Entity = LEAD) -> Iterator[OnlineFeatures]:
    """The online table of an entity, made and opened as readers find it."""
    views = registry.views_of(entity.key)
    face = Face("features", online_table(entity), query=online_sql(views), primary_key=entity.key)
    made = snapshot.publish(connection, folder, [face], version="v1", at="2024-04-01T00:00:00", as_of=str(LAST))
    with OnlineFeatures(made.path(folder) / "lookup.sqlite") as online:
        yield online


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """Leads: `l1` is known today in both views, `l2`'s profile is too old, `l3` has one view only."""
    with duckdb.connect() as connection:
        feature_tables.create(connection, registry.views_of(LEAD.key))
        old = LAST - timedelta(PROFILE.max_age.days + 1)
        feature_tables.fill(connection, PROFILE, [("l1", LAST), ("l1", old), ("l2", old), ("l3", LAST)], seed=1)
        feature_tables.fill(connection, ENGAGEMENT, [("l1", LAST), ("l2", LAST - PROFILE.max_age)], seed=1)
        yield connection


def _bits(values: Sequence[Any]) -> list[Any]:
    """Floats as their bytes; null and nan are one thing to a model."""
    floats = [float("nan") if value is None or value != value else value for value in values]
    return [struct.pack("d", value) if isinstance(value, float) else value for value in floats]


@given(st.lists(st.tuples(*(VALUES[column.kind] for column in registry.views_of(DEAL.key)[0].columns)), max_size=4))
@settings(max_examples=15, deadline=None)
def test_values_come_back_bit_for_bit(rows: list[tuple[Any, ...]]) -> None:
    """Any float (the sign of zero, infinities), text, truth value and null is the one in the warehouse."""
    view = registry.views_of(DEAL.key)[0]
    with duckdb.connect() as connection, TemporaryDirectory() as folder:
        feature_tables.create(connection, [view])
        feature_tables.insert(connection, view, [(f"d{at}", LAST, *values) for at, values in enumerate(rows)])
        with published(connection, Path(folder), DEAL) as online:
            found = [online.row("win_probability", f"d{at}", LAST) for at in range(len(rows))]
    assert [_bits(list(row.values.values())) if row else None for row in found] == [_bits(values) for values in rows]


def test_row_says_how_old_it_is_and_drops_what_is_too_old(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A view's newest row is used up to its max age; an older one is named, and its values are null."""
    with published(warehouse, tmp_path) as online:
        row = online.row("lead_score", "l2", LAST)
        assert row is not None
        profile, engagement = row.views[PROFILE.name], row.views[ENGAGEMENT.name]
        assert (profile.age_days, profile.is_used) == (PROFILE.max_age.days + 1, False)
        assert (engagement.age_days, engagement.is_used) == (PROFILE.max_age.days, True)
        assert row.as_of == engagement.as_of
        assert {row.values[column.name] for column in PROFILE.columns if column.name in row.values} == {None}
        assert row.values["is_mql"] is not None
        assert online.row("lead_score", "nobody", LAST) is None


def test_row_is_what_the_training_join_finds(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """For present and absent views alike, the frame holds the values that the training join gives for that day."""
    warehouse.execute(
        "create table labels as select i as label_position, 'l' || i as lead_id, ?::date as d from range(1, 4) t(i)",
        [LAST],
    )
    views, names = registry.views_for("lead_score"), [column.name for column in registry.columns_for("lead_score")]
    offline = warehouse.sql(training_sql(views, "labels", "d")).df()
    with published(warehouse, tmp_path) as online:
        rows = [online.row("lead_score", key, LAST) for key in offline["lead_id"]]
    for at, row in enumerate(rows):
        assert row is not None
        found, expected = row.frame()[names].iloc[0], offline[names].iloc[at]
        pd.testing.assert_series_equal(
            found.where(found.notna(), None),
            expected.where(expected.notna(), None),
            check_names=False,
            check_dtype=False,
        )


def test_only_the_newest_row_can_be_asked_for(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A day before the newest row is refused: its row is not in the table."""
    with published(warehouse, tmp_path) as online, pytest.raises(OnlineError, match="point_in_time"):
        online.row("lead_score", "l1", LAST - timedelta(1))


def test_look_up_uses_the_primary_key(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """SQLite finds the row by its key, without a scan and without an index beside the table."""
    with published(warehouse, tmp_path) as online:
        plan = online._connection.execute(
            "explain query plan select * from online_leads where lead_id = 'l1'"
        ).fetchall()
    assert plan[0][-1] == "SEARCH online_leads USING PRIMARY KEY (lead_id=?)"


def test_version_without_the_table_says_what_to_do(tmp_path: Path) -> None:
    """A snapshot of before, or none at all: the message names the command."""
    with pytest.raises(OnlineError, match="make run"):
        OnlineFeatures(tmp_path / "lookup.sqlite")
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create table marts.dim_accounts as select 'a' as account_id")
        face = Face("marts", "dim_accounts")
        made = snapshot.publish(connection, tmp_path, [face], version="v1", at="2024-04-01T00:00:00", as_of=str(LAST))
    with OnlineFeatures(made.path(tmp_path) / "lookup.sqlite") as online, pytest.raises(OnlineError, match="make run"):
        online.row("churn", "a", LAST)
