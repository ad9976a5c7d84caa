"""What a command prints: for people, or one JSON object on standard output.

Belongs here: the two consoles and the shape of the JSON that all commands share (`ok`, `company`, `exit_code`, and
`error` where it failed). Does not belong here: what a command has to say.
"""

import json
import sys
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from rich.console import Console

from orchestration.cli.options import given
from orchestration.deployment.exit_codes import OK


def tell(facts: Mapping[str, Any], show: Callable[[Console], object], code: int = OK) -> int:
    """Print the result: `facts` with `--json`, what `show` prints otherwise; returns the exit code."""
    if given().is_json:
        write_json({"ok": code == OK, "exit_code": code, **facts})
    else:
        show(console())
    return code


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough for tables where there is none."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=150)


def note(text: str, style: str | None = None) -> None:
    """A sentence beside the result: what is being done, what to do next; silent with `--quiet`."""
    if not given().is_quiet:
        console(stderr=True).print(text, style=style, markup=False)


def write_json(facts: Mapping[str, Any]) -> None:
    """One JSON object on standard output; days and instants as ISO 8601."""
    sys.stdout.write(json.dumps(facts, indent=2, default=_plain) + "\n")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
