"""The published snapshot: an immutable version for readers, and the pointer that says which one is current.

A version is a folder of its own with two faces: `lookup.sqlite` (indexed, for look-ups by key) and
`analytics.duckdb` plus `parquet/` (for analysis). It is written under a temporary name, renamed when complete, and
`current.json` is replaced atomically after that, so a killed run leaves readers on the last good version.
Belongs here: writing, switching and pruning versions. Does not belong here: deciding what is good enough to publish.
"""

import json
import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb

POINTER = "current.json"
UNFINISHED = ".unfinished-"
STAMP = "%Y%m%dT%H%M%S%fZ"
ROWS_PER_BATCH = 50_000
# Values of these DuckDB types are values of SQLite as Python gives them.
SHARED_TYPES = {"VARCHAR", "DOUBLE", "FLOAT", "BOOLEAN", "INTEGER", "BIGINT", "SMALLINT", "TINYINT"}


@dataclass(frozen=True)
class Face:
    """One published table.

    Attributes:
        schema, table: where it lies in the warehouse; published under the table's name.
        keys: columns that readers look up by; each gets an index in the SQLite face.
        query: what is published of the table, default all of it.
        primary_key: column that identifies a row; the SQLite face is then ordered by it, without an index beside the
            table, and its floats are the warehouse's bit for bit.
    """

    schema: str
    table: str
    keys: tuple[str, ...] = ()
    query: str | None = None
    primary_key: str | None = None

    @property
    def select(self) -> str:
        """The rows that are published."""
        return self.query or f'select * from "{self.schema}"."{self.table}"'  # noqa: S608 - names from our own code


@dataclass(frozen=True)
class Snapshot:
    """What `current.json` says of the published version."""

    version: str
    folder: str
    published_at: str
    as_of: str
    rows: dict[str, int]

    def path(self, root: Path) -> Path:
        """The version's folder below the folder of published versions."""
        return root / self.folder


def current(root: Path) -> Snapshot | None:
    """The version readers are on, or None before the first one."""
    pointer = root / POINTER
    return Snapshot(**json.loads(pointer.read_text())) if pointer.exists() else None


def publish(
    connection: duckdb.DuckDBPyConnection, root: Path, faces: Sequence[Face], *, version: str, at: str, as_of: str
) -> Snapshot:
    """Write version `version` and make it current.

    Args:
        version: a name that was never used (`next_version`).

    Raises:
        FileExistsError: the version exists already; a published version is never written again.
    """
    target = root / version
    if target.exists():
        msg = f"version {version} is already published in {target}; choose a new version"
        raise FileExistsError(msg)
    root.mkdir(parents=True, exist_ok=True)
    remove_unfinished(root)
    scratch = root / f"{UNFINISHED}{version}"
    try:
        (scratch / "parquet").mkdir(parents=True)
        rows = {face.table: _write(connection, face, scratch) for face in faces}
        _write_duckdb(scratch, faces)
        snapshot = Snapshot(version=version, folder=version, published_at=at, as_of=as_of, rows=rows)
        (scratch / "snapshot.json").write_text(json.dumps(asdict(snapshot), indent=2))
        _sync(*scratch.rglob("*"), scratch)
    except BaseException:
        # On a full disk it would leave no space for the records of the failure, and for whoever makes space.
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    scratch.rename(target)
    _sync(root)
    _point_at(root, snapshot)
    return snapshot


def next_version(root: Path, now: datetime) -> str:
    """A name for a new version that sorts after every other, also where the machine's clock went back."""
    newest = max(versions(root), default="")
    name = now.strftime(STAMP)
    if name > newest:
        return name
    return (datetime.strptime(newest, STAMP) + timedelta(microseconds=1)).strftime(STAMP)


def versions(root: Path) -> list[str]:
    """Names of the complete versions, the oldest first."""
    if not root.exists():
        return []
    return sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def prune(root: Path, keep: int) -> list[str]:
    """Delete all but the newest `keep` versions; the current one always stays. Returns the names deleted."""
    now = current(root)
    names = versions(root)
    old = [name for name in names[: max(len(names) - keep, 0)] if now is None or name != now.version]
    # Under another name first: a version is whole or none, also where a run is killed meanwhile.
    for name in old:
        (root / name).rename(root / f"{UNFINISHED}{name}")
    remove_unfinished(root)
    return old


def remove_unfinished(root: Path) -> None:
    """Clear what killed runs left behind, half written or half deleted; no pointer ever names it."""
    for path in root.glob(f"{UNFINISHED}*"):
        shutil.rmtree(path)


def _point_at(root: Path, snapshot: Snapshot) -> None:
    scratch = root / f"{POINTER}.new"
    with scratch.open("w") as file:
        json.dump(asdict(snapshot), file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(root / POINTER)
    _sync(root)


def _sync(*paths: Path) -> None:
    """Wait until files and folders are on the disk: what the pointer names is whole after a power cut as well."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(connection: duckdb.DuckDBPyConnection, face: Face, scratch: Path) -> int:
    parquet = scratch / "parquet" / f"{face.table}.parquet"
    connection.execute(f"copy ({face.select}) to '{parquet}' (format parquet, compression zstd)")
    return _write_sqlite(connection, face, parquet, scratch / "lookup.sqlite")


def _write_sqlite(connection: duckdb.DuckDBPyConnection, face: Face, parquet: Path, path: Path) -> int:
    cursor = connection.execute(f"select * from read_parquet('{parquet}')")  # noqa: S608 - a path of ours
    columns = [(name, str(kind)) for name, kind, *_ in cursor.description or []]
    names = ", ".join(f'"{name}" {_sqlite_type(kind, is_exact=bool(face.primary_key))}' for name, kind in columns)
    marks = ", ".join("?" for _ in columns)
    foreign = [position for position, (_, kind) in enumerate(columns) if kind not in SHARED_TYPES]
    count = 0
    # Closed also when it fails: an open file keeps its space on a full disk.
    with closing(sqlite3.connect(path)) as sqlite, sqlite:
        sqlite.execute(f'create table "{face.table}" ({names}{_clustered(face)}')
        while batch := cursor.fetchmany(ROWS_PER_BATCH):
            rows = (_sqlite_row(row, foreign) for row in batch)
            sqlite.executemany(f'insert into "{face.table}" values ({marks})', rows)  # noqa: S608
            count += len(batch)
        for key in face.keys:
            sqlite.execute(f'create index "{face.table}_by_{key}" on "{face.table}" ("{key}")')
    return count


def _write_duckdb(scratch: Path, faces: Sequence[Face]) -> None:
    with duckdb.connect(str(scratch / "analytics.duckdb")) as connection:
        for face in faces:
            parquet = scratch / "parquet" / f"{face.table}.parquet"
            connection.execute(f"create table \"{face.table}\" as from read_parquet('{parquet}')")


def _clustered(face: Face) -> str:
    return f', primary key ("{face.primary_key}")) without rowid' if face.primary_key else ")"


def _sqlite_type(duckdb_type: str, *, is_exact: bool) -> str:
    """SQLite's affinity for a DuckDB type: money stays exact as text, days and instants are ISO 8601 text.

    A REAL column keeps whole numbers as integers and so loses the sign of zero; a column without affinity does not.
    """
    if duckdb_type in ("DOUBLE", "FLOAT"):
        return "" if is_exact else "REAL"
    return "INTEGER" if "INT" in duckdb_type or duckdb_type == "BOOLEAN" else "TEXT"


def _sqlite_row(row: tuple[object, ...], foreign: Sequence[int]) -> Sequence[object]:
    """The row with the values at these positions as SQLite takes them; the others are the same in both."""
    values = list(row)
    for position in foreign:
        values[position] = _sqlite_value(row[position])
    return values


def _sqlite_value(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return json.dumps(value, default=str) if isinstance(value, (list, dict)) else str(value)
