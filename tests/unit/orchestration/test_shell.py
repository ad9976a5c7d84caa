import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration import shell
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
    """The shell that evaluates the lines gets the URL, and who reads them does not."""
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "olist")
    monkeypatch.setenv("LIFECYCLE_DAGSTER_DATABASE", "postgresql://u:hunter2@db/runs")
    assert shell.main([]) == 0
    printed = capsys.readouterr().out
    assert "hunter2" not in printed
    script = f'{printed}\nprintf %s "$LIFECYCLE_DAGSTER_URL"'
    said = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert said.stdout == "postgresql+psycopg2://u:hunter2@db/runs"


def test_a_wrong_variable_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is printed that a shell would evaluate, and the exit code says why."""
    monkeypatch.setenv("LIFECYCLE_EXECUTOR", "threads")
    assert shell.main([]) == shell.WRONG_SETTINGS
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("LIFECYCLE_EXECUTOR is 'threads'")


def test_a_command_runs_in_the_environment(tmp_path: Path) -> None:
    """The command takes the place of ours, sees the deployment, and its exit code is the answer."""
    script = 'printf "%s %s" "$LIFECYCLE_DAGSTER_DIR" "$PWD"; exit 7'
    said = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-m", "orchestration.shell", "sh", "-c", script],
        cwd=ROOT,
        env=os.environ | {"LIFECYCLE_STATE_DIR": str(tmp_path), "LIFECYCLE_COMPANY": "olist"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 7
    assert said.stdout == f"{tmp_path}/olist/dagster {tmp_path}/olist/dagster"
