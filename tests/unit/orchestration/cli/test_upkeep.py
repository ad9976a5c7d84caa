import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.cli.app import main
from orchestration.deployment.exit_codes import OK, REFUSED, WRONG_SETTINGS
from orchestration.resources import Deployment
from orchestration.runs.exclusive import only_run


@pytest.fixture
def filled(deployment: Deployment) -> Path:
    """Some state of the company, and another company's beside it."""
    for folder in (deployment.state, deployment.state.with_name("other")):
        folder.mkdir(parents=True)
        (folder / "warehouse.duckdb").write_text("rows")
    return deployment.state


def test_a_reset_deletes_this_company_alone(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With --yes the company's folder is gone; its source and the other company's state stay."""
    assert main(["reset", "--yes", "--json"]) == OK
    assert json.loads(capsys.readouterr().out)["deleted"] == str(filled)
    assert not filled.exists()
    assert (filled.with_name("other") / "warehouse.duckdb").exists()
    assert (filled.parents[1] / "data" / "small" / "deals.csv").exists()


def test_a_reset_tells_what_lies_elsewhere(
    filled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Models in a database and an artifact root outlive the folder; who resets knows."""
    monkeypatch.setenv("LIFECYCLE_MLFLOW_DATABASE", "postgresql://u:hunter2@127.0.0.1:1/models")
    monkeypatch.setenv("LIFECYCLE_ARTIFACT_ROOT", str(filled.with_name("files")))
    assert main(["reset", "--yes", "--json"]) == OK
    said = capsys.readouterr().out
    models, files = json.loads(said)["kept"]
    assert "LIFECYCLE_MLFLOW_DATABASE" in models
    assert files.endswith("files/small")
    assert "hunter2" not in said


def test_a_reset_that_nobody_confirms_deletes_nothing(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody can answer, the question is a refusal that names the way."""
    assert main(["reset"]) == REFUSED
    assert "say --yes" in " ".join(capsys.readouterr().err.split())
    assert (filled / "warehouse.duckdb").exists()


def test_a_reset_waits_for_no_run(filled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """While a run is under way its state is not pulled away."""
    with only_run(filled), ThreadPoolExecutor() as other:
        assert other.submit(main, ["reset", "--yes"]).result() == REFUSED
    assert "Another run is under way" in capsys.readouterr().err
    assert (filled / "warehouse.duckdb").exists()


def test_a_second_ui_is_refused(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Two daemons on the same records would each start what is due."""
    with ThreadPoolExecutor() as other:
        first = only_run(deployment.dagster_folder, "make ui")
        other.submit(first.__enter__).result()
        assert main(["ui"]) == REFUSED
        other.submit(first.__exit__, None, None, None).result()
    assert "make ui" in capsys.readouterr().err


def test_the_environment_is_told_as_json(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets the variables of Dagster's own commands without reading shell."""
    assert main(["env", "--json"]) == OK
    told = json.loads(capsys.readouterr().out)["environment"]
    assert told["LIFECYCLE_DAGSTER_DIR"] == str(deployment.dagster_folder)


def test_the_environment_is_told_as_exports(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever the command line itself was called with, the answer is lines that a shell can evaluate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lifecycle", "env"])
        assert main(["env"]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert f"export LIFECYCLE_DAGSTER_DIR={deployment.dagster_folder}" in lines
    assert all(line.startswith("export ") for line in lines)


def test_an_environment_that_is_wrong_fails_in_the_shell(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """`eval` of nothing would succeed: what is printed fails where it is evaluated, and the reason stands beside."""
    assert main(["env", "--company", f"{deployment.company_name}1"]) == WRONG_SETTINGS
    said = capsys.readouterr()
    assert said.out == "false\n"
    assert "Did you mean 'small'?" in " ".join(said.err.split())
