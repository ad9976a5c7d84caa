from datetime import UTC, datetime, timedelta

import pytest

from ml import registry, registry_retention, registry_reviews
from ml.registrations import RegistryError, Store
from ml.registry_client import client_of
from tests.small_registry import Doubler, Log

pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")
NOW = datetime.now(UTC)
LATER, BEFORE = NOW + timedelta(days=1), NOW - timedelta(days=1)


def prune(store: Store, models_before: datetime = LATER, trainings_before: datetime = LATER) -> tuple[str, ...]:
    registry_reviews.mark_recorded(store, registry_reviews.unrecorded(store))
    gone = registry_retention.prune(store, models_before=models_before, trainings_before=trainings_before)
    return gone.versions


def test_what_is_served_or_needed_to_roll_back_stays(store: Store, log: Log) -> None:
    """Of old versions stay champion, the one before it and challenger, with their files; a roll-back still works."""
    for factor in (2.0, 3.0, 4.0):
        log(data=str(factor), factor=factor)
    log("failed_gates", data="challenger", factor=5.0)
    files = sum(path.is_file() for path in store.artifact_folder.rglob("*"))
    assert prune(store) == ("churn 1",)
    assert {version.version for version in registry.versions(store)} == {"2", "3", "4"}
    assert sum(path.is_file() for path in store.artifact_folder.rglob("*")) < files
    assert registry.load_champion(store, "churn", Doubler.load)[0].factor == 4.0
    assert registry.roll_back(store, "churn", approver="Ada", reason="worse").version == "2"
    assert registry.load_champion(store, "churn", Doubler.load)[0].factor == 3.0
    with pytest.raises(RegistryError, match="no earlier champion"):
        registry.roll_back(store, "churn", approver="Ada", reason="worse")


def test_what_is_not_old_stays(store: Store, log: Log) -> None:
    """A version that nobody needs stays until it is old."""
    for factor in (2.0, 3.0, 4.0):
        log(data=str(factor), factor=factor)
    assert prune(store, models_before=BEFORE) == ()
    assert len(registry.versions(store)) == 3


def test_a_training_that_registered_nothing_goes_by_its_own_age(store: Store, log: Log) -> None:
    """It keeps no version alive, and may go earlier."""
    log(data="a", factor=2.0)
    nothing = log("insufficient_data", data="b")
    gone = registry_retention.prune(store, models_before=BEFORE, trainings_before=LATER)
    assert (gone.runs, gone.versions) == ((nothing.run_id,), ())
    assert registry_retention.prune(store, models_before=BEFORE, trainings_before=LATER).runs == ()


def test_a_version_that_awaits_a_review_stays(store: Store, log: Log) -> None:
    """However long a person takes."""
    log(data="a", factor=2.0)
    log(data="b", factor=3.0, promotion="review")
    log("failed_gates", data="c", factor=4.0, promotion="review")
    assert prune(store) == ()


def test_a_roll_back_over_a_rejected_version_still_has_its_goal(store: Store, log: Log) -> None:
    """The champion's predecessor was rejected meanwhile: the one before it stays."""
    for factor in (2.0, 3.0, 4.0, 5.0):
        log(data=str(factor), factor=factor)
    registry.reject(store, "churn", "3", approver="Ada", reason="leaks")
    assert set(prune(store)) == {"churn 1", "churn 3"}
    assert registry.roll_back(store, "churn", approver="Ada", reason="worse").version == "2"


def test_what_a_person_decided_stays_until_it_is_carried_out(store: Store, log: Log) -> None:
    """Approved in MLflow while nothing looked, or with the reason still missing: the version can be promoted."""
    for factor in (2.0, 3.0, 4.0, 5.0):
        log(data=str(factor), factor=factor)
    client = client_of(store)
    for version in ("1", "2"):
        client.set_model_version_tag("churn", version, "review", "approved")
    client.set_model_version_tag("churn", "1", "review_comment", "it was better")
    assert prune(store) == ()
    assert [made.champion_version for made in registry.apply_reviews(store)] == ["1"]


def test_what_readers_see_statements_of_stays(store: Store, log: Log) -> None:
    """A version that spoke last keeps its files until another has spoken, whoever is champion meanwhile."""
    for factor in (2.0, 3.0, 4.0):
        log(data=str(factor), factor=factor)
    gone = registry_retention.prune(store, models_before=LATER, trainings_before=LATER, served=[("churn", "1")])
    assert gone.versions == ()
