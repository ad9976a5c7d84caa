"""Dagster's run records in SQLite, with connections that stay open.

Dagster's own event log makes a new engine, connection and write-ahead log for every statement, and a run of ours writes
some two thousand events: a third of what Dagster costs in a run goes there. Belongs here: keeping connections. The
tables, files and statements stay Dagster's, so that either storage reads what the other wrote. `dagster.yaml` names it.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import create_engine
from sqlalchemy import event as sql_event
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.pool import NullPool, StaticPool

# The index and the runs that are looked at; each is a file of its own.
CONNECTIONS_KEPT = 8


class KeptConnections(SqliteEventLogStorage):
    """The event log with one open connection per file, used by one thread at a time under the parent's lock."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the index has the table; a table that is there stays there."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event(self, event: EventLogEntry) -> None:
        """As the parent's; then touch the run's file, by whose changes the UI follows a run.

        What is written stays in the write-ahead log until a checkpoint, so that the file itself would not change.
        """
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def wipe(self) -> None:
        """As the parent's, which deletes the files under the connections."""
        self._close()
        super().wipe()

    def dispose(self) -> None:
        """As the parent's, and close every connection."""
        super().dispose()
        self._close()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def _engine(self, shard: str) -> Engine:
        if shard not in self._engines:
            self._engines[shard] = self._opened(shard)
        self._engines.move_to_end(shard)
        if len(self._engines) > CONNECTIONS_KEPT:
            self._engines.popitem(last=False)[1].dispose()
        return self._engines[shard]

    def _opened(self, shard: str) -> Engine:
        address = self.conn_string_for_shard(shard)
        waits = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        if shard not in self._initialized_dbs:
            self._initdb(create_engine(address, poolclass=NullPool, connect_args=waits))
            self._initialized_dbs.add(shard)
        engine = create_engine(address, poolclass=StaticPool, connect_args=waits | {"check_same_thread": False})
        sql_event.listen(engine, "connect", _sync_at_checkpoints)
        return engine


class RunRecords(DagsterSqliteStorage):
    """Dagster's three SQLite storages with the event log above."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = KeptConnections(self._event_log_storage._base_dir)  # noqa: SLF001 - the parent's own

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Any) -> Self:  # noqa: ANN401
        """As the parent's, which names its own class."""
        return cls.from_local(inst_data=inst_data, **config_value)


def _sync_at_checkpoints(connection: Any, _record: object) -> None:  # noqa: ANN401 - sqlite3's, as SQLAlchemy hands it
    """A killed process loses nothing; a power cut may lose the last events, and never leaves half a one."""
    connection.execute("pragma synchronous = normal")
