import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import snapshot
from orchestration.snapshot import Face

FACES = (
    Face("marts", "dim_accounts", keys=("account_id",)),
    Face("marts", "fct_deals", keys=("deal_id", "account_id")),
)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("create schema marts")
    connection.execute(
        "create table marts.dim_accounts as "
        "select 'a' || i as account_id, (i * 1.1)::decimal(18,2) as mrr, i % 2 = 0 as is_active, "
        "date '2025-01-31' as d from range(1000) t(i)"
    )
    connection.execute("create table marts.fct_deals (deal_id varchar, account_id varchar, amount decimal(18,2))")
    yield connection
    connection.close()


def publish(connection: duckdb.DuckDBPyConnection, root: Path, version: str) -> snapshot.Snapshot:
    return snapshot.publish(connection, root, FACES, version=version, at="2025-02-01T00:00:00", as_of="2025-01-31")


def test_both_faces_hold_the_same_rows(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """SQLite and DuckDB answer alike, money exact to the cent, an empty table as an empty table."""
    made = publish(warehouse, tmp_path, "v1")
    assert made.rows == {"dim_accounts": 1000, "fct_deals": 0}
    folder = made.path(tmp_path)
    lookup = sqlite3.connect(folder / "lookup.sqlite")
    row = lookup.execute("select mrr, is_active, d from dim_accounts where account_id = 'a7'").fetchone()
    plan = lookup.execute("explain query plan select * from dim_accounts where account_id = 'a7'").fetchall()
    lookup.close()
    assert row == ("7.70", 0, "2025-01-31")
    assert "dim_accounts_by_account_id" in plan[0][-1]
    with duckdb.connect(str(folder / "analytics.duckdb"), read_only=True) as analytics:
        assert analytics.execute("select count(*), sum(mrr)::varchar from dim_accounts").fetchall() == [
            (1000, "549450.00")
        ]


def test_a_killed_publish_leaves_the_old_version(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers stay on the last good version, and the next publish clears what was left."""
    publish(warehouse, tmp_path, "v1")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(snapshot, "_write_duckdb", killed)
    with pytest.raises(KeyboardInterrupt):
        publish(warehouse, tmp_path, "v2")
    monkeypatch.undo()
    now = snapshot.current(tmp_path)
    assert now is not None
    assert now.version == "v1"
    assert now.path(tmp_path).is_dir()
    publish(warehouse, tmp_path, "v3")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current.json", "v1", "v3"]


def test_a_version_is_never_written_twice(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """The same version name is refused, so a reader's open file never changes under it."""
    publish(warehouse, tmp_path, "v1")
    with pytest.raises(FileExistsError, match="already published"):
        publish(warehouse, tmp_path, "v1")


def test_a_clock_that_goes_back_does_not_reorder(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A version made later sorts after all others and is not pruned as the oldest, whatever the clock says."""
    future, past = datetime(2031, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)
    names = []
    for at in (future, past, past):
        names.append(snapshot.next_version(tmp_path, at))
        publish(warehouse, tmp_path, names[-1])
    assert names == ["20310101T000000000000Z", "20310101T000000000001Z", "20310101T000000000002Z"]
    assert snapshot.prune(tmp_path, keep=2) == names[:1]


def test_prune_keeps_the_newest_and_the_current(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Old versions go, the current one stays even if it is not among the newest."""
    for version in ("v1", "v2", "v3", "v4"):
        publish(warehouse, tmp_path, version)
    pointer = tmp_path / snapshot.POINTER
    facts = json.loads(pointer.read_text())
    pointer.write_text(json.dumps({**facts, "version": "v1", "folder": "v1"}))
    assert snapshot.prune(tmp_path, keep=2) == ["v2"]
    assert snapshot.current(tmp_path) is not None
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"v1", "v3", "v4"}


def test_no_snapshot_yet_is_none(tmp_path: Path) -> None:
    """Before the first publish there is nothing to read."""
    assert snapshot.current(tmp_path) is None
