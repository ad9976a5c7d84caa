import json
import subprocess
from pathlib import Path

import pytest

from orchestration.transformations import manifest
from orchestration.transformations.manifest import ManifestError, fresh_manifest

PROJECT = "name: tiny\nversion: '1.0.0'\nprofile: tiny\nmodel-paths: [models]\n"
PROFILE = "tiny:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: \"{{ env_var('LIFECYCLE_WAREHOUSE') }}\"}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A dbt project of one model."""
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(PROFILE)
    (tmp_path / "models" / "one.sql").write_text("select 1 as number")
    return tmp_path


def test_the_manifest_is_made_once_and_again_after_a_change(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing: parsed. Fresh: nothing is started. A changed model: parsed anew. No scratch folder stays."""
    path = fresh_manifest(project)
    assert "model.tiny.one" in json.loads(path.read_text())["nodes"]
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", _must_not_start)
        assert fresh_manifest(project) == path
    (project / "models" / "two.sql").write_text("select 2 as number")
    assert "model.tiny.two" in json.loads(fresh_manifest(project).read_text())["nodes"]
    assert [item for item in path.parent.iterdir() if item.is_dir()] == []


def test_broken_sql_is_told_in_the_words_of_dbt(project: Path) -> None:
    """What dbt says reaches the person; the last good manifest stays, and stays stale."""
    before = fresh_manifest(project).read_text()
    (project / "models" / "one.sql").write_text("select {{ ref('missing'")
    with pytest.raises(ManifestError, match=r"(?s)cannot parse its project.*one\.sql"):
        fresh_manifest(project)
    assert (project / "target" / "manifest.json").read_text() == before
    with pytest.raises(ManifestError):
        fresh_manifest(project)


def test_a_changed_byte_changes_the_fingerprint(project: Path) -> None:
    """The fingerprint follows the content, not the time, of the files."""
    before = manifest._fingerprint(project)
    (project / "models" / "one.sql").touch()
    assert manifest._fingerprint(project) == before
    (project / "models" / "one.sql").write_text("select 2 as number")
    assert manifest._fingerprint(project) != before


def test_another_dbt_makes_the_manifest_stale(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs load what dbt parsed as dbt keeps it; an upgrade parses anew instead of failing on it."""
    before = manifest._fingerprint(project)
    monkeypatch.setattr(manifest, "version", lambda package: f"{package} of tomorrow")
    assert manifest._fingerprint(project) != before


def _must_not_start(*_arguments: object, **_options: object) -> None:
    raise AssertionError
