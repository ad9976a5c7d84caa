"""Landing: a company's source files into the raw tables, all of them or none, and the same input only once.

Belongs here: the order of the steps of a landing, its transaction and its report. Does not belong here: the steps
themselves (`loading` and the modules it uses), and anything about Dagster.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from companies.settings import Company
from ingestion.control import write_settings
from ingestion.errors import LandingError, SourceError
from ingestion.files import SourceFolder
from ingestion.loading import Loading, Progress, TableLoad
from ingestion.mapping_check import check_mapping
from ingestion.warehouse_schema import create_schemas


@dataclass(frozen=True)
class LandingReport:
    """What one landing did, a line per mapped raw table in the order of the contract.

    Attributes:
        loaded_at: naive UTC; the machine's clock, or just after the landing before where that clock went back.
    """

    load_id: str
    company: str
    loaded_at: datetime
    tables: tuple[TableLoad, ...]


def land(
    con: duckdb.DuckDBPyConnection,
    company: Company,
    data_dir: Path,
    now: datetime,
    progress: Progress | None = None,
) -> LandingReport:
    """Land every mapped table of a company in one transaction.

    Args:
        con: connection to the warehouse, outside a transaction.
        data_dir: folder that holds the source's folder.
        now: time of the landing; a naive one is UTC. Where the clock went back, the instant after the landing before
            counts: versions are put in order by these times, and the newer one must stay the newer one.
        progress: called with the table's name and its rows when a table is done.

    Raises:
        SourceError: a file or the mapping is wrong; nothing was changed.
        LandingError: the warehouse could not take the rows; nothing was changed.
    """
    check_mapping(company)
    folder = data_dir / company.source.folder
    if company.source.tables and not folder.is_dir():
        msg = f"no folder {folder}. {company.source.get}".strip()
        raise SourceError(msg)
    moment = (now.astimezone(UTC) if now.tzinfo else now).replace(tzinfo=None)
    con.execute("set TimeZone = 'UTC'")
    with _transaction(con), tempfile.TemporaryDirectory(prefix="landing_") as scratch:
        create_schemas(con)
        write_settings(con, company)
        moment = _after_all_others(con, moment)
        source = SourceFolder(folder, company.source.get, Path(scratch))
        load_id = f"{company.name}-{moment:%Y%m%dT%H%M%S%f}"
        loading = Loading(con, company, source, moment, load_id, progress or _silent)
        return LandingReport(load_id, company.name, moment, loading.run())


def _after_all_others(con: duckdb.DuckDBPyConnection, moment: datetime) -> datetime:
    newest: datetime | None = con.execute("select max(loaded_at) from control.loads").fetchall()[0][0]
    return moment if newest is None else max(moment, newest + timedelta(microseconds=1))


def _silent(_table: str, _rows: int) -> None:
    """Report nothing."""


@contextmanager
def _transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    con.execute("begin")
    try:
        yield
        con.execute("commit")
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        _roll_back(con)
        msg = f"the landing was undone: {str(error).splitlines()[0]} Free disk space or memory and run it again."
        raise LandingError(msg) from error
    except BaseException:
        _roll_back(con)
        raise


def _roll_back(con: duckdb.DuckDBPyConnection) -> None:
    try:
        con.execute("rollback")
    except duckdb.TransactionException:
        return  # the failed statement has already ended the transaction
