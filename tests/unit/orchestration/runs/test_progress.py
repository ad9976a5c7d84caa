import io
import logging
from types import SimpleNamespace

import dagster as dg
import pytest
from rich.console import Console

from orchestration.runs.progress import ProgressHandler


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def handler(output: io.StringIO) -> ProgressHandler:
    return ProgressHandler(Console(file=output, width=150))


def record(level: int = logging.INFO, text: str = "", **meta: object) -> logging.LogRecord:
    made = logging.LogRecord("dagster", level, "", 0, text, None, None)
    made.dagster_meta = {"orig_message": text} | meta
    return made


def event(kind: str, data: object = None) -> logging.LogRecord:
    found = SimpleNamespace(event_type_value=kind, step_key="models__churn", event_specific_data=data)
    return record(logging.DEBUG, dagster_event=found)


def test_a_step_is_a_line_when_it_starts_and_when_it_ends(handler: ProgressHandler, output: io.StringIO) -> None:
    """The person who waits sees what is under way and how long it took."""
    for kind in ("STEP_START", "STEP_SUCCESS", "STEP_FAILURE", "STEP_OUTPUT"):
        handler.emit(event(kind))
    lines = output.getvalue().splitlines()
    assert lines[0] == "models__churn ..."
    assert lines[1].startswith("✓ models__churn 0.")
    assert lines[2].startswith("✗ models__churn failed")
    assert len(lines) == 3


def test_only_checks_that_do_not_hold_are_shown(handler: ProgressHandler, output: io.StringIO) -> None:
    """A check that holds needs no attention."""
    for passed in (True, False):
        check = SimpleNamespace(
            passed=passed,
            severity=dg.AssetCheckSeverity.WARN,
            asset_key=dg.AssetKey(["models", "churn"]),
            check_name="is_calibrated",
        )
        handler.emit(event("ASSET_CHECK_EVALUATION", check))
    assert output.getvalue().strip() == "check is_calibrated of models/churn does not hold"


def test_messages_of_steps_are_shown_as_written(handler: ProgressHandler, output: io.StringIO) -> None:
    """What a step says and every warning is shown, brackets included; Dagster's and dbt's own chatter is not."""
    handler.emit(record(text="deals: 3 rows [csv]", step_key="land"))
    handler.emit(record(logging.WARNING, "the disk is nearly full"))
    handler.emit(record(text="Finished run", step_key=None))
    handler.emit(record(text="Running dbt command: `dbt build`", step_key="build"))
    assert [line.strip() for line in output.getvalue().splitlines()] == [
        "deals: 3 rows [csv]",
        "the disk is nearly full",
    ]


def test_what_follows_from_a_failure_is_not_listed(handler: ProgressHandler, output: io.StringIO) -> None:
    """Twenty steps that were not executed would hide the one that failed."""
    text = "Dependencies for step models__churn were not executed: ['dbt_features']. Not executing."
    handler.emit(record(logging.ERROR, text, step_key="models__churn"))
    assert output.getvalue() == ""


def test_on_a_terminal_a_bar_counts_steps_and_failing_checks(output: io.StringIO) -> None:
    """The bar shows steps done of all, the step under way and how many checks do not hold, and goes at the end."""
    console = Console(file=output, width=150, force_terminal=True, color_system=None)
    handler = ProgressHandler(console, steps=3)
    assert handler.bar is not None
    handler.emit(event("STEP_START"))
    handler.emit(event("ASSET_CHECK_EVALUATION", SimpleNamespace(**failing())))
    (task,) = handler.bar.progress.tasks
    assert (task.completed, task.total, task.description) == (0, 3, "models__churn")
    assert "1 check does not hold" in task.fields["failing"]
    handler.emit(event("STEP_SUCCESS"))
    assert (task.completed, task.description) == (1, "")
    handler.close()
    assert handler.bar is None


def test_where_it_should_be_quiet_only_failures_are_told(output: io.StringIO) -> None:
    """A job under cron prints nothing while all goes well."""
    handler = ProgressHandler(Console(file=output, width=150), is_quiet=True)
    for kind in ("STEP_START", "STEP_SUCCESS", "STEP_FAILURE"):
        handler.emit(event(kind))
    handler.emit(record(text="deals: 3 rows", step_key="land"))
    assert output.getvalue().splitlines() == ["✗ models__churn failed 0.0 s"]


def failing() -> dict[str, object]:
    key = dg.AssetKey(["models", "churn"])
    return {
        "passed": False,
        "severity": dg.AssetCheckSeverity.WARN,
        "asset_key": key,
        "check_name": "is_calibrated",
    }
