import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ml import bundles, registry
from ml.registrations import Registration, Store
from tests.small_disk import SmallDisk
from tests.small_registry import PROVENANCE, Doubler, outcome

pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")


@pytest.mark.parametrize("megabytes", [0.0, 0.05, 0.07])
def test_a_full_disk_leaves_the_champion(
    empty_database: Path, small_disk: SmallDisk, monkeypatch: pytest.MonkeyPatch, megabytes: float
) -> None:
    """However far the registration came: the champion stays, and with space the same training is registered."""
    monkeypatch.setattr(bundles, "TRUSTED", "")
    small_disk.leave(10)
    shutil.copy(empty_database, small_disk.folder / "mlflow.db")
    store = Store(f"sqlite:///{small_disk.folder / 'mlflow.db'}", small_disk.folder / "artifacts")
    _log(store, 2.0)
    small_disk.leave(megabytes)
    with pytest.raises(Exception, match=r"full|space|disk"):
        _log(store, 3.0)
    small_disk.leave(10)
    assert _served(store) == 2.0
    _log(store, 3.0)
    assert _served(store) == 3.0


def _log(store: Store, factor: float) -> Registration:
    return registry.log_training(store, outcome(factor=factor), replace(PROVENANCE, content_hash=str(factor)))


def _served(store: Store) -> float:
    return registry.load_champion(store, "churn", Doubler.load)[0].factor
