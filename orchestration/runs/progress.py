"""What a person sees while a run is under way: one line when a step starts, one when it ends, and what failed.

On a terminal a bar below the lines shows how many steps are done, which one is under way, for how long, and how many
checks do not hold. Belongs here: turning Dagster's events into lines. Does not belong here: the summary after the run.
"""

import logging
import time
from typing import Any

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

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


class Bar:
    """The line at the bottom of a terminal: steps done of all, time, checks that do not hold, the step under way."""

    def __init__(self, console: Console, steps: int) -> None:
        columns = (BarColumn(24), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[failing]}"))
        # The run's own output is redirected already, and its standard output belongs to the result.
        self.progress = Progress(
            *columns,
            TextColumn("{task.description}", style="bold"),
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self.task = self.progress.add_task("", total=steps, failing="")
        self.failing = 0
        self.progress.start()

    def starts(self, step: str) -> None:
        """A step is under way."""
        self.progress.update(self.task, description=step)

    def ends(self) -> None:
        """A step is over, whatever became of it."""
        self.progress.update(self.task, advance=1, description="")

    def fails(self) -> None:
        """One more check does not hold."""
        self.failing += 1
        words = "check does not hold" if self.failing == 1 else "checks do not hold"
        self.progress.update(self.task, failing=f"[yellow]{self.failing} {words}[/yellow]")


class ProgressHandler(logging.Handler):
    """Print steps as they start and end; a step's own messages go beneath it.

    Args:
        steps: number of steps of the job, for the bar.
        is_quiet: print only what failed.
    """

    def __init__(self, console: Console, steps: int = 0, *, is_quiet: bool = False) -> None:
        # Dagster reports its events as debug records; what is shown is decided by `emit`.
        super().__init__(logging.DEBUG)
        self.console = console
        self.is_quiet = is_quiet
        self.started: dict[str, float] = {}
        self.bar = Bar(console, steps) if console.is_terminal and steps and not is_quiet else None

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.progress.stop()
            self.bar = None
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the record if a person waiting for the run would want it."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is not None and self.bar is not None:
            self._move(self.bar, event)
        if self.is_quiet and getattr(event, "event_type_value", None) != "STEP_FAILURE":
            return
        self._tell(record, meta, event)

    def _move(self, bar: Bar, event: Any) -> None:  # noqa: ANN401 - Dagster's event
        kind = event.event_type_value
        if kind == "STEP_START":
            bar.starts(event.step_key)
        elif kind in ("STEP_SUCCESS", "STEP_FAILURE", "STEP_SKIPPED"):
            bar.ends()
        elif kind == "ASSET_CHECK_EVALUATION" and not event.event_specific_data.passed:
            bar.fails()

    def _tell(self, record: logging.LogRecord, meta: dict[str, Any], event: Any) -> None:  # noqa: ANN401 - as above
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
        now = time.monotonic()
        return f"{now - self.started.get(step, now):.1f} s"


@dg.logger(
    {"quiet": dg.Field(bool, default_value=False, description="Print only what failed.")},
    description="One line a step, for a person who waits.",
)
def progress_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """The console logger of all jobs."""
    end()
    logger = logging.getLogger(NAME)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    steps = len(context.job_def.nodes) if context.job_def else 0
    logger.handlers = [ProgressHandler(wide_console(stderr=True), steps, is_quiet=context.logger_config["quiet"])]
    return logger


def end() -> None:
    """Take the bar of the last job away; nothing happens without one."""
    for handler in logging.getLogger(NAME).handlers:
        handler.close()
