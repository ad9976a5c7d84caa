"""Jobs launched in this process, against the same Dagster instance that the UI shows.

Belongs here: holding the company for a sequence of jobs, executing a job for a month or a range of months, and telling
what became of it: times, failing checks, the cause of a failure, an interruption. Does not belong here: which jobs
follow one another (`orchestration.run`), the command line (`orchestration.cli`), what a job does.
"""

import contextlib
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import duckdb
from dagster._core.instance import InstanceRef
from dagster_shared.error import SerializableErrorInfo

from orchestration import coverage
from orchestration.deployment.instance import point_dagster_at, reach_databases
from orchestration.resources import Deployment
from orchestration.runs import progress
from orchestration.runs.dead_runs import COMPANY_TAG
from orchestration.runs.exclusive import Tell, only_run

INTERRUPTIONS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


@dataclass(frozen=True)
class Timing:
    """Seconds of one step; `definitions` stands for imports and loading the graph."""

    step: str
    seconds: float


@dataclass(frozen=True)
class FailingCheck:
    """A check that did not hold; `blocking` ones end the run."""

    asset: str
    check: str
    severity: str


@dataclass(frozen=True)
class JobRun:
    """One job that succeeded.

    Attributes:
        seconds: from the run's start to its end.
        months: first and last month of the run's partitions; empty for a job without.
        timings: seconds of each step.
    """

    job: str
    run_id: str
    seconds: float
    months: tuple[str, ...]
    timings: tuple[Timing, ...]
    failing_checks: tuple[FailingCheck, ...]


class RunFailedError(RuntimeError):
    """A job ended without success; the message names the step and what went wrong in it.

    Attributes:
        run_id: the run in Dagster; empty where none was started.
    """

    def __init__(self, message: str, run_id: str = "") -> None:
        super().__init__(message)
        self.run_id = run_id


class MonthError(ValueError):
    """A month is not one of the company's partitions; the message says which there are."""


@dataclass
class Launcher:
    """Executes jobs of one company; made by `launching`.

    Attributes:
        loading: imports and loading the graph.
        runs: the jobs that succeeded so far.
    """

    deployment: Deployment
    defs: dg.Definitions
    instance: dg.DagsterInstance
    loading: Timing
    is_quiet: bool = False
    runs: list[JobRun] = field(default_factory=list)

    @property
    def timings(self) -> list[Timing]:
        """Of everything so far."""
        return [self.loading, *(timing for run in self.runs for timing in run.timings)]

    def execute(
        self, job: str, *months: str, assets: Sequence[str] = (), ops: Mapping[str, Any] | None = None
    ) -> JobRun:
        """Execute a job: without months, for one month, or for the range from the first to the second.

        Args:
            assets: keys (`models/churn`) of the job's assets to make instead of all.
            ops: configuration of the job's ops, by name.

        Raises:
            RunFailedError: a step failed or a blocking check does not hold.
            KeyboardInterrupt: a person or the system stopped the run; Dagster has it on record as canceled.
        """
        first, last = (months[0], months[-1]) if months else ("", "")
        ends = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
        try:
            result = self.defs.resolve_job_def(job).execute_in_process(
                run_config={"loggers": {"progress": {"config": {"quiet": self.is_quiet}}}, "ops": dict(ops or {})},
                instance=self.instance,
                tags={COMPANY_TAG: self.deployment.company_name, **(ends if first != last else {})},
                partition_key=first if months and first == last else None,
                asset_selection=[self.deployment.asset_key(*asset.split("/")) for asset in assets] or None,
                raise_on_error=False,
            )
        finally:
            progress.end()
        if not result.success:
            if _was_interrupted(result):
                # Dagster has recorded a failure, which somebody would be asked to mend.
                self.instance.report_run_canceled(result.dagster_run, "A person or the system stopped this run.")
                raise KeyboardInterrupt
            raise RunFailedError(_why(result), result.run_id)
        self.runs.append(self._made(job, months, result))
        return self.runs[-1]

    def _made(self, job: str, months: tuple[str, ...], result: dg.ExecuteInProcessResult) -> JobRun:
        steps = self.instance.get_run_step_stats(result.run_id)
        timings = [Timing(step.step_key, (step.end_time or 0.0) - (step.start_time or 0.0)) for step in steps]
        failing = [
            FailingCheck(check.asset_key.to_user_string(), check.check_name, check.severity.value)
            for check in result.get_asset_check_evaluations()
            if not check.passed
        ]
        record = self.instance.get_run_record_by_id(result.run_id)
        seconds = ((record.end_time or 0.0) - (record.start_time or 0.0)) if record else 0.0
        return JobRun(job, result.run_id, seconds, tuple(dict.fromkeys(months)), tuple(timings), tuple(failing))


def tell_waiting(text: str) -> None:
    """Print who is waited for, beside the progress."""
    progress.wide_console(stderr=True).print(text, markup=False, highlight=False)


@contextmanager
def launching(
    deployment: Deployment, *, is_quiet: bool = False, wait: Tell | None = tell_waiting
) -> Iterator[Launcher]:
    """Hold the company and load its definitions; its runs put in order first what killed ones left.

    Args:
        wait: told once which run of this company is waited for; without it nothing is waited for.

    Raises:
        AnotherRunError: another run of this company is under way, and `wait` is not given.
        ManifestError: dbt refuses its project.
        DatabaseUnreachableError: a database does not answer.
    """
    reach_databases(deployment)
    with only_run(deployment.state, "lifecycle", wait=wait):
        started = time.monotonic()
        point_dagster_at(deployment)
        from orchestration.build import build_defs

        defs = build_defs(deployment)
        loading = Timing("definitions", time.monotonic() - started)
        # dbt's own output goes to a file, not between the progress lines.
        console = deployment.state / "console.log"
        with instance(deployment) as opened, console.open("w") as output, contextlib.redirect_stdout(output):
            yield Launcher(deployment, defs, opened, loading, is_quiet)


def instance(deployment: Deployment) -> dg.DagsterInstance:
    """The instance of the UI, without a copy of our output; `point_dagster_at` says whose.

    Dagster's copies are made by four processes a job, which would print tracebacks of their own at Ctrl-C.
    """
    silent = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    home = str(deployment.dagster_home)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(home, overrides={"compute_logs": silent}))


def months(deployment: Deployment) -> Sequence[str]:
    """Every complete month of the company, oldest first.

    Raises:
        RunFailedError: there is none yet.
    """
    found = coverage.complete_months(deployment.company)
    if not found:
        message = f"no month of {deployment.company_name} is complete yet; check history_starts_on and data_until."
        raise RunFailedError(message)
    return found


def known_month(deployment: Deployment, month: str) -> str:
    """The month, if it is a partition.

    Raises:
        MonthError: it is none.
    """
    known = months(deployment)
    if month not in known:
        message = f"'{month}' is no month of {deployment.company_name}: known are {known[0]} to {known[-1]}."
        raise MonthError(message)
    return month


def newest_month(deployment: Deployment) -> str:
    """The last month the data cover to its end: a source may end long before today.

    Raises:
        RunFailedError: there is no warehouse that could say so.
    """
    months(deployment)
    if not deployment.warehouse_path.exists():
        message = f"there is no {deployment.warehouse_path} yet; make it: lifecycle refresh"
        raise RunFailedError(message)
    try:
        with deployment.warehouse(read_only=True) as connection:
            told = coverage.metadata(connection)
    except duckdb.CatalogException as error:
        message = (
            f"{deployment.warehouse_path} does not say yet which months the data cover; make it: lifecycle refresh"
        )
        raise RunFailedError(message) from error
    return coverage.newest_month(deployment.company, told.get(coverage.LAST_AS_OF))


def peak_megabytes() -> float:
    """Peak resident memory in MB of the largest process of the run: this one, or a dbt it started."""
    usages = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usages) / 1024


def _was_interrupted(result: dg.ExecuteInProcessResult) -> bool:
    """Whether Ctrl-C or SIGTERM ended the job; Dagster turns both into a failure of its own."""
    steps = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    jobs = [event.job_failure_data.error for event in result.all_events if event.is_job_failure]
    return any(error is not None and _is_interruption(error) for error in [*steps, *jobs])


def _is_interruption(error: SerializableErrorInfo) -> bool:
    """Whether the error or what caused it is an interruption; DuckDB tells of its own with a plain RuntimeError."""
    found: SerializableErrorInfo | None = error
    while found is not None:
        if found.cls_name in INTERRUPTIONS or "Query interrupted" in found.message:
            return True
        found = found.cause
    return False


def _why(result: dg.ExecuteInProcessResult) -> str:
    """The innermost cause of the first failed step; of a failed blocking check, where to look."""
    for event in result.all_events:
        if event.is_step_failure:
            return cause(event.step_key or "", event.step_failure_data.error)
    return "A blocking check does not hold; see above."


def cause(step: str, error: SerializableErrorInfo | None) -> str:
    """A failed step in a sentence: its name and the innermost cause."""
    while error is not None and error.cause is not None:
        error = error.cause
    return f"Step {step}: {error.message.strip() if error else 'no message'}"
