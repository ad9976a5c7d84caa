import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.deployment import exit_codes, shell
from orchestration.resources import ROOT


def test_exports_name_the_company_and_its_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed can be evaluated by a shell, blanks in paths included, and the storage folder exists."""
    state = tmp_path / "a folder"
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(state))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "olist")
    assert shell.main([]) == 0
    exports = dict(word.split("=", 1) for word in shlex.split(capsys.readouterr().out) if "=" in word)
    assert exports["LIFECYCLE_COMPANY"] == "olist"
    assert exports["LIFECYCLE_DAGSTER_DIR"] == str(state / "olist" / "dagster")
    assert (state / "olist" / "dagster").is_dir()


def test_no_password_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shell that evaluates the lines gets the URL, and who reads them does not; a URL it cannot get is told."""
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "olist")
    monkeypatch.setenv("LIFECYCLE_DAGSTER_DATABASE", "postgresql://u:hunter2@db/runs")
    assert shell.main([]) == 0
    printed = capsys.readouterr().out
    assert "hunter2" not in printed
    script = f'{printed}\nprintf %s "$LIFECYCLE_DAGSTER_URL"'
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert said.stdout == "postgresql+psycopg2://u:hunter2@db/runs"
    monkeypatch.delenv("LIFECYCLE_DAGSTER_DATABASE")
    told = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert told.returncode != 0
    assert "LIFECYCLE_DAGSTER_DATABASE" in told.stderr


def test_a_wrong_variable_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed that a shell would evaluate, and the exit code says why."""
    monkeypatch.setenv("LIFECYCLE_EXECUTOR", "threads")
    assert shell.main([]) == exit_codes.WRONG_SETTINGS
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("LIFECYCLE_EXECUTOR is 'threads'")


def test_a_command_runs_in_the_environment(tmp_path: Path) -> None:
    """The command takes the place of ours, sees the deployment, and its exit code is the answer."""
    script = 'printf "%s %s" "$LIFECYCLE_DAGSTER_DIR" "$PWD"; exit 7'
    said = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "orchestration.deployment.shell", "sh", "-c", script],
        cwd=ROOT,
        env=os.environ | {"LIFECYCLE_STATE_DIR": str(tmp_path), "LIFECYCLE_COMPANY": "olist"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 7
    assert said.stdout == f"{tmp_path}/olist/dagster {tmp_path}/olist/dagster"


def test_a_first_call_of_make_prints_nothing_but_exports(tmp_path: Path) -> None:
    """What installing says goes elsewhere: a shell would evaluate it, and one bracket in it makes it drop all."""
    for name in ("Makefile", "pyproject.toml", "requirements/run.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nmkdir -p .venv/bin; cp "$0" .venv/bin/python\necho "export GIVEN=\'$*\'"\n')
    python.chmod(0o755)
    said = subprocess.run(  # noqa: S603 - our own Makefile
        ["make", f"PYTHON={python}", "env"],  # noqa: S607 - wherever it is
        cwd=tmp_path,
        # Below another make, as in its tests, make would also say which directory it enters.
        env={name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "export GIVEN='-m orchestration.cli env'\n"
    assert "Installing" in said.stderr
    assert (tmp_path / ".venv" / ".run").exists()
