import json
import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

from companies.settings import CompanyError
from ml.registrations import RegistryError
from orchestration.cli import app, standing, upkeep
from orchestration.cli.options import Given, given
from orchestration.cli.refusals import RefusedError
from orchestration.deployment.exit_codes import FAILED, INTERRUPTED, OK, REFUSED, WRONG_SETTINGS
from orchestration.launching import MonthError, RunFailedError
from orchestration.resources import ROOT
from orchestration.runs.exclusive import AnotherRunError
from orchestration.storage import DatabaseUnreachableError
from orchestration.transformations.manifest import ManifestError

FAULTS = [
    (RunFailedError("Step land_raw_tables: no column [amount]", "1f"), FAILED, "no column [amount]"),
    (ManifestError("dbt cannot parse: [/WARNING] unexpected '}'"), FAILED, "[/WARNING] unexpected '}'"),
    (PermissionError(13, "Permission denied", "state"), FAILED, "Permission denied: 'state'"),
    (RegistryError("no earlier champion"), FAILED, "no earlier champion"),
    (DatabaseUnreachableError("LIFECYCLE_X", "Connection refused"), FAILED, "Connection refused"),
    (CompanyError("no settings for company 'x'"), WRONG_SETTINGS, "no settings"),
    (MonthError("'2034-12' is no month"), WRONG_SETTINGS, "no month"),
    (AnotherRunError("Another run is under way (process 7)."), REFUSED, "process 7"),
    (RefusedError("it missed a gate"), REFUSED, "missed a gate"),
    (KeyboardInterrupt(), INTERRUPTED, "Stopped."),
]
HEAVY = {"dagster", "dagster_dbt", "mlflow", "dbt", "pandas", "duckdb", "pydantic"}
IMPORTED = "import sys; from orchestration.cli.app import main; main(['{0}', '--help']); print(*sys.modules)"


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> object:
    """Let the command `status` end with a fault."""

    def replace(fault: BaseException) -> None:
        def command() -> int:
            raise fault

        command.__name__ = "status"
        others = [pair for pair in app.COMMANDS if pair[1] is not standing.status]
        monkeypatch.setattr(app, "COMMANDS", (*others, (app.READ, command)))

    return replace


@pytest.mark.parametrize(("fault", "code", "words"), FAULTS, ids=lambda value: type(value).__name__)
def test_a_fault_ends_with_a_code_and_its_cause(
    fault: BaseException, code: int, words: str, fails: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever ends a command, the person reads the cause as it was written, brackets included, and no traceback."""
    fails(fault)
    assert app.main(["status"]) == code
    said = capsys.readouterr()
    assert words in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


@pytest.mark.parametrize(("fault", "code", "words"), FAULTS, ids=lambda value: type(value).__name__)
def test_a_fault_is_told_as_json(
    fault: BaseException, code: int, words: str, fails: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program reads from standard output alone what went wrong, and which run of Dagster it was."""
    fails(fault)
    app.main(["status", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["exit_code"], words in said["error"]) == (False, code, True)
    assert said.get("run_id") == getattr(fault, "run_id", None)


def test_a_fault_of_the_code_is_not_hidden(fails: object, capsys: pytest.CaptureFixture[str]) -> None:
    """What nobody foresaw keeps its traceback, and a program that asked for JSON gets it nevertheless."""
    fails(ZeroDivisionError("by nothing"))
    with pytest.raises(ZeroDivisionError):
        app.main(["status", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told == {"ok": False, "exit_code": FAILED, "error": "ZeroDivisionError: by nothing"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["score", "--month", "2024-13"], "no month"),
        (["train", "chrn"], "Did you mean 'churn'? Known: churn, clv"),
        (["rollback", "chrn", "--reason", "complaints"], "Did you mean 'churn'?"),
        (["backfill", "--from", "2024-01"], "--to"),
        (["status", "--bogus"], "--bogus"),
    ],
)
def test_wrong_usage_starts_nothing(arguments: Sequence[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong word ends with code 2 and what is wrong with it, in words and as JSON."""
    assert app.main([*arguments, "--json"]) == WRONG_SETTINGS
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["ok"], told["exit_code"]) == (False, WRONG_SETTINGS)
    assert words in told["error"]
    assert told["error"] in said.err


@pytest.mark.parametrize("arguments", [["-cx", "--json", "status", "-q"], ["status", "--company=x", "--json", "-q"]])
def test_common_options_stand_before_or_after_the_command(
    arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Company, JSON and quiet mean the same wherever they stand."""
    seen: list[Given] = []

    def status() -> int:
        seen.append(given())
        return OK

    monkeypatch.setattr(app, "COMMANDS", ((app.READ, status), (app.READ, upkeep.ui)))
    assert app.main(arguments) == OK
    assert seen == [Given(company="x", is_json=True, is_quiet=True)]


@pytest.mark.parametrize("command", [command.__name__.replace("_", "-") for _, command in app.COMMANDS])
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help says what the command does and shows a call of it."""
    assert app.main([command, "--help"]) == OK
    said = capsys.readouterr().out
    assert "Example:" in said
    assert f"lifecycle {command}" in " ".join(said.split())


@pytest.mark.parametrize("command", ["status", "run", "promote"])
def test_help_imports_nothing_heavy(command: str) -> None:
    """A shell that asks for help or completion does not wait for Dagster, MLflow or dbt."""
    code = IMPORTED.format(command)
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
    assert set(result.stdout.split()) & HEAVY == set()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("lifecycle st", {"status"}),
        ("lifecycle train c", {"churn", "clv"}),
        ("lifecycle promote win", {"win_probability"}),
        ("lifecycle --company oli", {"olist"}),
        ("lifecycle land -c raven", {"ravenstack"}),
    ],
)
def test_the_shell_completes_commands_models_and_companies(line: str, expected: set[str]) -> None:
    """What a person begins to type is completed by what there is."""
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1), "_LIFECYCLE_COMPLETE": "complete_bash"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIFECYCLE_")} | asked
    command = [sys.executable, "-c", "from orchestration.cli.app import entry; entry()"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    assert set(result.stdout.split()) == expected
