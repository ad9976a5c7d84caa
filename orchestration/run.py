"""`make run`: the jobs a person would launch from the UI, one after the other, and a summary at the end.

Belongs here: launching jobs in this process against the same Dagster instance that the UI shows, choosing months,
and turning failures into messages. Does not belong here: what a job does, and how the summary looks.
"""

import argparse
import contextlib
import os
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import dagster as dg
from dagster._core.instance import InstanceRef
from dagster_shared.error import SerializableErrorInfo
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from companies.settings import CompanyError
from orchestration.dead_runs import COMPANY_TAG
from orchestration.exclusive import only_run
from orchestration.manifest import ManifestError
from orchestration.progress import wide_console
from orchestration.resources import Deployment, deployment_from_environment, point_dagster_at

OK, FAILED, WRONG_SETTINGS, INTERRUPTED = 0, 1, 2, 130
INTERRUPTIONS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")


@dataclass(frozen=True)
class Timing:
    """Seconds of one step; `definitions` stands for imports and loading the graph."""

    step: str
    seconds: float


class RunFailedError(RuntimeError):
    """A job ended without success; the message names the step and what went wrong in it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything for one company; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m orchestration.run", description=__doc__)
    parser.add_argument("--company", help="overrides LIFECYCLE_COMPANY")
    chosen = parser.parse_args(arguments)
    console = wide_console()
    try:
        deployment = deployment_from_environment(chosen.company)
        console.print(escape(deployment.company.title), style="bold")
        timings = run(deployment)
    except CompanyError as error:
        console.print(escape(str(error)), style="red", highlight=False)
        return WRONG_SETTINGS
    except (RunFailedError, ManifestError, OSError, SQLAlchemyError) as error:
        console.print(f"\n[red]The run failed.[/red] {escape(str(error))}", highlight=False)
        console.print("Nothing was published; readers stay on the last good snapshot. Mend the cause and run again.")
        return FAILED
    except KeyboardInterrupt:
        console.print("\nStopped. Nothing half-done is visible to readers; run again to continue.")
        return INTERRUPTED
    from orchestration.summary import print_summary

    print_summary(console, deployment, timings, peak_megabytes())
    return OK


def run(deployment: Deployment) -> list[Timing]:
    """Rebuild everything for the whole history, then score the newest month and publish.

    Another run of this company is waited for, whatever started it.

    Raises:
        RunFailedError: a step failed or a blocking check does not hold.
        ManifestError: dbt refuses its project.
        KeyboardInterrupt: a person or the system stopped the run; Dagster has it on record as failed.
    """
    with only_run(deployment.state, "make run", wait=_tell):
        return _run(deployment)


def _tell(text: str) -> None:
    wide_console().print(escape(text), highlight=False)


def _run(deployment: Deployment) -> list[Timing]:
    started = time.monotonic()
    point_dagster_at(deployment)
    from orchestration.build import build_defs

    defs = build_defs(deployment)
    loaded = Timing("definitions", time.monotonic() - started)
    # dbt's own output goes to a file, not between the progress lines.
    console = deployment.state / "console.log"
    with _instance(deployment) as instance, console.open("w") as output, contextlib.redirect_stdout(output):
        months = _months(deployment)
        span = {
            COMPANY_TAG: deployment.company_name,
            "dagster/asset_partition_range_start": months[0],
            "dagster/asset_partition_range_end": months[-1],
        }
        rebuilt = _execute(defs, instance, "rebuild", span)
        newest = _newest_month(deployment, months)
        company = {COMPANY_TAG: deployment.company_name}
        scored = _execute(defs, instance, "score_and_publish", company, partition_key=newest)
    return [loaded, *rebuilt, *scored]


def _instance(deployment: Deployment) -> dg.DagsterInstance:
    """The instance of the UI, without a copy of our output.

    Dagster's copies are made by four processes a job, which would print tracebacks of their own at Ctrl-C.
    """
    silent = {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"}
    home = str(deployment.dagster_home)
    return dg.DagsterInstance.from_ref(InstanceRef.from_dir(home, overrides={"compute_logs": silent}))


def _months(deployment: Deployment) -> Sequence[str]:
    from orchestration.partitions import monthly_as_of

    months = monthly_as_of(deployment.company).get_partition_keys()
    if not months:
        message = f"no month of {deployment.company_name} is complete yet; check history_starts_on and data_until."
        raise RunFailedError(message)
    return months


def _newest_month(deployment: Deployment, months: Sequence[str]) -> str:
    """The last month the data cover to its end: a source may end long before today."""
    with deployment.warehouse(read_only=True) as connection:
        rows = connection.execute("select last_as_of from intermediate.int_observation_window").fetchall()
    last = rows[0][0].strftime("%Y-%m") if rows and rows[0][0] else months[0]
    return max((month for month in months if month <= last), default=months[0])


def _execute(
    defs: dg.Definitions,
    instance: dg.DagsterInstance,
    job: str,
    tags: Mapping[str, str],
    partition_key: str | None = None,
) -> list[Timing]:
    result = defs.resolve_job_def(job).execute_in_process(
        run_config={"loggers": {"progress": {}}},
        instance=instance,
        tags=tags,
        partition_key=partition_key,
        raise_on_error=False,
    )
    if not result.success:
        if _was_interrupted(result):
            raise KeyboardInterrupt
        raise RunFailedError(_why(result))
    steps = instance.get_run_step_stats(result.run_id)
    return [Timing(step.step_key, (step.end_time or 0.0) - (step.start_time or 0.0)) for step in steps]


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
            error = event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            return f"Step {event.step_key}: {error.message.strip() if error else 'no message'}"
    return "A blocking check does not hold; see above."


def peak_megabytes() -> float:
    """Peak resident memory in MB of the largest process of the run: this one, or a dbt it started."""
    usages = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(usages) / 1024


def _leave(code: int) -> NoReturn:
    """End the process without tearing the interpreter down.

    Everything is written and closed by now. A library's daemon thread can keep DuckDB's module alive through the
    teardown, whose binding then prints pages about leaked types after the summary.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
