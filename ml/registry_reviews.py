"""Reviews in the registry: who becomes champion on a person's word, who never does, and the way back.

Belongs here: moving the alias `champion` and keeping why. Does not belong here: the words and rules of a review
(`ml.review_rules`), what a training registers (`ml.registry`), the warehouse's table (`orchestration.reviews`).

The alias moves by one statement. Before it, the move is noted on the registered model (`champion_move`), after it, the
decision on the version and the champion on the model (`champion_on_record`): whatever a killed process left, the next
one (`settle`) ends or forgets it, and a champion that is not on record was moved there by hand. Callers hold the lock
of the company's runs; a person in MLflow does not, and is noticed at the next call.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ml import review_rules as rules
from ml.registrations import RegistryError, Store, VersionInfo
from ml.registry_client import CHALLENGER, CHAMPION, all_versions, client_of, info_by_alias, info_of
from ml.review_rules import Decision

if TYPE_CHECKING:
    from mlflow import MlflowClient

ON_RECORD: Final = "champion_on_record"
MOVE: Final = "champion_move"
PREVIOUS: Final = "previous_champion"
BY_HAND: Final = "alias moved by hand"


def promote(
    store: Store, name: str, version: str, *, approver: str, reason: str, dagster_run_id: str = ""
) -> VersionInfo:
    """Make a version champion on a person's word; returns it as it is now.

    Raises:
        RegistryError: no such version, or no reason is given.
    """
    client, info = _stated(store, name, version, rules.APPROVED, approver, reason)
    _promote(client, info, dagster_run_id)
    return _version(client, info.name, info.version)


def reject(
    store: Store, name: str, version: str, *, approver: str, reason: str, dagster_run_id: str = ""
) -> VersionInfo:
    """Never serve a version; if it is champion, its predecessor is champion again. Returns the version rejected.

    Raises:
        RegistryError: no such version, or no reason is given.
    """
    client, info = _stated(store, name, version, rules.REJECTED, approver, reason)
    _refuse(client, info, dagster_run_id)
    return _version(client, info.name, info.version)


def roll_back(store: Store, name: str, *, approver: str, reason: str, dagster_run_id: str = "") -> VersionInfo:
    """Make the champion's predecessor champion again and return it; the version left must be approved to come back.

    Raises:
        RegistryError: there is no champion, it has no predecessor that may be served, or no reason is given.
    """
    client = client_of(store)
    current = info_by_alias(client, store.registered(name), CHAMPION)
    if current is None or _predecessor(client, current) is None:
        msg = f"model '{name}' cannot be rolled back: " + ("no champion" if current is None else "no earlier champion")
        raise RegistryError(msg)
    client, info = _stated(store, name, current.version, rules.ROLLED_BACK, approver, reason)
    made = _refuse(client, info, dagster_run_id)
    return _version(client, info.name, made.champion_version)


def apply_reviews(store: Store, dagster_run_id: str = "") -> list[Decision]:
    """Carry out what people decided in the registry, the oldest version first; returns what was carried out now."""
    client, done = client_of(store), []
    for name in _names(store):
        done += settle(client, name, dagster_run_id)
        waiting = sorted(all_versions(store, name), key=lambda info: int(info.version))
        for info in waiting:
            if rules.is_pending(info):
                act = _promote if info.tags[rules.REVIEW] == rules.APPROVED else _refuse
                done.append(act(client, info, dagster_run_id))
    return done


@dataclass(frozen=True)
class Open:
    """What is open in a registry.

    Attributes:
        outstanding: what `apply_reviews` and the warehouse's record still have to do, one sentence each.
        questions: what reviewers left incomplete, one sentence each.
        waiting: the versions that wait for a person, the oldest of a model first.
    """

    outstanding: tuple[str, ...]
    questions: tuple[str, ...]
    waiting: tuple[VersionInfo, ...]


def look(store: Store) -> Open:
    """Everything that is open, by one look at the versions."""
    client, found = client_of(store), all_versions(store)
    questions = (rules.open_question(info) for info in found)
    waiting = [info for info in found if info.tags.get(rules.REVIEW) == rules.WAITING]
    said = [sentence for info in found for sentence in _outstanding(info)]
    for name in _names(store):
        tags, champion = client.get_registered_model(name).tags, info_by_alias(client, name, CHAMPION)
        if MOVE in tags:
            said.append(f"{name}: a move of the champion was interrupted ({tags[MOVE][:200]})")
        elif champion is not None and tags.get(ON_RECORD, champion.version) != champion.version:
            said.append(f"{name}: the alias was moved from version {tags[ON_RECORD]} to {champion.version}")
    return Open(
        tuple(said),
        tuple(sentence for sentence in questions if sentence is not None),
        tuple(sorted(waiting, key=lambda info: (info.name, int(info.version)))),
    )


def unrecorded(store: Store) -> list[Decision]:
    """Decisions that the warehouse does not hold yet, in the order in which they were made."""
    found = [decision for info in all_versions(store) for decision in rules.unrecorded(info)]
    return sorted(found, key=lambda decision: decision.decided_at)


def mark_recorded(store: Store, decisions: Sequence[Decision]) -> None:
    """Note that the warehouse holds these decisions."""
    client = client_of(store)
    for one in sorted(decisions, key=lambda decision: decision.number):
        client.set_model_version_tag(one.model, one.version, rules.RECORDED, str(one.number))


def settle(client: "MlflowClient", name: str, dagster_run_id: str = "") -> list[Decision]:
    """End the move that a killed process left, and note a champion that was set by hand; returns what was noted."""
    tags, champion = client.get_registered_model(name).tags, info_by_alias(client, name, CHAMPION)
    if MOVE in tags:
        to, _, decision = tags[MOVE].partition(" ")
        if champion is not None and champion.version == to:
            _finish(client, name, to, Decision.from_json(decision) if decision else None)
            return [Decision.from_json(decision)] if decision else []
        client.delete_registered_model_tag(name, MOVE)
    if champion is None:
        return []
    before = tags.get(ON_RECORD)
    if before is None or before == champion.version:
        client.set_registered_model_tag(name, ON_RECORD, champion.version)
        return []
    return [_note_hand(client, champion, before, dagster_run_id)]


def move_champion(client: "MlflowClient", name: str, version: str, decision: Decision | None = None) -> None:
    """Move the alias; `settle` comes before it. Without a decision it is a training that promotes by itself."""
    current = info_by_alias(client, name, CHAMPION)
    client.set_registered_model_tag(name, MOVE, f"{version} {decision.as_json() if decision else ''}".strip())
    is_way_back = decision is not None and decision.version != version
    if current is not None and current.version != version and not is_way_back:
        client.set_model_version_tag(name, version, PREVIOUS, current.version)
    client.set_registered_model_alias(name, CHAMPION, version)
    _finish(client, name, version, decision)


def _finish(client: "MlflowClient", name: str, version: str, decision: Decision | None) -> None:
    """What follows a move; every statement may be repeated."""
    challenger = info_by_alias(client, name, CHALLENGER)
    if challenger is not None and int(challenger.version) <= int(version):
        client.delete_registered_model_alias(name, CHALLENGER)
    if decision is not None:
        _keep(client, decision)
    client.set_registered_model_tag(name, ON_RECORD, version)
    client.delete_registered_model_tag(name, MOVE)


def _promote(client: "MlflowClient", info: VersionInfo, dagster_run_id: str) -> Decision:
    before = info_by_alias(client, info.name, CHAMPION)
    made = _decision(info, "promoted", before.version if before else "", info.version, dagster_run_id)
    move_champion(client, info.name, info.version, made)
    return made


def _refuse(client: "MlflowClient", info: VersionInfo, dagster_run_id: str) -> Decision:
    """Reject a version; a champion gives way to the nearest predecessor that may be served, if there is one."""
    current = info_by_alias(client, info.name, CHAMPION)
    if current is None or current.version != info.version:
        champion = current.version if current else ""
        made = _decision(info, "rejected", champion, champion, dagster_run_id)
        _drop_challenger(client, info)
        _keep(client, made)
        return made
    back = _predecessor(client, info)
    made = _decision(info, "rolled_back", info.version, back.version if back else info.version, dagster_run_id)
    if back is None:
        made = replace(made, decision="rejected")
        _keep(client, made)
    else:
        move_champion(client, info.name, back.version, made)
    return made


def _outstanding(info: VersionInfo) -> list[str]:
    named = f"{info.name} version {info.version}"
    said = [f"{named}: {one.tag} is not recorded" for one in rules.unrecorded(info)]
    if rules.is_pending(info):
        said.append(f"{named}: {info.tags[rules.REVIEW]} ({info.tags[rules.COMMENT]})")
    return said


def _predecessor(client: "MlflowClient", info: VersionInfo) -> VersionInfo | None:
    """The nearest earlier champion that may be served; hands may have moved the alias in a circle."""
    seen, at = {info.version}, info.previous_champion
    while at is not None and at not in seen:
        seen.add(at)
        earlier = _version(client, info.name, at)
        if rules.refusal(earlier) is None:
            return earlier
        at = earlier.previous_champion
    return None


def _note_hand(client: "MlflowClient", champion: VersionInfo, before: str, dagster_run_id: str) -> Decision:
    """Keep that somebody moved the alias; a version that waited is thereby approved."""
    if champion.tags.get(rules.REVIEW) == rules.WAITING:
        client.set_model_version_tag(champion.name, champion.version, rules.REVIEW, rules.APPROVED)
        champion = _version(client, champion.name, champion.version)
    made = _decision(champion, "alias_moved", before, champion.version, dagster_run_id)
    client.set_model_version_tag(champion.name, champion.version, PREVIOUS, before)
    _finish(client, champion.name, champion.version, made)
    return made


def _decision(info: VersionInfo, kind: rules.Kind, before: str, after: str, dagster_run_id: str) -> Decision:
    comment = info.tags.get(rules.COMMENT, "").strip()
    return Decision(
        model=info.name,
        version=info.version,
        number=len(rules.decisions(info)) + 1,
        decision=kind,
        review=info.tags.get(rules.REVIEW, ""),
        previous_version=before,
        champion_version=after,
        decided_by=info.tags.get(rules.REVIEWER, "").strip() or rules.UNKNOWN,
        reason=comment[: rules.LONGEST_REASON] or BY_HAND,
        decided_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        run_id=info.run_id,
        dagster_run_id=dagster_run_id,
    )


def _keep(client: "MlflowClient", made: Decision) -> None:
    """Keep a decision on its version: the record, and in words for whoever looks at it."""
    words = {"reviewed_at": made.decided_at, rules.REVIEWER: made.decided_by}
    if made.review == rules.APPROVED:
        words["approver"] = made.decided_by
    for name, value in words.items():
        client.set_model_version_tag(made.model, made.version, name, value)
    client.set_model_version_tag(made.model, made.version, made.tag, made.as_json())


def _drop_challenger(client: "MlflowClient", info: VersionInfo) -> None:
    challenger = info_by_alias(client, info.name, CHALLENGER)
    if challenger is not None and challenger.version == info.version:
        client.delete_registered_model_alias(info.name, CHALLENGER)


def _stated(
    store: Store, name: str, version: str, review: str, approver: str, reason: str
) -> "tuple[MlflowClient, VersionInfo]":
    """Say in the registry what a reviewer would have said, so that a killed process leaves a review, not nothing."""
    if not reason.strip():
        msg = f"a reason is needed to set {rules.REVIEW} = {review} on '{name}' version {version}"
        raise RegistryError(msg)
    client, name = client_of(store), store.registered(name)
    _version(client, name, version)
    settle(client, name)
    for tag, value in ((rules.REVIEWER, approver), (rules.COMMENT, reason), (rules.REVIEW, review)):
        client.set_model_version_tag(name, version, tag, value)
    return client, _version(client, name, version)


def _version(client: "MlflowClient", name: str, version: str) -> VersionInfo:
    from mlflow.exceptions import MlflowException

    try:
        return info_of(client.get_model_version(name, version))
    except MlflowException as error:
        msg = f"the registry has no version {version} of a model '{name}': {error.message}"
        raise RegistryError(msg) from error


def _names(store: Store) -> list[str]:
    """The registered models of the store."""
    found = client_of(store).search_registered_models(max_results=1000)
    return sorted(model.name for model in found if store.owns(model.name))
