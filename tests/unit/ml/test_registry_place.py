import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml import registry, registry_retention, registry_reviews
from ml.registrations import Store
from tests.small_registry import PROVENANCE, Doubler, Log, outcome

pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _copied(store: Store, folder: Path) -> Store:
    """The store's database and files in another folder."""
    original = Path(store.tracking_uri.removeprefix("sqlite:///")).parent
    folder.mkdir()
    shutil.copy(original / "mlflow.db", folder)
    shutil.copytree(original / "artifacts", folder / "artifacts")
    return Store(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


def test_a_copy_leaves_the_original_alone(store: Store, log: Log, tmp_path: Path) -> None:
    """Training and pruning in a copied state read, write and remove the copy's files only."""
    for factor in (2.0, 3.0):
        log(data=str(factor), factor=factor)
    copy, before = _copied(store, tmp_path / "copy"), _files(tmp_path / "artifacts")
    registry.log_training(copy, outcome(factor=4.0), replace(PROVENANCE, content_hash="new"))
    registry_reviews.mark_recorded(copy, registry_reviews.unrecorded(copy))
    later = datetime.now(UTC) + timedelta(days=1)
    gone = registry_retention.prune(copy, models_before=later, trainings_before=later)
    assert gone.versions == ("churn 1",)
    assert _files(tmp_path / "artifacts") == before
    assert {model.factor for model in _served(copy)} == {4.0}
    assert {model.factor for model in _served(store)} == {3.0}


def test_a_moved_state_serves_its_champion(store: Store, log: Log, tmp_path: Path) -> None:
    """Its old path is gone; the model is found where it lies now."""
    log(factor=3.0)
    moved = _copied(store, tmp_path / "moved")
    shutil.rmtree(tmp_path / "artifacts")
    assert [model.factor for model in _served(moved)] == [3.0]


def test_another_root_for_new_files_moves_nothing(store: Store, log: Log, tmp_path: Path) -> None:
    """Models that were left where they were are still found there."""
    log(factor=3.0)
    (tmp_path / "empty").mkdir()
    assert [model.factor for model in _served(replace(store, artifact_folder=tmp_path / "empty"))] == [3.0]


def _served(store: Store) -> list[Doubler]:
    return [registry.load_champion(store, "churn", Doubler.load)[0]]
