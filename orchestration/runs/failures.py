"""What went wrong in a run, read from its events: for people who were not there.

Belongs here: the failed steps and checks of a run with their innermost reason. Does not belong here: whom to tell
(`orchestration.alerting.alerts`).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

INTERRUPTIONS = ("KeyboardInterrupt", "DagsterExecutionInterruptedError")
# Raised by Dagster beside the evaluation of a blocking check, which says more.
OF_A_CHECK = "DagsterAssetCheckFailedError"
LONGEST_REASON = 600
EVALUATED = dg.DagsterEventType.ASSET_CHECK_EVALUATION
# Our own errors are sentences for people; where they come from is not.
OUR_ERROR = re.compile(r"^(?:companies|feature_definitions|ingestion|ml|orchestration)\.[\w.]+: ")
PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")


@dataclass(frozen=True)
class Cause:
    """One thing that failed.

    Attributes:
        what: `step land_raw_tables`, `check raw/deals: rows_are_accounted_for`, or `run` where no step had begun.
        step: name of the step; empty for the run itself.
        asset: path of a check's asset; empty otherwise.
    """

    what: str
    reason: str
    step: str = ""
    asset: str = ""


def causes(instance: dg.DagsterInstance, run_id: str) -> tuple[Cause, ...]:
    """What failed in a run, checks first; none where a person stopped it."""
    events = [entry.dagster_event for entry in instance.all_logs(run_id) if entry.dagster_event is not None]
    errors = [error for event in events if (error := _error(event)) is not None]
    if any(one.cls_name in INTERRUPTIONS for error in errors for one in _chain(error)):
        return ()
    checks = [_of_check(event) for event in events if event.event_type == EVALUATED and _stops(event)]
    steps = [
        Cause(f"step {event.step_key}", _reason(event), event.step_key or "")
        for event in events
        if event.is_step_failure and not (checks and _names(event, OF_A_CHECK))
    ]
    return (*checks, *steps) or tuple(Cause("run", _reason(event)) for event in events if event.is_run_failure)


def warnings_of(instance: dg.DagsterInstance, run_id: str) -> dict[str, str | None]:
    """Every check that a run evaluated: its reason where it warned, None where it held."""
    entries = instance.all_logs(run_id, of_type=EVALUATED)
    found: dict[str, str | None] = {}
    for entry in entries:
        if entry.dagster_event is not None:
            of = entry.dagster_event.asset_check_evaluation_data
            warns = not of.passed and of.severity == dg.AssetCheckSeverity.WARN
            found[f"{of.asset_key.to_user_string()}: {of.check_name}"] = _said(of) if warns else None
    return found


def finished_steps(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    """The steps that a run ended well."""
    return {
        stats.step_key
        for stats in instance.get_run_step_stats(run_id)
        if stats.status and stats.status.name == "SUCCESS"
    }


def _stops(event: dg.DagsterEvent) -> bool:
    of = event.asset_check_evaluation_data
    return not of.passed and of.severity == dg.AssetCheckSeverity.ERROR


def _of_check(event: dg.DagsterEvent) -> Cause:
    of = event.asset_check_evaluation_data
    asset = of.asset_key.to_user_string()
    return Cause(f"check {asset}: {of.check_name}", _said(of), event.step_key or "", asset)


def _said(of: dg.AssetCheckEvaluation) -> str:
    """What a check says of itself: its description, else its figures."""
    if of.description:
        return _short(of.description)
    figures = [
        f"{name} {value.value}" for name, value in of.metadata.items() if isinstance(value.value, (str, int, float))
    ]
    return _short("; ".join(figures)) or "it does not hold"


def _error(event: dg.DagsterEvent) -> SerializableErrorInfo | None:
    """The error of a failed step or run; a run that died has none, only a message."""
    if event.is_step_failure:
        return event.step_failure_data.error
    has_data = event.is_run_failure and event.event_specific_data is not None
    return event.job_failure_data.error if has_data else None


def _chain(error: SerializableErrorInfo) -> Iterator[SerializableErrorInfo]:
    """An error and what caused it, the innermost last."""
    found: SerializableErrorInfo | None = error
    while found is not None:
        yield found
        found = found.cause


def _names(event: dg.DagsterEvent, error_class: str) -> bool:
    error = _error(event)
    return error is not None and any(one.cls_name == error_class for one in _chain(error))


def _reason(event: dg.DagsterEvent) -> str:
    """The innermost message, which our errors write for people; else what Dagster says of the event."""
    if event.is_step_failure and event.step_failure_data.user_failure_data is not None:
        return _short(event.step_failure_data.user_failure_data.description or event.message or "")
    error = _error(event)
    message = list(_chain(error))[-1].message if error is not None else event.message
    return _short(message or "no message")


def _short(text: str) -> str:
    """One line, not too long, without our error's name and the password of an address that an error may show."""
    line = PASSWORD.sub(r"\1***@", OUR_ERROR.sub("", " ".join(text.split())))
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]} ..."
