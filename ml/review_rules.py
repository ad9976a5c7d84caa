"""What a person decides about a version: the words of a review, its record, and which version may be served.

Belongs here: the frozen record of a decision and the pure rules on a version's tags. Does not belong here: any access
to a store (`ml.registry_reviews`), whether a model is good enough (`ml.gates`).

A reviewer sets `review_comment` (and `reviewer`) and then `review` on a version. A decision that was carried out is
kept beside them, one tag each, so that the registry alone can tell the whole history.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

from ml.registrations import RegistryError, VersionInfo

REVIEW: Final = "review"
COMMENT: Final = "review_comment"
REVIEWER: Final = "reviewer"
WAITING, APPROVED, REJECTED, ROLLED_BACK = "waiting", "approved", "rejected", "rolled_back"
DECIDED: Final = (APPROVED, REJECTED, ROLLED_BACK)
REFUSED: Final = (REJECTED, ROLLED_BACK)
UNKNOWN: Final = "unknown reviewer"
GATES: Final = "gates"
BY_HAND: Final = "alias moved by hand"
# One tag per decision: decision_1, decision_2, ...; and how many of them the warehouse holds.
DECISION: Final = "decision_"
RECORDED: Final = "decisions_recorded"
# A version's tag takes 100,000 characters, a registered model's 5,000 in a database; JSON may need six for one.
LONGEST_REASON: Final = 15_000
LONGEST_IN_MOVE: Final = 500
LONGEST_NAME: Final = 200
LONGEST_SENTENCE: Final = 300
BY_ALIAS: Final = ("alias_moved", "alias_removed")

Kind = Literal["promoted", "rejected", "rolled_back", "alias_moved", "alias_removed"]


@dataclass(frozen=True)
class Decision:
    """A change of champion, or a refusal, that was carried out.

    Attributes:
        model, version: what was decided about; `number` counts the decisions about it from 1.
        decision: `promoted` by a person or by the gates, `rejected` or `rolled_back` by a person; `alias_moved` and
            `alias_removed` are what somebody did to the alias `champion` in the registry.
        review: what the tag `review` said then.
        previous_version, champion_version: who was champion before and after; empty where there was none.
        decided_by: the reviewer, or `unknown reviewer`: a registry without accounts knows no users; `gates` where a
            training promoted by itself.
        decided_at: ISO 8601, UTC; when it took effect (a registry's tag has no time of its own).
        run_id: the version's training.
        dagster_run_id: the run that carried it out; empty outside one.
    """

    model: str
    version: str
    number: int
    decision: Kind
    review: str
    previous_version: str
    champion_version: str
    decided_by: str
    reason: str
    decided_at: str
    run_id: str
    dagster_run_id: str

    @property
    def tag(self) -> str:
        """Name of the tag that keeps it."""
        return f"{DECISION}{self.number}"

    def as_json(self) -> str:
        """The tag's value."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> "Decision":
        """The decision that a tag keeps.

        Raises:
            RegistryError: the text is not what `as_json` wrote.
        """
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError) as error:
            msg = (
                f"a tag {DECISION}<n> or champion_move in the registry was changed by hand and is no decision any more "
                f"({shortened(text)}): put it back as it was, as models.reviews has it, or delete it"
            )
            raise RegistryError(msg) from error


def decisions(info: VersionInfo) -> list[Decision]:
    """The decisions on record about a version, the oldest first."""
    found = [Decision.from_json(value) for name, value in info.tags.items() if _is_decision(name)]
    return sorted(found, key=lambda decision: decision.number)


def unrecorded(info: VersionInfo) -> list[Decision]:
    """The decisions about a version that the warehouse does not hold yet."""
    held = info.tags.get(RECORDED, "0")
    return [decision for decision in decisions(info) if decision.number > (int(held) if held.isdecimal() else 0)]


def review_of(info: VersionInfo) -> str:
    """What the tag `review` says, however it is spelled: `Rolled back ` is `rolled_back`."""
    return "_".join(info.tags.get(REVIEW, "").lower().split())


def new_reason(info: VersionInfo) -> str:
    """The comment; empty where it is missing or one that an earlier decision was made for, which explains no other."""
    found = comment(info)
    return "" if any(one.reason == found for one in decisions(info)) else found


def is_pending(info: VersionInfo) -> bool:
    """Whether a person has decided, with a comment, and nothing has carried it out yet."""
    return _is_new(info) and bool(new_reason(info))


def open_question(info: VersionInfo) -> str | None:
    """What a reviewer still has to say before a decision counts; None where nothing is missing."""
    review, named = review_of(info), f"{info.name} version {info.version}"
    if review and review not in (WAITING, *DECIDED):
        return f"{named}: the tag {REVIEW} is '{review[:LONGEST_NAME]}', which is none of {', '.join(DECIDED)}"
    if not _is_new(info) or new_reason(info):
        return None
    if comment(info):
        return f"{named} is '{review}' with the reason of an earlier decision; say in {COMMENT} why it is another now"
    return f"{named} is '{review}' without a reason; add the tag {COMMENT}"


def refusal(info: VersionInfo) -> str | None:
    """Why a version must not be served, and the mend; None where it may be.

    Refused: what a person rejected or rolled back, and what failed its gates, unless a person approved it with a
    comment: moving the alias alone says nothing about the failure.
    """
    review, named = review_of(info), f"{info.name} version {info.version}"
    if review in REFUSED:
        by, why = info.tags.get(REVIEWER) or UNKNOWN, shortened(comment(info)) or "no reason given"
        return (
            f"{named} was {review.replace('_', ' ')} by {by} ({why}) and is not served. Train again (its fallback "
            f"serves then), move the alias 'champion' to another version, or set {COMMENT} and then {REVIEW} = "
            f"{APPROVED} on it and run the job apply_reviews"
        )
    if info.status == "failed_gates" and not (review == APPROVED and comment(info)):
        return (
            f"{named} failed its gates ({info.tags.get('reasons', '')}) and is not served. Move the alias 'champion' "
            f"to another version, or set {COMMENT} and then {REVIEW} = {APPROVED} on it to serve it nonetheless"
        )
    return None


def shortened(text: str) -> str:
    """A text of any length and shape as part of a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_SENTENCE else f"{line[:LONGEST_SENTENCE]} ..."


def comment(info: VersionInfo) -> str:
    """Why, as the reviewer put it."""
    return info.tags.get(COMMENT, "").strip()[:LONGEST_REASON]


def _is_new(info: VersionInfo) -> bool:
    """Whether the tag `review` holds a decision that is not the last one carried out."""
    review, done = review_of(info), decisions(info)
    return review in DECIDED and (not done or done[-1].review != review)


def _is_decision(tag: str) -> bool:
    return tag.startswith(DECISION) and tag.removeprefix(DECISION).isdecimal()
