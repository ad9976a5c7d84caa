"""The page of the command line tells everything there is."""

import dataclasses
import re
from pathlib import Path

import click
import pytest
import typer

from orchestration import standing
from orchestration.cli import app
from orchestration.deployment import exit_codes
from orchestration.runs.failing_checks import CheckStanding
from orchestration.schedule_ticks import Tick

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how_to" / "command_line.md"
TOLD = PAGE.read_text(encoding="utf-8")
GROUP = typer.main.get_command(app.application())
OF_STATUS = (
    standing.Standing,
    standing.JobStanding,
    standing.SnapshotStanding,
    standing.ModelStanding,
    standing.Headline,
    standing.TableStanding,
    standing.Queued,
    CheckStanding,
    Tick,
)


def commands() -> dict[str, click.Command]:
    assert isinstance(GROUP, click.Group)
    return dict(GROUP.commands)


def rows(heading: str) -> str:
    """The part of the page below a heading."""
    return re.split(r"^## ", TOLD.split(f"\n## {heading}\n")[1], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_and_its_options_are_on_the_page(name: str) -> None:
    """Who reads the page misses no command; who reads its help misses no option."""
    assert re.search(rf"`{name}\b", rows("Commands"))
    silent = [parameter.name for parameter in commands()[name].params if not getattr(parameter, "help", None)]
    assert silent == []


def test_every_command_on_the_page_exists() -> None:
    """What the page and the help promise can be typed."""
    helps = [command.help or "" for command in commands().values()]
    called = re.findall(r"\blifecycle ([a-z][a-z-]+)", "\n".join([TOLD, app.HELP, *helps]))
    assert set(called) <= set(commands())


def test_every_exit_code_is_on_the_page() -> None:
    """The table of codes is complete."""
    codes = {value for name, value in vars(exit_codes).items() if name.isupper()}
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", rows("Exit codes"), re.MULTILINE)} == codes


def test_every_key_of_the_status_is_on_the_page() -> None:
    """A program can rely on the documented keys, and finds every key documented."""
    told = set(re.findall(r"`([a-z_]+)(?:\[\])?`", rows("JSON")))
    assert {field.name for part in OF_STATUS for field in dataclasses.fields(part)} - told == set()
