"""A run alone with its company, and the end of what a killed one left: its record, its slot of the pool, its dbt.

Belongs here: the life of a Dagster run under the lock, and telling Dagster of a run's death, once its note
(`orchestration.runs.exclusive`) shows it. Does not belong
here: whether it is tried again (`dagster.yaml`, `run_retries`), when the daemon looks (`orchestration.sensors`).
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError, raise_execution_interrupts
from dagster._core.events import JobFailureData, RunFailureReason

from orchestration.runs import exclusive

DBT = "dbt.pid"
# By this variable dbt is told its file (`orchestration.assets.warehouse`).
WAREHOUSE = "LIFECYCLE_WAREHOUSE"
DBT_ENDS_WITHIN_SECONDS = 30.0
COMPANY_TAG = "customer_lifecycle/company"
UNDER_WAY = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)
# Showing its life is the first thing a started run does; only its definitions are loaded before.
SHOWS_LIFE_WITHIN = timedelta(minutes=10)
WHY = "The process of this run was killed."


@contextmanager
def alone(
    instance: dg.DagsterInstance, run: dg.DagsterRun, state: Path, company: str, tell: exclusive.Tell
) -> Iterator[None]:
    """Hold the company for a run, and begin with ending what killed runs left.

    What a person ends while it waits ends at once; what is over on record does not begin.

    Args:
        tell: told once who holds the company if it has to be waited for.

    Raises:
        DagsterExecutionInterruptedError: the run was ended on record while its process waited, or a step of it began
            after its own process was killed and found to be dead.
    """
    with ExitStack() as stack:
        with raise_execution_interrupts():
            living = exclusive.living_run(state, run.run_id, run.job_name, tell)
            if stack.enter_context(living):
                if _is_over(instance.get_run_by_id(run.run_id)):
                    raise DagsterExecutionInterruptedError
                end_orphaned_dbt(state)
                end_dead_runs(instance, state, company)
        yield


def end_dead_runs(instance: dg.DagsterInstance, state: Path, company: str) -> list[str]:
    """Mark the company's runs whose process died as failed (or canceled) and free their pool; returns their ids.

    Without it the pool's only slot and the company's place in the queue would stay taken, and the next run would wait
    for ever. Runs that wait for the company's lock live, and so do runs of any other company.
    """
    ended = [run.run_id for run in [*_without_life(instance, state), *_never_alive(instance, state, company)]]
    # A run may also die between its last step and its record: its slot is freed as well.
    storage = instance.event_log_storage
    holders = {run for pool in storage.get_concurrency_keys() for run in _holders(instance, pool)}
    for run_id in holders:
        if _is_over(instance.get_run_by_id(run_id)):
            storage.free_concurrency_slots_for_run(run_id)
    return ended


def _without_life(instance: dg.DagsterInstance, state: Path) -> Iterator[dg.DagsterRun]:
    """End and yield the runs whose note nobody holds; notes of runs that are over go as well."""
    for note in exclusive.live_runs(state):
        run = instance.get_run_by_id(note.name)
        if _is_over(run):
            exclusive.forget(note)
        elif run is not None and not exclusive.lives(note):
            _report(instance, run)
            exclusive.forget(note)
            yield run


def _never_alive(instance: dg.DagsterInstance, state: Path, company: str) -> Iterator[dg.DagsterRun]:
    """End and yield the runs that died after Dagster's record of their start and before they could show their life."""
    noted = {note.name for note in exclusive.live_runs(state)}
    wanted = dg.RunsFilter(statuses=list(UNDER_WAY), tags={COMPANY_TAG: company})
    for record in instance.get_run_records(wanted):
        heard_of = record.update_timestamp.replace(tzinfo=record.update_timestamp.tzinfo or UTC)
        if record.dagster_run.run_id not in noted and datetime.now(UTC) - heard_of > SHOWS_LIFE_WITHIN:
            _report(instance, record.dagster_run)
            yield record.dagster_run


def _report(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Tell Dagster; it tries a failed run again (`run_retries`), one that a person was stopping it does not."""
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, WHY)
    else:
        instance.report_run_failed(run, WHY, JobFailureData(None, RunFailureReason.UNEXPECTED_TERMINATION))


def _holders(instance: dg.DagsterInstance, pool: str) -> set[str]:
    info = instance.event_log_storage.get_concurrency_info(pool)
    return {*info.active_run_ids, *info.pending_run_ids}


def _is_over(run: dg.DagsterRun | None) -> bool:
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
    """End the dbt of a killed run: it would write the warehouse between the steps of this run.

    Only for who holds the company: of nobody else's dbt there is a note then.
    """
    note = state / DBT
    if not note.exists():
        return
    pid = int(note.read_text() or 0)
    deadline = time.monotonic() + DBT_ENDS_WITHIN_SECONDS
    while is_dbt(pid, state):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM if time.monotonic() < deadline else signal.SIGKILL)
        time.sleep(0.5)
    note.unlink(missing_ok=True)


def is_dbt(pid: int, state: Path) -> bool:
    """Whether the process still is the company's dbt; the system gives old numbers to new processes, to dbts as well.

    Its environment names the warehouse it works on.
    """
    said = subprocess.run(  # noqa: S603 - fixed arguments
        ["/bin/ps", "eww", "-o", "stat=,args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return f"{WAREHOUSE}={state}/" in said and "dbt" in said and "build" in said and not said.startswith("Z")
