import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from orchestration import snapshot
from orchestration.runs.passing_faults import may_pass
from orchestration.snapshot import Face
from tests.small_disk import SmallDisk

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


def test_a_publish_that_fails_leaves_the_old_version(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers stay on the last good version, and nothing half written takes the space."""
    publish(warehouse, tmp_path, "v1")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(snapshot, "_write_duckdb", stopped)
    with pytest.raises(KeyboardInterrupt):
        publish(warehouse, tmp_path, "v2")
    now = snapshot.current(tmp_path)
    assert now is not None
    assert now.version == "v1"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current.json", "v1"]


def test_what_a_killed_publish_left_goes(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """A version that was half written, or half deleted, when its run was killed."""
    (tmp_path / ".unfinished-v1" / "parquet").mkdir(parents=True)
    publish(warehouse, tmp_path, "v2")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current.json", "v2"]


def test_a_version_is_on_the_disk_before_readers_are_sent_there(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file and folder of it, then its name, then the pointer: no power cut leaves a pointer to half a version."""
    synced: list[Path] = []

    def sync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().relative_to(tmp_path))

    monkeypatch.setattr(os, "fsync", sync)
    folder = publish(warehouse, tmp_path, "v1").path(tmp_path)
    *of_version, name, pointer, pointed = synced
    written = {path.relative_to(folder) for path in [folder, *folder.rglob("*")]}
    assert {path.relative_to(".unfinished-v1") for path in of_version} == written
    assert (name, pointer, pointed) == (Path(), Path("current.json.new"), Path())


@pytest.mark.parametrize("megabytes", [0, 1, 3])
def test_a_full_disk_costs_nothing(warehouse: duckdb.DuckDBPyConnection, small_disk: SmallDisk, megabytes: int) -> None:
    """Readers keep the old version whole however far the new one came; its space is free again; then it works."""
    root = small_disk.folder / "published"
    old = publish(warehouse, root, "v1")
    warehouse.execute(
        "create or replace table marts.fct_deals as select hash(i)::varchar as deal_id, "
        "hash(-i)::varchar as account_id, 0::decimal(18,2) as amount from range(60000) t(i)"
    )
    small_disk.leave(megabytes)
    with pytest.raises((OSError, sqlite3.Error, duckdb.Error)) as fault:
        publish(warehouse, root, "v2")
    assert not may_pass(fault.value)
    assert snapshot.current(root) == old
    assert small_disk.free() >= megabytes * 1e6
    with duckdb.connect(str(old.path(root) / "analytics.duckdb"), read_only=True) as analytics:
        assert analytics.execute("select count(*) from dim_accounts").fetchall() == [(1000,)]
    small_disk.leave(60)
    made = publish(warehouse, root, "v3")
    assert snapshot.current(root) == made


def test_readers_in_the_moment_of_the_switch(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Whoever reads the pointer finds the version it names, whole, while others are published and pruned."""
    publish(warehouse, tmp_path, "v00")
    stop, seen = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            now = snapshot.current(tmp_path)
            assert now is not None
            with closing(sqlite3.connect(f"file:{now.path(tmp_path) / 'lookup.sqlite'}?mode=ro", uri=True)) as lookup:
                seen.append((now.version, *lookup.execute("select count(*) from dim_accounts").fetchone()))

    with ThreadPoolExecutor() as readers:
        reading = [readers.submit(read) for _ in range(2)]
        for number in range(1, 6):
            publish(warehouse, tmp_path, f"v{number:02}")
            snapshot.prune(tmp_path, keep=2)
        stop.set()
        for reader in reading:
            reader.result()
    assert {rows for _, rows in seen} == {1000}
    assert [version for version, _ in seen[-1:]] == ["v05"]


def test_a_reader_that_stays_on_a_pruned_version_reads_on(warehouse: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """What is open stays readable, in both faces, until it is closed."""
    folder = publish(warehouse, tmp_path, "v1").path(tmp_path)
    with (
        duckdb.connect(str(folder / "analytics.duckdb"), read_only=True) as analytics,
        closing(sqlite3.connect(f"file:{folder / 'lookup.sqlite'}?mode=ro", uri=True)) as lookup,
    ):
        lookup.execute("select 1 from dim_accounts").fetchone()
        publish(warehouse, tmp_path, "v2")
        assert snapshot.prune(tmp_path, keep=1) == ["v1"]
        assert not folder.exists()
        assert analytics.execute("select sum(mrr)::varchar from dim_accounts").fetchall() == [("549450.00",)]
        assert lookup.execute("select count(*) from dim_accounts where account_id like 'a99%'").fetchone() == (11,)


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
