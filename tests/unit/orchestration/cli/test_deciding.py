import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from ml import bundles, registry
from ml.evaluation import Status, TrainingOutcome, TrainingReport
from ml.training_record import Provenance
from orchestration.cli.app import main
from orchestration.deployment.exit_codes import FAILED, OK, REFUSED, WRONG_SETTINGS
from orchestration.resources import Deployment

# MLflow's store asks SQLAlchemy 2.1 for a strategy that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")
WORD = ["--reason", "seen by hand", "--approver", "ann"]


@dataclass(frozen=True)
class Constant:
    """A model as small as one can be."""

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        return pd.DataFrame({"value": 1.0}, index=features.index)

    def save(self, folder: Path) -> None:
        (folder / "model.json").write_text("{}", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Constant":  # noqa: ARG003 - the bundle's interface
        return cls()


@pytest.fixture
def register(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[[Status, str], None]:
    """Record a training of churn in the company's registry."""
    monkeypatch.setattr(bundles, "TRUSTED", "")
    deployment.state.mkdir(parents=True)

    def record(status: Status, promotion: str) -> None:
        first, last = date(2023, 1, 31), date(2024, 6, 30)
        key = f"{status} {promotion} {len(registry.versions(deployment.model_store()))}"
        provenance = Provenance(key, "s", "1", first, last, {}, {}, "abc", "run-1", promotion=promotion)
        report = TrainingReport("churn", status, (), "constant", ())
        registry.log_training(deployment.model_store(), TrainingOutcome(report, Constant(), Constant()), provenance)

    return record


def champion(deployment: Deployment) -> str:
    info = registry.champion_info(deployment.model_store(), "churn")
    assert info is not None
    return info.version


def test_a_person_decides(
    deployment: Deployment, register: Callable[[Status, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Gates, rejections and the champion are guarded; approver and reason are kept; a roll-back is one command."""
    register("validated", "review")  # version 1 waits, 2 is the fallback that serves meanwhile
    assert main(["rollback", "churn", *WORD]) == FAILED
    assert "no earlier champion" in capsys.readouterr().err
    register("failed_gates", "review")  # version 3
    assert main(["promote", "churn", "9", *WORD]) == WRONG_SETTINGS
    assert "registered: 1, 2, 3" in capsys.readouterr().err.replace("\n", " ")
    assert main(["promote", "churn", "3", *WORD]) == REFUSED
    assert "missed a gate" in capsys.readouterr().err
    before = champion(deployment)
    assert main(["promote", "churn", "1", *WORD, "--json"]) == OK
    told = json.loads(capsys.readouterr().out)
    assert (told["job"], told["version"], told["approver"], told["reason"]) == (
        "promote_model", "1", "ann", "seen by hand",
    )  # fmt: skip
    assert champion(deployment) == "1" != before
    assert main(["reject", "churn", "1", *WORD]) == REFUSED
    assert main(["reject", "churn", "3", *WORD]) == OK
    assert main(["promote", "churn", "3", *WORD, "--despite-gates"]) == REFUSED
    assert "was rejected (seen by hand)" in capsys.readouterr().err
    assert main(["rollback", "churn", *WORD]) == OK
    assert champion(deployment) == before


def test_a_decision_without_a_reason_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """Who promotes says why."""
    assert main(["promote", "churn", "1"]) == WRONG_SETTINGS
    assert "--reason" in capsys.readouterr().err
