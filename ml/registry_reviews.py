"""Reviews in the registry: what people say about versions, and carrying it out.

Belongs here: promoting, rejecting and rolling back on a person's word, and what is open. Does not belong here: how the
alias moves and what is kept of it (`ml.registry_moves`), the words and rules of a review (`ml.review_rules`), the
warehouse's table (`orchestration.learning.reviews`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml import review_rules as rules
from ml.registrations import RegistryError, Store, VersionInfo
from ml.registry_client import CHALLENGER, CHAMPION, all_versions, client_of, info_by_alias, versions_of
from ml.registry_moves import decision, keep, move_champion, outstanding, predecessor, said, settle, version_of
from ml.review_rules import Decision

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel


def promote(
    store: Store, name: str, version: str, *, approver: str, reason: str, dagster_run_id: str = ""
) -> VersionInfo:
    """Make a version champion on a person's word; returns it as it is now.

    Raises:
        RegistryError: no such version, or no reason is given.
    """
    client = client_of(store)
    info = _stated(client, store, name, version, rules.APPROVED, approver, reason)
    _promote(client, info, dagster_run_id)
    return version_of(client, info.name, info.version)


def reject(
    store: Store, name: str, version: str, *, approver: str, reason: str, dagster_run_id: str = ""
) -> VersionInfo:
    """Never serve a version; if it is champion, its predecessor is champion again. Returns the version rejected.

    Raises:
        RegistryError: no such version, or no reason is given.
    """
    client = client_of(store)
    info = _stated(client, store, name, version, rules.REJECTED, approver, reason)
    _refuse(client, info, dagster_run_id)
    return version_of(client, info.name, info.version)


def roll_back(
    store: Store, name: str, *, approver: str, reason: str, version: str = "", dagster_run_id: str = ""
) -> VersionInfo:
    """Make the champion's predecessor champion again and return it; the version left must be approved to come back.

    Args:
        version: the champion that is meant; empty for whichever it is. While a roll-back waits for the company, a
            training or another reviewer may have changed the champion.

    Raises:
        RegistryError: there is no champion, it is another than was meant, it has no predecessor that may be served, or
            no reason is given.
    """
    client, registered = client_of(store), store.registered(name)
    current = info_by_alias(client, registered, CHAMPION)
    if current is not None:
        _carried_out(client, registered)
        current = info_by_alias(client, registered, CHAMPION)
    why_not = _no_way_back(client, current, version)
    if current is None or why_not:
        msg = f"model '{name}' cannot be rolled back: {why_not}"
        raise RegistryError(msg)
    info = _stated(client, store, name, current.version, rules.ROLLED_BACK, approver, reason)
    made = _refuse(client, info, dagster_run_id)
    return version_of(client, info.name, made.champion_version)


def apply_reviews(store: Store, dagster_run_id: str = "") -> list[Decision]:
    """Carry out what people decided in the registry, the oldest version first; returns what was carried out now."""
    client = client_of(store)
    return [made for model in _models(store) for made in _carried_out(client, model.name, dagster_run_id)]


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
    found = all_versions(store)
    questions = [sentence for info in found if (sentence := rules.open_question(info)) is not None]
    todo = [sentence for info in found for sentence in _outstanding(info)]
    for model in _models(store):
        if (sentence := outstanding(model)) is not None:
            todo.append(sentence)
        elif CHAMPION not in model.aliases and any(info.name == model.name for info in found):
            questions.append(f"{model.name} has no champion, so nothing scores it; set the alias {CHAMPION} or train")
    waiting = [info for info in found if rules.review_of(info) == rules.WAITING]
    waiting.sort(key=lambda info: (info.name, int(info.version)))
    return Open(tuple(todo), tuple(questions), tuple(waiting))


def recorded(store: Store) -> list[Decision]:
    """Every decision that the registry holds, in the order in which they were made."""
    found = [decision for info in all_versions(store) for decision in rules.decisions(info)]
    return sorted(found, key=lambda decision: decision.decided_at)


def unrecorded(store: Store) -> list[Decision]:
    """Decisions that the warehouse does not hold yet, in the order in which they were made."""
    found = [decision for info in all_versions(store) for decision in rules.unrecorded(info)]
    return sorted(found, key=lambda decision: decision.decided_at)


def mark_recorded(store: Store, decisions: Sequence[Decision]) -> None:
    """Note that the warehouse holds these decisions."""
    client = client_of(store)
    for one in sorted(decisions, key=lambda decision: decision.number):
        client.set_model_version_tag(one.model, one.version, rules.RECORDED, str(one.number))


def _carried_out(client: "MlflowClient", name: str, dagster_run_id: str = "") -> list[Decision]:
    done = settle(client, name, dagster_run_id)
    for info in versions_of(client, name):
        if rules.is_pending(info):
            act = _promote if rules.review_of(info) == rules.APPROVED else _refuse
            done.append(act(client, info, dagster_run_id))
    return done


def _promote(client: "MlflowClient", info: VersionInfo, dagster_run_id: str) -> Decision:
    before = info_by_alias(client, info.name, CHAMPION)
    before_it = before.version if before else ""
    made = decision(client, info, "promoted", before_it, info.version, said(info), dagster_run_id)
    move_champion(client, made)
    return made


def _refuse(client: "MlflowClient", info: VersionInfo, dagster_run_id: str) -> Decision:
    """Reject a version; a champion gives way to the nearest predecessor that may be served, if there is one."""
    current = info_by_alias(client, info.name, CHAMPION)
    champion = current.version if current else ""
    back = predecessor(client, info) if champion == info.version else None
    after = back.version if back else champion
    made = decision(client, info, "rolled_back" if back else "rejected", champion, after, said(info), dagster_run_id)
    if back is not None:
        move_champion(client, made)
        return made
    _drop_challenger(client, info)
    keep(client, made)
    return made


def _no_way_back(client: "MlflowClient", current: VersionInfo | None, meant: str) -> str | None:
    if current is None:
        return "no champion"
    if meant and current.version != meant:
        return f"version {meant} was meant, but version {current.version} is champion by now. Look at it and say again"
    return "no earlier champion may be served" if predecessor(client, current) is None else None


def _outstanding(info: VersionInfo) -> list[str]:
    named = f"{info.name} version {info.version}"
    todo = [f"{named}: {one.tag} is not recorded" for one in rules.unrecorded(info)]
    if rules.is_pending(info):
        todo.append(f"{named}: {rules.review_of(info)} ({rules.shortened(rules.comment(info))})")
    return todo


def _drop_challenger(client: "MlflowClient", info: VersionInfo) -> None:
    challenger = info_by_alias(client, info.name, CHALLENGER)
    if challenger is not None and challenger.version == info.version:
        client.delete_registered_model_alias(info.name, CHALLENGER)


def _stated(
    client: "MlflowClient", store: Store, name: str, version: str, review: str, approver: str, reason: str
) -> VersionInfo:
    """Say in the registry what a reviewer would have said, so that a killed process leaves a review, not nothing.

    What others have said before is carried out first: of two reviewers none is overwritten.
    """
    if not reason.strip():
        msg = f"a reason is needed to set {rules.REVIEW} = {review} on '{name}' version {version}"
        raise RegistryError(msg)
    name = store.registered(name)
    version_of(client, name, version)
    _carried_out(client, name)
    for tag, value in ((rules.REVIEWER, approver), (rules.COMMENT, reason), (rules.REVIEW, review)):
        client.set_model_version_tag(name, version, tag, value)
    return version_of(client, name, version)


def _models(store: Store) -> list["RegisteredModel"]:
    """The registered models of the store."""
    found = client_of(store).search_registered_models(max_results=1000)
    return sorted((model for model in found if store.owns(model.name)), key=lambda model: str(model.name))
