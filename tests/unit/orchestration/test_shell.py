import shlex
from pathlib import Path

import pytest

from orchestration import shell


def test_exports_name_the_company_and_its_storage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed can be evaluated by a shell, blanks in paths included, and the storage folder exists."""
    state = tmp_path / "a folder"
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(state))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "olist")
    assert shell.main() == 0
    exports = dict(word.split("=", 1) for word in shlex.split(capsys.readouterr().out) if "=" in word)
    assert exports["LIFECYCLE_COMPANY"] == "olist"
    assert exports["LIFECYCLE_DAGSTER_DIR"] == str(state / "olist" / "dagster")
    assert (state / "olist" / "dagster").is_dir()
