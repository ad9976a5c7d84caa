"""What a person decides about a version: the words of a review, its record, and which version may be served.

Belongs here: the frozen record of a decision and the pure rules on a version's tags. Does not belong here: any access
to a store (`ml.registry_reviews`), whether a model is good enough (`ml.gates`).

A reviewer sets `review_comment` (and `reviewer`) and then `review` on a version. A decision that was carried out is
kept beside them, one tag each, so that the registry alone can tell the whole history.
"""

import json
from dataclasses import asdict, dataclass
from typing import Final, Literal

from ml.registrations import VersionInfo

REVIEW: Final = "review"
COMMENT: Final = "review_comment"
REVIEWER: Final = "reviewer"
WAITING, APPROVED, REJECTED, ROLLED_BACK = "waiting", "approved", "rejected", "rolled_back"
DECIDED: Final = (APPROVED, REJECTED, ROLLED_BACK)
REFUSED: Final = (REJECTED, ROLLED_BACK)
UNKNOWN: Final = "unknown reviewer"
# One tag per decision: decision_1, decision_2, ...; and how many of them the warehouse holds.
DECISION: Final = "decision_"
RECORDED: Final = "decisions_recorded"
# A tag of a registered model takes 5,000 characters in a database; the whole comment stays in its own tag.
LONGEST_REASON: Final = 2000

Kind = Literal["promoted", "rejected", "rolled_back", "alias_moved"]


@dataclass(frozen=True)
class Decision:
    """A decision that was carried out.

    Attributes:
        model, version: what was decided about; `number` counts the decisions about it from 1.
        review: the value of the tag `review` that it answers.
        previous_version, champion_version: who was champion before and after; empty where there was none.
        decided_by: the reviewer, or `unknown reviewer`: a registry without accounts knows no users.
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
        """The decision that a tag keeps."""
        return cls(**json.loads(text))


def decisions(info: VersionInfo) -> list[Decision]:
    """The decisions on record about a version, the oldest first."""
    found = [Decision.from_json(value) for name, value in info.tags.items() if _is_decision(name)]
    return sorted(found, key=lambda decision: decision.number)


def unrecorded(info: VersionInfo) -> list[Decision]:
    """The decisions about a version that the warehouse does not hold yet."""
    held = info.tags.get(RECORDED, "0")
    return [decision for decision in decisions(info) if decision.number > (int(held) if held.isdecimal() else 0)]


def is_pending(info: VersionInfo) -> bool:
    """Whether a person has decided, with a comment, and nothing has carried it out yet."""
    return _is_new(info) and bool(_comment(info))


def open_question(info: VersionInfo) -> str | None:
    """What a reviewer still has to say before a decision counts; None where nothing is missing."""
    if not _is_new(info) or _comment(info):
        return None
    return f"{info.name} version {info.version} is '{info.tags[REVIEW]}' without a reason; add the tag {COMMENT}"


def refusal(info: VersionInfo) -> str | None:
    """Why a version must not be served, and the mend; None where it may be.

    Refused: what a person rejected or rolled back, and what failed its gates, unless a person approved it with a
    comment: moving the alias alone says nothing about the failure.
    """
    review, named = info.tags.get(REVIEW, ""), f"{info.name} version {info.version}"
    if review in REFUSED:
        by, comment = info.tags.get(REVIEWER) or UNKNOWN, _comment(info) or "no reason given"
        return (
            f"{named} was {review.replace('_', ' ')} by {by} ({comment}) and is not served. Move the alias 'champion' "
            f"to another version, or set {COMMENT} and then {REVIEW} = {APPROVED} on it; then run the job apply_reviews"
        )
    if info.status == "failed_gates" and not (review == APPROVED and _comment(info)):
        return (
            f"{named} failed its gates ({info.tags.get('reasons', '')}) and is not served. Move the alias 'champion' "
            f"to another version, or set {COMMENT} and then {REVIEW} = {APPROVED} on it to serve it nonetheless"
        )
    return None


def _is_new(info: VersionInfo) -> bool:
    """Whether the tag `review` holds a decision that is not the last one carried out."""
    review, done = info.tags.get(REVIEW, ""), decisions(info)
    return review in DECIDED and (not done or done[-1].review != review)


def _comment(info: VersionInfo) -> str:
    return info.tags.get(COMMENT, "").strip()


def _is_decision(tag: str) -> bool:
    return tag.startswith(DECISION) and tag.removeprefix(DECISION).isdecimal()
