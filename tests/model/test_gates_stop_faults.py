"""Each fault planted into a training is stopped by its own gate, in the real registry: a gate taken out is missed."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from benchmarks import gates as faults
from ml import registry
from ml.gates import has_same_schema
from ml.models.binary_training import Outcome
from ml.models.churn import ChurnParams, run_training
from ml.models.tabular import FittedClassifier, TabularParams, train_both
from ml.registrations import Store
from ml.training_record import AUTOMATIC, Provenance
from tests.unit.ml.synthetic import column, customers

# MLflow's store asks SQLAlchemy 2.1 for a strategy that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")

PARAMS = ChurnParams(amount_column="mrr", rule_features=("tickets",))
FRAME, _ = customers(250, 20)


@cache
def older() -> FittedClassifier:
    """A good champion that has not seen the newest rows."""
    pair = train_both(FRAME.take((FRAME.data["as_of"] < "2022-11-01").to_numpy()), TabularParams())
    return pair.fitted[pair.kept]


@cache
def honest() -> Outcome:
    """The training without a fault."""
    return run_training(FRAME, PARAMS, older())


def leaking() -> Outcome:
    """A feature that is the label."""
    data = FRAME.data.assign(closed_reason=FRAME.labels)
    return run_training(replace(FRAME, data=data, columns=(*FRAME.columns, column("closed_reason"))), PARAMS, older())


def unlike_the_view() -> Outcome:
    """A candidate that does not read the view's first feature."""
    assert honest().candidate is not None
    declared = [feature.signature for feature in FRAME.columns]
    return honest().judged_by(has_same_schema(declared, declared[1:]))


def faulty(patch: Callable[[], faults.Patch]) -> Callable[[], Outcome]:
    def train() -> Outcome:
        with patch():
            return run_training(FRAME, PARAMS, older())

    return train


FAULTY: dict[str, Callable[[], Outcome]] = {
    "no_leaking_feature": leaking,
    "has_same_schema": unlike_the_view,
    "not_worse_than_champion": faulty(faults.exchanged_labels),
    "is_calibrated": faulty(faults.distorted_scores),
    "interval_coverage": faulty(faults.narrow_intervals),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A registry whose champion is the honest training."""
    folder = tmp_path_factory.mktemp("registry")
    store = Store(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")
    done = registry.log_training(store, honest(), Provenance("honest", "s", "1", promotion="automatic"))
    assert done.champion is not None, honest().reasons
    assert (done.champion.status, done.champion.tags["approver"]) == ("validated", AUTOMATIC)
    return store


@pytest.fixture
def store(served: Store, tmp_path: Path) -> Store:
    """A copy of it."""
    shutil.copy(served.tracking_uri.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return Store(f"sqlite:///{tmp_path / 'mlflow.db'}", served.artifact_folder)


@pytest.mark.parametrize("gate", FAULTY)
def test_a_planted_fault_is_stopped_by_its_gate(store: Store, gate: str) -> None:
    """The gate fails and says why, the version is a challenger marked failed, and the champion stays."""
    outcome = FAULTY[gate]()
    failed = {result.name: result.reason for result in outcome.report.gates if not result.passed}
    assert gate in failed
    done = registry.log_training(store, outcome, Provenance(gate, "s", "1"))
    assert done.champion is not None
    assert done.champion.version == "1"
    if done.candidate is None:
        return  # a leak leaves nothing to register
    challenger = registry.challenger_info(store, "churn")
    assert challenger == done.candidate
    assert (challenger.tags["validation"], challenger.tags["approver"]) == ("failed", "")
    assert failed[gate] in challenger.tags["reasons"]


def test_every_gate_of_a_binary_training_has_a_fault() -> None:
    """A new gate needs a fault that it stops; the leak by shuffled labels and the baselines have tests of their own."""
    own = {"shuffled_labels_teach_nothing", "beats_base_rate", "beats_best_baseline"}
    reached = {gate.name for gate in honest().report.gates}
    assert reached | {"has_same_schema"} == set(FAULTY) | own
