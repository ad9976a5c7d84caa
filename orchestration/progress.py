"""What a person sees while a run is under way: one line when a step starts, one when it ends, and what failed.

Belongs here: turning Dagster's events into lines. Does not belong here: the summary after the run.
"""

import logging
import time
from typing import Any

import dagster as dg
from rich.console import Console

NAME = "customer_lifecycle_progress"


# Wide enough for the summary's tables where the output is no terminal (a log file, CI).
WIDTH_WITHOUT_TERMINAL = 150
# What dagster-dbt says of its own workings while a step runs.
NOISE = ("dbt command", "dbt subsetted execution", "partial parsing", "Logging an `AssetObservation`")


def wide_console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough for the tables where there is none."""
    console = Console(stderr=stderr)
    return console if console.is_terminal else Console(stderr=stderr, width=WIDTH_WITHOUT_TERMINAL)


# Of every step behind a failed one; the failure itself is what a person needs to see.
FOLLOWS_FROM_A_FAILURE = "Not executing."


class ProgressHandler(logging.Handler):
    """Print steps as they start and end; a step's own messages go beneath it."""

    def __init__(self, console: Console) -> None:
        # Dagster reports its events as debug records; what is shown is decided by `emit`.
        super().__init__(logging.DEBUG)
        self.console = console
        self.started: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record if a person waiting for the run would want it."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is None:
            self._message(record, meta)
        elif event.event_type_value == "STEP_START":
            self.started[event.step_key] = time.monotonic()
            self.console.print(f"[bold]{event.step_key}[/bold] ...")
        elif event.event_type_value == "STEP_SUCCESS":
            self.console.print(f"[green]✓[/green] {event.step_key} [dim]{self._seconds(event.step_key)}[/dim]")
        elif event.event_type_value == "STEP_FAILURE":
            self.console.print(f"[red]✗ {event.step_key} failed[/red] {self._seconds(event.step_key)}")
        elif event.event_type_value == "ASSET_CHECK_EVALUATION":
            self._check(event.event_specific_data)

    def _message(self, record: logging.LogRecord, meta: dict[str, Any]) -> None:
        text = str(meta.get("orig_message") or record.getMessage())
        if text.endswith(FOLLOWS_FROM_A_FAILURE):
            return
        is_said_by_a_step = record.levelno == logging.INFO and meta.get("step_key")
        if record.levelno > logging.INFO or (is_said_by_a_step and not any(words in text for words in NOISE)):
            self.console.print(f"    {text}", style="dim", markup=False, highlight=False)

    def _check(self, evaluation: Any) -> None:  # noqa: ANN401 - Dagster's event data
        if evaluation.passed:
            return
        colour = "yellow" if evaluation.severity == dg.AssetCheckSeverity.WARN else "red"
        where = evaluation.asset_key.to_user_string()
        self.console.print(f"    [{colour}]check {evaluation.check_name} of {where} does not hold[/{colour}]")

    def _seconds(self, step: str) -> str:
        return f"{time.monotonic() - self.started.get(step, time.monotonic()):.1f} s"


@dg.logger(None, description="One line a step, for a person who waits.")
def progress_logger(_context: dg.InitLoggerContext) -> logging.Logger:
    """The console logger of all jobs."""
    logger = logging.getLogger(NAME)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers = [ProgressHandler(wide_console(stderr=True))]
    return logger
