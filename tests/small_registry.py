"""A registry as small as one can be: a model of one number, trainings of it, and an empty MLflow store.

Belongs here: values and fixtures that tests of registry and reviews share. Does not belong here: what they should show.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import bundles, registry
from ml.evaluation import MetricRow, Status, TrainingOutcome, TrainingReport
from ml.registrations import Registration, Store
from ml.training_record import Provenance

TABLE = pd.DataFrame({"x": [0.1, 2.5, np.pi], "tickets": [1.0, 0.0, 4.0], "as_of": pd.to_datetime(["2024-01-31"] * 3)})
PROVENANCE = Provenance(
    content_hash="c0ffee",
    snapshot_id="2024-06-30",
    code_version="1",
    first_as_of=date(2023, 1, 31),
    last_as_of=date(2024, 6, 30),
    params={"learning_rate": 0.05},
    feature_versions={"feat_customer_usage": 2},
    git_commit="abc123",
    dagster_run_id="run-1",
    model_card="# A card",
    example=TABLE,
)


@dataclass(frozen=True)
class Doubler:
    """A model as small as one can be."""

    factor: float

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"value": features["x"] * self.factor})

    def save(self, folder: Path) -> None:
        (folder / "model.json").write_text(json.dumps({"factor": self.factor}), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Doubler":
        return cls(**json.loads((folder / "model.json").read_text(encoding="utf-8")))


def outcome(status: Status = "validated", factor: float = 2.0) -> TrainingOutcome[Doubler, Doubler]:
    """A training with a candidate (unless the data were insufficient) and a fallback of factor 1."""
    reasons = () if status == "validated" else ("The reliability gate failed.",)
    row = MetricRow(
        "churn", "lightgbm", "auc", 0.8, 0.75, 0.85, 100, 20, date(2024, 1, 31), date(2024, 3, 31), is_baseline=False
    )
    base = replace(row, method="base_rate", value=0.5, lower=None, upper=None, is_baseline=True)
    report = TrainingReport(
        "churn", status, reasons, "lightgbm", (row, base), tables={"lift": pd.DataFrame({"share": [0.1]})}
    )
    candidate = None if status == "insufficient_data" else Doubler(factor)
    return TrainingOutcome(report=report, candidate=candidate, fallback=Doubler(1.0))


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated MLflow database: making one costs seconds, copying it nothing."""
    path = tmp_path_factory.mktemp("mlflow") / "template.db"
    store = Store(f"sqlite:///{path}", path.parent / "artifacts")
    assert registry.champion_info(store, "churn") is None
    return path


@pytest.fixture
def store(empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """An empty registry that trusts this module's model."""
    monkeypatch.setattr(bundles, "TRUSTED", "")
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    return Store(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")


Log = Callable[..., Registration]


@pytest.fixture
def log(store: Store) -> Log:
    """Record a training; `data` names its content."""

    def record(status: Status = "validated", data: str = "a", factor: float = 2.0, **changes: object) -> Registration:
        provenance = replace(PROVENANCE, content_hash=data, **changes)
        return registry.log_training(store, outcome(status, factor), provenance)

    return record
