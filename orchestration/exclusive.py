"""One run at a time for a company, and order after a run that was killed.

Belongs here: the lock on the company's state, and ending what a killed run left: records that say "started", a dbt
that works on without it. Does not belong here: the warehouse's own lock (`orchestration.resources`), what a run does.
"""

import contextlib
import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg

LOCK = "run.lock"
DBT = "dbt.pid"
DBT_ENDS_WITHIN_SECONDS = 30.0
# Marks the runs made under the lock: whoever holds it knows that every other one of them is dead.
STARTED_BY = {"customer_lifecycle/started_by": "orchestration.run"}
UNDER_WAY = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


class AnotherRunError(RuntimeError):
    """Another run of the same company is under way; the message names its process."""


@contextmanager
def only_run(state: Path) -> Iterator[None]:
    """Hold the company's state for one run; the system lets go of it when the process ends, however it ends.

    Raises:
        AnotherRunError: another process holds it.
    """
    state.mkdir(parents=True, exist_ok=True)
    with (state / LOCK).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            other = file.read().strip()
            msg = f"Another run is under way (process {other}). Wait for its end, or stop it, and run again."
            raise AnotherRunError(msg) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def end_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark the runs that a killed process left behind as failed and free their pool; returns their ids.

    Without it the pool's only slot would stay taken, and the next run would wait for ever.
    """
    left = instance.get_runs(dg.RunsFilter(statuses=list(UNDER_WAY), tags=STARTED_BY))
    for run in left:
        instance.report_run_failed(run, "The process of this run was killed; a later run found it and ended it.")
    # A run may also die between its last step and its record: its slot is freed as well.
    storage = instance.event_log_storage
    holders = {run for pool in storage.get_concurrency_keys() for run in _holders(instance, pool)}
    for run_id in holders:
        if _is_over(instance, run_id):
            storage.free_concurrency_slots_for_run(run_id)
    return [run.run_id for run in left]


def _holders(instance: dg.DagsterInstance, pool: str) -> set[str]:
    info = instance.event_log_storage.get_concurrency_info(pool)
    return {*info.active_run_ids, *info.pending_run_ids}


def _is_over(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is None or run.is_finished


@contextmanager
def noted_dbt(state: Path, pid: int) -> Iterator[None]:
    """Note the dbt process of a run while it works, so that the next run can end it should this one be killed."""
    note = state / DBT
    note.write_text(str(pid))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def end_orphaned_dbt(state: Path) -> None:
    """End the dbt of a killed run: it would write the warehouse between the steps of this run."""
    note = state / DBT
    if not note.exists():
        return
    pid = int(note.read_text() or 0)
    deadline = time.monotonic() + DBT_ENDS_WITHIN_SECONDS
    while _is_dbt(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.5)
    note.unlink(missing_ok=True)


def _is_dbt(pid: int) -> bool:
    """Whether the process still is the dbt that was noted; the system gives old numbers to new processes."""
    said = subprocess.run(  # noqa: S603 - fixed arguments
        ["/bin/ps", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return "dbt" in said and "build" in said and not said.startswith("Z")
