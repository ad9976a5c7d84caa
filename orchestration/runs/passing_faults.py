"""Which faults of a step may pass by themselves, and trying such a step again.

Belongs here: telling a held file, a lost connection or a busy database from a fault that will be the same next time
(data, settings, a full disk, a check that does not hold). Does not belong here: a killed process, which Dagster tries
again itself (`dagster.yaml`, `run_retries`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
import duckdb
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from sqlalchemy.exc import OperationalError

RETRIES = 3
# Long enough for a reader to close the file or a database to restart, short against a run.
SECONDS_BETWEEN = 30
HELD = "could not set lock"
# Databases say with the same class that somebody holds a lock and that their disk is full.
SQLITE_PASSES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
# PostgreSQL's states: connection, rollback, no lock to be had, server shut down or starting, too many connections.
POSTGRES_PASSES = ("08", "40", "55P03", "57P01", "57P02", "57P03", "53300")
# Who is refused gets no state, only words.
POSTGRES_REFUSES = ("authentication failed", "does not exist", "no pg_hba.conf entry")


@contextmanager
def tried_again() -> Iterator[None]:
    """Inside a step: let Dagster try it again later when what it raises may pass; elsewhere nothing changes."""
    try:
        yield
    except Exception as error:
        if not may_pass(error) or not _is_in_a_step():
            raise
        raise dg.RetryRequested(max_retries=RETRIES, seconds_to_wait=SECONDS_BETWEEN) from error


def may_pass(error: BaseException | None) -> bool:
    """Whether the error, or what caused it, is of a kind that may be gone in a minute."""
    while error is not None:
        if _passes(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_held(error: BaseException) -> bool:
    """Whether DuckDB, or dbt in its words, says that another process has the file open."""
    return HELD in str(error).lower()


def _passes(error: BaseException) -> bool:
    if isinstance(error, (duckdb.IOException, DagsterDbtCliRuntimeError)):
        return is_held(error)
    if isinstance(error, OperationalError):
        return error.orig is not None and _database_passes(error.orig)
    return isinstance(error, (ConnectionError, TimeoutError))


def _database_passes(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return error.sqlite_errorcode & 0xFF in SQLITE_PASSES
    state = getattr(error, "pgcode", None)
    if state is not None:
        return str(state).startswith(POSTGRES_PASSES)
    return not any(words in str(error) for words in POSTGRES_REFUSES)


def _is_in_a_step() -> bool:
    try:
        dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return False
    return True
