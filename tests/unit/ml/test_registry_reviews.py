import contextlib
import itertools
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ml import registry, registry_moves, registry_reviews, review_rules
from ml.registrations import RegistryError, Store
from ml.registry_client import CHAMPION, client_of
from tests.small_registry import PROVENANCE, Doubler, Log, outcome

# MLflow's store asks SQLAlchemy 2.1 for a strategy that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")

# The statements that change a registry.
STATEMENTS = (
    "set_model_version_tag",
    "set_registered_model_tag",
    "set_registered_model_alias",
    "delete_registered_model_tag",
    "delete_registered_model_alias",
)


class KilledError(Exception):
    """Stands for the end of a process."""


def say(store: Store, version: str, **tags: str) -> None:
    """Set tags as a reviewer does in MLflow."""
    for name, value in tags.items():
        client_of(store).set_model_version_tag("churn", version, name, value)


def move_alias(store: Store, version: str) -> None:
    """Move the champion as a person does in MLflow."""
    client_of(store).set_registered_model_alias("churn", CHAMPION, version)


def champion(store: Store) -> str:
    info = registry.champion_info(store, "churn")
    assert info is not None
    return info.version


def told(store: Store, *, of_gates: bool = False) -> list[tuple[str, str, str, str, str]]:
    """Every decision on record: version, decision, champion after it, by whom and why."""
    made = [one for one in registry_reviews.unrecorded(store) if of_gates or one.decided_by != review_rules.GATES]
    return [(one.version, one.decision, one.champion_version, one.decided_by, one.reason) for one in made]


def record_all(store: Store) -> None:
    """Note that the warehouse holds everything, as a run of the pipeline does."""
    registry_reviews.mark_recorded(store, registry_reviews.unrecorded(store))


def test_review_waits_for_a_person(store: Store, log: Log) -> None:
    """Under review the fallback serves until a person decides; who, when and why stay on the version."""
    waiting = log(promotion="review").candidate
    assert waiting is not None
    assert (waiting.tags["review"], registry.champion_info(store, "churn").status) == ("waiting", "fallback")
    assert [info.version for info in registry_reviews.look(store).waiting] == [waiting.version]
    served = registry.promote(store, "churn", waiting.version, approver="Ada", reason="better on new customers")
    assert registry.champion_info(store, "churn") == served
    *_, made = registry_reviews.unrecorded(store)
    assert (made.decision, made.previous_version, made.champion_version) == ("promoted", "2", "1")
    assert (served.tags["approver"], served.tags["review_comment"]) == ("Ada", "better on new customers")
    assert served.tags["reviewed_at"] == made.decided_at
    assert registry.challenger_info(store, "churn") is None


@pytest.mark.parametrize(("reviewer", "by"), [({"reviewer": "Ada"}, "Ada"), ({}, "unknown reviewer")])
def test_tags_set_in_mlflow_are_carried_out_once(store: Store, log: Log, reviewer: dict[str, str], by: str) -> None:
    """Approved in MLflow means champion at the next look, and nothing more is to do after that."""
    log(promotion="review")
    record_all(store)
    say(store, "1", **reviewer, review_comment="good", review="approved")
    assert list(registry_reviews.look(store).outstanding) == ["churn version 1: approved (good)"]
    assert len(registry.apply_reviews(store, "run-7")) == 1
    assert (champion(store), told(store)) == ("1", [("1", "promoted", "1", by, "good")])
    record_all(store)
    assert (registry.apply_reviews(store), list(registry_reviews.look(store).outstanding)) == ([], [])


def test_a_decision_without_a_reason_does_not_count(store: Store, log: Log) -> None:
    """The tag alone changes nothing, and the missing comment is named; a call without a reason is refused."""
    log(promotion="review")
    say(store, "1", review="approved", review_comment="  ")
    assert registry.apply_reviews(store) == []
    assert "review_comment" in registry_reviews.look(store).questions[0]
    with pytest.raises(RegistryError, match="a reason is needed"):
        registry.promote(store, "churn", "1", approver="Ada", reason=" ")
    with pytest.raises(RegistryError, match="no version 9"):
        registry.promote(store, "churn", "9", approver="Ada", reason="a slip")


def test_a_rejected_version_is_never_served_and_does_not_ask_again(store: Store, log: Log) -> None:
    """It stops being challenger, the same training leaves it rejected, and even by hand it is not loaded."""
    log(data="a")
    log(data="b", promotion="review")
    say(store, "2", reviewer="Bea", review_comment="too few regions", review="rejected")
    registry.apply_reviews(store)
    assert told(store) == [("2", "rejected", "1", "Bea", "too few regions")]
    assert registry.challenger_info(store, "churn") is None
    again = log(data="b", promotion="review")
    assert (again.is_new, list(registry_reviews.look(store).waiting), champion(store)) == (False, [], "1")
    move_alias(store, "2")
    registry.apply_reviews(store)
    with pytest.raises(RegistryError, match=r"by Bea \(too few regions\) and is not served.*review = approved"):
        registry.load_champion(store, "churn", Doubler.load)


def test_rejecting_the_champion_brings_its_predecessor_back(store: Store, log: Log) -> None:
    """The rejection is a roll-back then."""
    log(data="a")
    log(data="b")
    say(store, "2", review_comment="complaints", review="rejected")
    registry.apply_reviews(store)
    assert told(store) == [("2", "rolled_back", "1", "unknown reviewer", "complaints")]
    assert registry.load_champion(store, "churn", Doubler.load)[1].version == "1"


def test_without_a_predecessor_the_same_training_serves_its_fallback(store: Store, log: Log) -> None:
    """A rejected only champion is refused with the mend, until training gives something that may be served."""
    log()
    registry.reject(store, "churn", "1", approver="Ada", reason="wrong label")
    assert champion(store) == "1"
    with pytest.raises(RegistryError, match="is not served"):
        registry.load_champion(store, "churn", Doubler.load)
    assert log().champion.status == "fallback"
    assert registry.load_champion(store, "churn", Doubler.load)[0].factor == 1.0


def test_roll_back_restores_the_predecessor_for_good(store: Store, log: Log) -> None:
    """After a roll-back the earlier version is served, and the same training does not promote itself again."""
    log(data="a", factor=2.0)
    log(data="b", factor=3.0)
    assert registry.roll_back(store, "churn", approver="Ada", reason="worse in March").version == "1"
    assert told(store) == [("2", "rolled_back", "1", "Ada", "worse in March")]
    assert log(data="b", factor=3.0).champion.version == "1"
    assert registry.load_champion(store, "churn", Doubler.load)[0].factor == 2.0


def test_roll_back_passes_over_what_was_rolled_back_before(store: Store, log: Log) -> None:
    """A second roll-back goes on to the next version that may be served; approved again, a version returns."""
    for data in "abc":
        log(data=data)
    registry.reject(store, "churn", "2", approver="Ada", reason="late doubts")
    assert registry.roll_back(store, "churn", approver="Ada", reason="worse").version == "1"
    say(store, "3", review_comment="the data were wrong, not the model", review="approved")
    registry.apply_reviews(store)
    assert champion(store) == "3"


def test_roll_back_without_a_predecessor_is_refused(store: Store, log: Log) -> None:
    """The message says why."""
    with pytest.raises(RegistryError, match="no champion"):
        registry.roll_back(store, "churn", approver="Ada", reason="worse")
    log()
    with pytest.raises(RegistryError, match="no earlier champion"):
        registry.roll_back(store, "churn", approver="Ada", reason="worse")


def test_an_alias_moved_by_hand_is_noted_and_approves(store: Store, log: Log) -> None:
    """The move is on record once, by an unknown reviewer, and can be rolled back."""
    log(promotion="review")
    record_all(store)
    move_alias(store, "1")
    assert list(registry_reviews.look(store).outstanding) == ["churn: the alias was moved from version 2 to 1"]
    registry.apply_reviews(store)
    registry.apply_reviews(store)
    assert told(store) == [("1", "alias_moved", "1", "unknown reviewer", "alias moved by hand")]
    assert registry.champion_info(store, "churn").tags["review"] == "approved"
    assert registry.roll_back(store, "churn", approver="Ada", reason="a slip").version == "2"


def test_the_alias_alone_does_not_serve_what_failed_its_gates(store: Store, log: Log) -> None:
    """A failed version is served only when a person approved it with a comment."""
    log("failed_gates")
    move_alias(store, "1")
    registry.apply_reviews(store)
    with pytest.raises(RegistryError, match=r"failed its gates .*reliability gate failed"):
        registry.load_champion(store, "churn", Doubler.load)
    say(store, "1", review_comment="known, better than nothing", review="approved")
    assert registry.load_champion(store, "churn", Doubler.load)[1].version == "1"
    registry.apply_reviews(store)
    assert [row[1] for row in told(store)] == ["alias_moved", "promoted"]


def test_two_reviewers_are_both_heard(store: Store, log: Log) -> None:
    """Approvals of two versions are carried out oldest first; the newer serves and falls back to the older."""
    log(data="a")
    log(data="b", promotion="review")
    log(data="c", promotion="review")
    say(store, "3", reviewer="Bea", review_comment="best", review="approved")
    say(store, "2", reviewer="Ada", review_comment="better", review="approved")
    registry.apply_reviews(store)
    assert [(row[0], row[3]) for row in told(store)] == [("2", "Ada"), ("3", "Bea")]
    assert champion(store) == "3"
    assert registry.roll_back(store, "churn", approver="Ada", reason="worse").version == "2"


def test_a_training_in_between_does_not_lose_a_review(store: Store, log: Log) -> None:
    """An approval that waits while a newer challenger arrives is carried out, and the newer one still waits."""
    log(data="a")
    log(data="b", promotion="review")
    say(store, "2", review_comment="better", review="approved")
    log(data="c", promotion="review")
    registry.apply_reviews(store)
    assert champion(store) == "2"
    challenger = registry.challenger_info(store, "churn")
    assert (challenger.version, challenger.tags["review"]) == ("3", "waiting")


def test_a_move_by_hand_just_before_a_training_is_kept(store: Store, log: Log) -> None:
    """A training that promotes its version first notes who served before."""
    log(data="a")
    log(data="b")
    move_alias(store, "1")
    log(data="c")
    assert (champion(store), [row[:2] for row in told(store)]) == ("3", [("1", "alias_moved")])
    assert registry.champion_info(store, "churn").previous_champion == "1"


def test_a_registry_of_before_is_taken_as_it_stands(store: Store, log: Log) -> None:
    """Where nothing says who was champion, the one that is there is no move by hand."""
    log()
    record_all(store)
    client_of(store).delete_registered_model_tag("churn", registry_moves.ON_RECORD)
    assert (list(registry_reviews.look(store).outstanding), registry.apply_reviews(store)) == ([], [])


def killed_at(patched: pytest.MonkeyPatch, last: int) -> None:
    """Let the process end at its statement number `last`, which is not carried out."""
    import mlflow

    done = itertools.count()

    def watch(method: str) -> None:
        original = getattr(mlflow.MlflowClient, method)

        def call(self: mlflow.MlflowClient, *args: object, **named: object) -> object:
            if next(done) == last:
                raise KilledError
            return original(self, *args, **named)

        patched.setattr(mlflow.MlflowClient, method, call)

    for method in STATEMENTS:
        watch(method)


def rerun(store: Store) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The next run of the reviews; the champion after it and every decision that is on record."""
    registry.apply_reviews(store)
    record_all(store)
    assert list(registry_reviews.look(store).outstanding) == []
    kept = [one for one in registry_reviews.recorded(store) if one.decided_by != review_rules.GATES]
    return champion(store), tuple((one.decision, one.decided_by) for one in kept)


@pytest.mark.parametrize(
    ("act", "before", "after"), [("promoted", "1", "2"), ("rolled_back", "2", "1")], ids=["promote", "roll_back"]
)
def test_killed_at_any_statement_a_rerun_ends_as_if_undisturbed(
    store: Store, log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, before: str, after: str
) -> None:
    """Whatever statement was the last one, the next run of the reviews carries out all of it, or nothing was said."""
    log(data="a")
    log(data="b", promotion="review" if act == "promoted" else "automatic")
    seen = []
    for last in itertools.count():
        shutil.copy(tmp_path / "mlflow.db", tmp_path / f"{last}.db")
        copy = replace(store, tracking_uri=f"sqlite:///{tmp_path / f'{last}.db'}")
        with monkeypatch.context() as patched, contextlib.suppress(KilledError):
            killed_at(patched, last)
            if act == "promoted":
                registry.promote(copy, "churn", "2", approver="Ada", reason="better")
            else:
                registry.roll_back(copy, "churn", approver="Ada", reason="worse")
            break
        seen.append(rerun(copy))
    assert len(seen) >= 8
    assert set(seen) == {(before, ()), (after, ((act, "Ada"),))}


def test_every_change_of_champion_is_on_record(store: Store, log: Log) -> None:
    """An auditor reads who served when, by whom and why: gates, people, hands on the alias, and its removal."""
    log(promotion="review")
    registry.promote(store, "churn", "1", approver="Ada", reason="better")
    log(data="b")
    move_alias(store, "1")
    registry.apply_reviews(store)
    client_of(store).delete_registered_model_alias("churn", CHAMPION)
    assert list(registry_reviews.look(store).outstanding)[-1] == "churn: the alias was removed from version 1"
    registry.apply_reviews(store)
    assert "churn has no champion" in registry_reviews.look(store).questions[0]
    move_alias(store, "3")
    registry.apply_reviews(store)
    assert told(store, of_gates=True) == [
        ("2", "promoted", "2", "gates", "fallback: there is no champion"),
        ("1", "promoted", "1", "Ada", "better"),
        ("3", "promoted", "3", "gates", "every gate passed"),
        ("1", "alias_moved", "1", "unknown reviewer", "alias moved by hand"),
        ("1", "alias_removed", "", "unknown reviewer", "alias moved by hand"),
        ("3", "alias_moved", "3", "unknown reviewer", "alias moved by hand"),
    ]
    made = registry_reviews.recorded(store)
    assert [one.previous_version for one in made[1:]] == [one.champion_version for one in made[:-1]]


def test_the_name_and_reason_of_one_decision_are_not_taken_for_another(store: Store, log: Log) -> None:
    """What Ada wrote once neither explains a rejection months later nor a move that somebody made by hand."""
    log(data="a")
    log(data="b", promotion="review")
    say(store, "2", reviewer="Ada", review_comment="better", review="approved")
    registry.apply_reviews(store)
    say(store, "2", review="rejected")
    assert registry.apply_reviews(store) == []
    assert "say in review_comment why it is another now" in registry_reviews.look(store).questions[0]
    say(store, "2", review="approved")
    log(data="c")
    move_alias(store, "2")
    registry.apply_reviews(store)
    assert told(store)[-1] == ("2", "alias_moved", "2", "unknown reviewer", "alias moved by hand")
    assert registry.champion_info(store, "churn").tags["reviewer"] == "Ada"


def test_an_approval_and_the_alias_set_together_are_one_promotion(store: Store, log: Log) -> None:
    """Who also moves the alias is the reviewer, not an unknown hand."""
    log(data="a")
    log(data="b", promotion="review")
    say(store, "2", reviewer="Ada", review_comment="better", review="Approved ")
    move_alias(store, "2")
    registry.apply_reviews(store)
    assert told(store) == [("2", "promoted", "2", "Ada", "better")]


def test_a_long_comment_in_any_script_is_kept_whole(store: Store, log: Log) -> None:
    """Lines, quotes and signs of 5,000 characters reach the record, also where the run was killed after the move."""
    log(data="a")
    log(data="b", promotion="review")
    why = ('größer "als" \\ 市场\n| ' * 300)[:5000].strip()
    say(store, "2", reviewer="Ada", review_comment=why, review="approved")
    with pytest.MonkeyPatch.context() as patched, contextlib.suppress(KilledError):
        killed_at(patched, 4)
        registry.apply_reviews(store)
    assert champion(store) == "2"
    noted = client_of(store).get_registered_model("churn").tags[registry_moves.MOVE]
    assert len(noted) < 5000
    registry.apply_reviews(store)
    assert told(store) == [("2", "promoted", "2", "Ada", why)]


def test_a_roll_back_reaches_back_past_deleted_and_refused_versions(store: Store, log: Log) -> None:
    """Whatever was deleted in MLflow or moved by hand in between, the newest earlier champion that is left serves."""
    for data in "abcd":
        log(data=data)
    move_alias(store, "2")
    client_of(store).delete_model_version("churn", "3")
    registry.reject(store, "churn", "4", approver="Ada", reason="late doubts")
    assert registry.roll_back(store, "churn", approver="Ada", reason="worse").version == "1"
    with pytest.raises(RegistryError, match="no earlier champion"):
        registry.roll_back(store, "churn", approver="Ada", reason="worse still")


def test_a_roll_back_of_another_champion_than_was_meant_is_refused(store: Store, log: Log) -> None:
    """A training or a reviewer may promote while the roll-back waits; what they promoted is not rolled back for it."""
    log(data="a")
    log(data="b")
    log(data="c", promotion="review")
    say(store, "3", reviewer="Bea", review_comment="best", review="approved")
    with pytest.raises(RegistryError, match="version 2 was meant, but version 3 is champion by now"):
        registry.roll_back(store, "churn", version="2", approver="Ada", reason="complaints")
    assert (champion(store), told(store)) == ("3", [("3", "promoted", "3", "Bea", "best")])


def test_two_reviewers_of_one_version_are_both_heard(store: Store, log: Log) -> None:
    """What one said in MLflow is carried out before the other's command writes over it."""
    log(data="a")
    log(data="b", promotion="review")
    say(store, "2", reviewer="Bea", review_comment="too few regions", review="rejected")
    registry.promote(store, "churn", "2", approver="Ada", reason="enough for now")
    assert [row[1::2] for row in told(store)] == [("rejected", "Bea"), ("promoted", "Ada")]


def test_a_version_that_is_not_served_is_no_bar_for_the_next(store: Store, log: Log) -> None:
    """A rejected only champion, which may be too good to be true, is not what a challenger has to beat."""
    log()
    assert registry.champion_to_beat(store, "churn").version == "1"
    registry.reject(store, "churn", "1", approver="Ada", reason="it saw the future")
    assert registry.champion_to_beat(store, "churn") is None


def test_a_champion_deleted_in_mlflow_is_noted_and_replaced(store: Store, log: Log) -> None:
    """The removal is told although its version can keep no record, and the next training serves again."""
    log(data="a")
    client_of(store).delete_model_version("churn", "1")
    [made] = registry.apply_reviews(store)
    assert (made.decision, made.version, made.champion_version) == ("alias_removed", "1", "")
    assert registry.apply_reviews(store) == []
    client_of(store).delete_registered_model("churn")
    assert (registry.apply_reviews(store), registry_reviews.look(store).questions) == ([], ())
    assert log(data="b").champion.version == "1"


def test_an_experiment_deleted_in_mlflow_stops_no_training(store: Store, log: Log) -> None:
    """What is registered is served on, and the next training finds its place again."""
    client_of(store).delete_experiment(log(data="a").experiment_id)
    assert registry.load_champion(store, "churn", Doubler.load)[1].version == "1"
    assert log(data="b").champion.version == "2"


def test_the_challenger_of_a_rejected_training_is_another(store: Store, log: Log) -> None:
    """Rejecting an older version leaves the newer challenger alone."""
    log(data="a")
    log(data="b", promotion="review")
    log(data="c", promotion="review")
    registry.reject(store, "churn", "2", approver="Ada", reason="outdated")
    assert registry.challenger_info(store, "churn").version == "3"


def test_companies_in_one_registry_are_apart(store: Store, log: Log) -> None:
    """A review of one company's model is carried out for that company only."""
    log()
    other = replace(store, owner="beta")
    registry.log_training(other, outcome(), replace(PROVENANCE, content_hash="b", promotion="review"))
    for tag, value in (("review_comment", "good"), ("review", "approved")):
        client_of(store).set_model_version_tag("beta.churn", "1", tag, value)
    assert registry.apply_reviews(store) == []
    assert [one.model for one in registry.apply_reviews(other)] == ["beta.churn"]
    assert registry.load_champion(other, "churn", Doubler.load)[1].version == "1"
