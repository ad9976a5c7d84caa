"""The command `doctor`: what is sound, what is not, and how to mend it.

Belongs here: laying findings out, the exit code. Does not belong here: the examinations (`orchestration.diagnosis`).
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from orchestration.cli.options import given
from orchestration.cli.output import tell
from orchestration.deployment.exit_codes import FAILED, OK

if TYPE_CHECKING:
    from rich.console import Console

    from orchestration.diagnosis.finding import Finding

COMMAND = re.compile(r"\blifecycle (?=[a-z])")
MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "error": ("✗", "red")}


def doctor() -> int:
    """Examine the installation and the company's state; say how to mend what is wrong. Exit code 1 with an error.

    Example: lifecycle doctor --json | jq '.findings[] | select(.level == "error")'
    """
    from orchestration.diagnosis.examination import examine
    from orchestration.resources import deployment_from_environment

    deployment = deployment_from_environment(given().company)
    found = [_for_company(finding) for finding in examine(deployment)]
    code = FAILED if any(finding.level == "error" for finding in found) else OK
    facts = {"company": deployment.company_name, "findings": [asdict(finding) for finding in found]}
    return tell(facts, lambda console: _show(console, found), code)


def _for_company(finding: "Finding") -> "Finding":
    """Commands of the mend name the company that was asked for: the environment may name another."""
    asked = given().company
    return replace(finding, mend=COMMAND.sub(f"lifecycle --company {asked} ", finding.mend)) if asked else finding


def _show(console: "Console", found: "Sequence[Finding]") -> None:
    width = max(len(finding.check) for finding in found)
    for finding in found:
        if given().is_quiet and finding.level == "ok":
            continue
        mark, colour = MARKS[finding.level]
        console.print(f"[{colour}]{mark}[/{colour}] [bold]{finding.check:<{width}}[/bold] ", end="")
        console.print(finding.said, markup=False)
        if finding.mend:
            console.print(f"  {'':<{width}} → {finding.mend}", style=colour, markup=False)
    counts = {level: sum(finding.level == level for finding in found) for level in MARKS}
    console.print(f"\n{counts['ok']} sound, {counts['warning']} warnings, {counts['error']} errors")
