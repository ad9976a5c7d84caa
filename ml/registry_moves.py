"""The alias `champion` moves here, and nowhere else of ours; every move leaves a decision on record.

Belongs here: the move, what a killed process or a person's hand left of one, and the way back. Does not belong here:
what people say about a version (`ml.registry_reviews`), what a training registers (`ml.registry`).

The alias moves by one statement. Before it, the move is noted on the registered model (`champion_move`), after it, the
decision on the version and the champion on the model (`champion_on_record`): whatever a killed process left, the next
one (`settle`) ends or forgets it, and a champion that is not on record was moved there by hand. Callers hold the lock
of the company's runs; a person in MLflow does not, and is noticed at the next call.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from ml import review_rules as rules
from ml.registrations import RegistryError, VersionInfo
from ml.registry_client import CHALLENGER, CHAMPION, info_by_alias, info_of, versions_of
from ml.review_rules import BY_ALIAS, Decision

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import RegisteredModel

# Empty where somebody removed the alias; missing in a registry from before it was kept.
ON_RECORD: Final = "champion_on_record"
MOVE: Final = "champion_move"
PREVIOUS: Final = "previous_champion"


def settle(client: "MlflowClient", name: str, dagster_run_id: str = "") -> list[Decision]:
    """End the move that a killed process left, and note what a hand did to the alias; returns what was noted."""
    tags, champion = client.get_registered_model(name).tags, info_by_alias(client, name, CHAMPION)
    if MOVE in tags:
        made = _noted_move(client, tags[MOVE])
        if champion is not None and champion.version == made.champion_version:
            _finish(client, made)
            return [made]
        client.delete_registered_model_tag(name, MOVE)
    before = tags.get(ON_RECORD)
    if champion is None:
        return [_note_removal(client, name, before, dagster_run_id)] if before else []
    if before is None or before == champion.version:
        client.set_registered_model_tag(name, ON_RECORD, champion.version)
        return []
    return [_note_hand(client, champion, before, dagster_run_id)]


def outstanding(model: "RegisteredModel") -> str | None:
    """What `settle` would have to do, in a sentence; None where nothing is."""
    before, champion = model.tags.get(ON_RECORD), str(model.aliases.get(CHAMPION, ""))
    if MOVE in model.tags:
        return f"{model.name}: a move of the champion was interrupted ({rules.shortened(model.tags[MOVE])})"
    if before is None or before == champion:
        return None
    if not champion:
        return f"{model.name}: the alias was removed from version {before}"
    return f"{model.name}: the alias was moved from version {before or 'none'} to {champion}"


@dataclass(frozen=True)
class Word:
    """Who decided why, and what the tag `review` said of it."""

    by: str
    reason: str
    review: str


def said(info: VersionInfo) -> Word:
    """What the reviewer put into a version's tags."""
    by = info.tags.get(rules.REVIEWER, "").strip()[: rules.LONGEST_NAME]
    return Word(by or rules.UNKNOWN, rules.comment(info), rules.review_of(info))


def promote_by_gates(client: "MlflowClient", name: str, version: str, reason: str, dagster_run_id: str) -> None:
    """Make a version that a training registered champion; what a person did meanwhile is noted first."""
    settle(client, name, dagster_run_id)
    info, before = version_of(client, name, version), info_by_alias(client, name, CHAMPION)
    word = Word(rules.GATES, reason[: rules.LONGEST_REASON], rules.review_of(info))
    before_it = before.version if before else ""
    move_champion(client, decision(client, info, "promoted", before_it, version, word, dagster_run_id))


def move_champion(client: "MlflowClient", made: Decision) -> None:
    """Carry out a decision that moves the alias; `settle` comes before it."""
    name, to = made.model, made.champion_version
    noted = replace(made, reason=made.reason[: rules.LONGEST_IN_MOVE])
    client.set_registered_model_tag(name, MOVE, noted.as_json())
    is_way_back = made.version != to
    if made.previous_version not in ("", to) and not is_way_back:
        client.set_model_version_tag(name, to, PREVIOUS, made.previous_version)
    client.set_registered_model_alias(name, CHAMPION, to)
    _finish(client, made)


def keep(client: "MlflowClient", made: Decision) -> None:
    """Keep a decision on its version: the record, and a person's word also in words for whoever looks at it."""
    words = {}
    if made.decided_by != rules.GATES and made.decision not in BY_ALIAS:
        words = {"reviewed_at": made.decided_at, rules.REVIEWER: made.decided_by}
        words |= {"approver": made.decided_by} if made.review == rules.APPROVED else {}
    for name, value in words.items():
        client.set_model_version_tag(made.model, made.version, name, value)
    client.set_model_version_tag(made.model, made.version, made.tag, made.as_json())


def decision(
    client: "MlflowClient",
    info: VersionInfo,
    kind: rules.Kind,
    before: str,
    after: str,
    word: Word,
    dagster_run_id: str,
) -> Decision:
    """A decision about a version; its time is after that of every other, also where the machine's clock went back."""
    now = datetime.now(UTC)
    for last in _history(client, info.name)[:1]:
        now = max(now, datetime.fromisoformat(last.decided_at) + timedelta(microseconds=1))
    return Decision(
        model=info.name,
        version=info.version,
        number=len(rules.decisions(info)) + 1,
        decision=kind,
        review=word.review,
        previous_version=before,
        champion_version=after,
        decided_by=word.by,
        reason=word.reason,
        decided_at=now.isoformat(timespec="microseconds"),
        run_id=info.run_id,
        dagster_run_id=dagster_run_id,
    )


def predecessor(client: "MlflowClient", champion: VersionInfo) -> VersionInfo | None:
    """The newest earlier champion that is still registered and may be served.

    Champions from before trainings left decisions are known by the chain of `previous_champion`.
    """
    there = {info.version: info for info in versions_of(client, champion.name)}
    earlier = [v for one in _history(client, champion.name) for v in (one.champion_version, one.previous_version)]
    at = earlier[-1] if earlier else champion.version
    while at in there and (at := there[at].previous_champion or "") not in earlier:
        earlier.append(at)
    candidates = (there[version] for version in earlier if version in there and version != champion.version)
    return next((info for info in candidates if rules.refusal(info) is None), None)


def version_of(client: "MlflowClient", name: str, version: str) -> VersionInfo:
    """One version.

    Raises:
        RegistryError: there is no such version.
    """
    from mlflow.exceptions import MlflowException

    try:
        return info_of(client.get_model_version(name, version))
    except MlflowException as error:
        msg = f"the registry has no version {version} of a model '{name}': {error.message}"
        raise RegistryError(msg) from error


def _history(client: "MlflowClient", name: str) -> list[Decision]:
    """Every decision about a model's versions, the newest first."""
    made = [one for info in versions_of(client, name) for one in rules.decisions(info)]
    return sorted(made, key=lambda one: one.decided_at, reverse=True)


def _noted_move(client: "MlflowClient", tag: str) -> Decision:
    """The decision that a move was noted for, with its whole reason."""
    made = Decision.from_json(tag)
    whole = rules.comment(version_of(client, made.model, made.version))
    return replace(made, reason=whole) if whole.startswith(made.reason) else made


def _finish(client: "MlflowClient", made: Decision) -> None:
    """What follows a move; every statement may be repeated."""
    name, to = made.model, made.champion_version
    challenger = info_by_alias(client, name, CHALLENGER)
    if challenger is not None and int(challenger.version) <= int(to):
        client.delete_registered_model_alias(name, CHALLENGER)
    keep(client, made)
    client.set_registered_model_tag(name, ON_RECORD, to)
    client.delete_registered_model_tag(name, MOVE)


def _note_hand(client: "MlflowClient", champion: VersionInfo, before: str, dagster_run_id: str) -> Decision:
    """Keep that somebody moved the alias; a version that waited is thereby approved, an approved one promoted."""
    kind: rules.Kind = "alias_moved"
    review, has_reason, word = rules.review_of(champion), bool(rules.new_reason(champion)), _by_hand(champion)
    if review == rules.WAITING:
        client.set_model_version_tag(champion.name, champion.version, rules.REVIEW, rules.APPROVED)
        champion = version_of(client, champion.name, champion.version)
        word = said(champion) if has_reason else replace(word, review=rules.APPROVED)
    elif review == rules.APPROVED and rules.is_pending(champion):
        kind, word = "promoted", said(champion)
    made = decision(client, champion, kind, before, champion.version, word, dagster_run_id)
    if before:
        client.set_model_version_tag(champion.name, champion.version, PREVIOUS, before)
    _finish(client, made)
    return made


def _note_removal(client: "MlflowClient", name: str, before: str, dagster_run_id: str) -> Decision:
    """Keep that somebody removed the alias, or its version, which then has no tags to keep it in."""
    there = [info for info in versions_of(client, name) if info.version == before]
    info = there[0] if there else VersionInfo(name, before, "", "deleted", None, {})
    made = decision(client, info, "alias_removed", before, "", _by_hand(info), dagster_run_id)
    if there:
        keep(client, made)
    client.set_registered_model_tag(name, ON_RECORD, "")
    return made


def _by_hand(info: VersionInfo) -> Word:
    """Nobody's word; what was answered last stays answered, and what waits for an answer waits."""
    answered = rules.decisions(info)
    return Word(rules.UNKNOWN, rules.BY_HAND, answered[-1].review if answered else "")
