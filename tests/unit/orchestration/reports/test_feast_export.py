import ast

import pytest

from feature_definitions import registry
from orchestration.assets.models import READS_FEATURES
from orchestration.reports import feast_export


def test_service_of_a_model_has_exactly_what_it_may_use() -> None:
    """The repository is valid Python, and nothing filled in after the contact is in the lead score's service."""
    text = feast_export.source("small", registry.VIEWS, READS_FEATURES)
    services = {
        node.targets[0].id: {name.value for name in ast.walk(node) if isinstance(name, ast.Constant)}
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in READS_FEATURES
    }
    usable = {model: {column.name for column in registry.columns_for(model)} | {model} for model in READS_FEATURES}
    assert services == usable


def test_nothing_to_export_is_said(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first run the command says how to start it, and writes nothing."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(folder))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "sample")
    monkeypatch.setattr("sys.argv", ["feast_export", str(folder / "repository")])
    assert feast_export.main() == 1
    assert "make run" in capsys.readouterr().out
    assert not (folder / "repository").exists()
