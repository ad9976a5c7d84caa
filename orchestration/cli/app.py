"""The application: its commands, and how a fault becomes a sentence and an exit code.

Belongs here: assembling the commands of this package's modules. Does not belong here: any command.
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import click
import typer

from orchestration.cli import deciding, diagnosing, reporting, running, standing, upkeep
from orchestration.cli.options import Command, Commands, Given, Launching
from orchestration.cli.output import console, write_json
from orchestration.deployment.exit_codes import FAILED, INTERRUPTED, OK, WRONG_SETTINGS

HELP = """The pipeline of one company: land, transform, train, predict, publish.

Every command drives the jobs that the UI shows; their runs, checks and figures are there as well.

Exit codes: 0 done, 1 failed, 2 wrong settings or usage, 3 refused (another run is under way, a gate was missed, nobody
confirmed), 130 interrupted.

Examples:

  lifecycle run --company olist

  lifecycle status --json | jq '.jobs[] | select(.status != "SUCCESS")'

  lifecycle --install-completion
"""
FIRST, READ, DECIDE, KEEP = "Make", "Look", "Decide on models", "Keep in order"
COMMANDS = (
    (FIRST, running.run),
    (FIRST, running.land),
    (FIRST, running.refresh),
    (FIRST, running.train),
    (FIRST, running.score),
    (FIRST, running.forecast),
    (FIRST, running.publish),
    (FIRST, running.backfill),
    (READ, standing.status),
    (READ, upkeep.ui),
    (READ, reporting.metrics),
    (READ, reporting.features),
    (READ, reporting.scenario),
    (READ, reporting.training_set),
    (READ, reporting.docs),
    (DECIDE, deciding.promote),
    (DECIDE, deciding.reject),
    (DECIDE, deciding.rollback),
    (KEEP, diagnosing.doctor),
    (KEEP, upkeep.reset),
    (KEEP, upkeep.env),
)


def application() -> typer.Typer:
    """The application with every command."""
    made = typer.Typer(
        name="lifecycle",
        help=HELP,
        cls=Commands,
        no_args_is_help=True,
        suggest_commands=False,  # click does
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    # Without a callback of its own, typer takes the group's options for those of its only command.
    made.callback()(_nothing)
    for panel, command in COMMANDS:
        name = command.__name__.replace("_", "-")
        kind = Launching if panel is FIRST else Command
        made.command(name, cls=kind, rich_help_panel=panel)(command)
    return made


def _nothing() -> None:
    """The options before a command's name are kept by `orchestration.cli.options`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; returns the exit code. What is written here is all that a person sees."""
    # A usage error may come before the parser reaches the option.
    options = Given(is_json="--json" in (sys.argv[1:] if arguments is None else arguments))
    group = typer.main.get_command(application())
    try:
        code = group.main(arguments, prog_name="lifecycle", standalone_mode=False, obj=options)
    except click.UsageError as fault:
        fault.show(sys.stderr)
        return _told(fault.format_message(), WRONG_SETTINGS, options)
    except (Exception, KeyboardInterrupt) as fault:
        from orchestration.cli.failures import exit_code, message

        known = exit_code(fault)
        if known is None:
            _told(f"{type(fault).__name__}: {fault}", FAILED, options)
            raise
        console(stderr=True).print(message(fault), style="red", markup=False)
        return _told(message(fault), known, options, run_id=getattr(fault, "run_id", ""))
    if code == INTERRUPTED:  # typer has made an exit code of the interruption
        from orchestration.cli.failures import STOPPED

        console(stderr=True).print(STOPPED, style="red")
        return _told(STOPPED, INTERRUPTED, options)
    return OK if code is None else int(code)


def _told(said: str, code: int, options: Given, **facts: str) -> int:
    if options.is_json:
        write_json(
            {"ok": False, "exit_code": code, "error": said, **{name: fact for name, fact in facts.items() if fact}}
        )
    return code


def entry() -> NoReturn:
    """The script `lifecycle`."""
    leave(main())


def leave(code: int) -> NoReturn:
    """End the process without tearing the interpreter down.

    Everything is written and closed by now. A library's daemon thread can keep DuckDB's module alive through the
    teardown, whose binding then prints pages about leaked types after the summary.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
