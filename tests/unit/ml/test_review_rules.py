from dataclasses import replace

import pytest

from ml import review_rules as rules
from ml.registrations import RegistryError, VersionInfo
from ml.review_rules import Decision

MADE = Decision(
    "churn", "3", 1, "promoted", "approved", "2", "3", "Ada", "besser, größer", "2026-01-01T00:00:00+00:00", "r", "d"
)


def version(status: str = "validated", **tags: str) -> VersionInfo:
    return VersionInfo("churn", "3", "run", status, None, {"status": status, **tags})


def test_a_decision_survives_its_tag() -> None:
    """What the registry keeps is what was decided, and ten come before eleven."""
    assert Decision.from_json(MADE.as_json()) == MADE
    many = [replace(MADE, number=number) for number in range(1, 12)]
    info = version(**{one.tag: one.as_json() for one in reversed(many)}, decisions_recorded="9")
    assert rules.decisions(info) == many
    assert [one.number for one in rules.unrecorded(info)] == [10, 11]


@pytest.mark.parametrize(
    ("tags", "is_pending"),
    [
        ({}, False),
        ({"review": "waiting", "review_comment": "later"}, False),
        ({"review": "approved", "review_comment": " "}, False),
        ({"review": "perhaps", "review_comment": "why not"}, False),
        ({"review": "approved", "review_comment": "better"}, True),
        ({"review": " Approved", "review_comment": "better"}, True),
        ({"review": "rejected", "review_comment": MADE.reason, MADE.tag: MADE.as_json()}, False),
        ({"review": "approved", "review_comment": "better", MADE.tag: MADE.as_json()}, False),
        ({"review": "rejected", "review_comment": "worse", MADE.tag: MADE.as_json()}, True),
    ],
)
def test_only_a_new_decision_with_a_reason_is_pending(tags: dict[str, str], is_pending: bool) -> None:
    """A word that is no decision, a missing comment and what was carried out already ask for nothing."""
    assert rules.is_pending(version(**tags)) is is_pending


def test_a_word_that_is_no_decision_is_asked_about() -> None:
    """A reviewer who writes another word than was agreed learns which there are."""
    asked = rules.open_question(version(review="APPROVE", review_comment="better"))
    assert asked == "churn version 3: the tag review is 'approve', which is none of approved, rejected, rolled_back"
    assert rules.open_question(version(review="Waiting")) is None


def test_a_record_changed_by_hand_is_named() -> None:
    """What somebody wrote over a decision is no traceback but a sentence with the mend."""
    with pytest.raises(RegistryError, match=r"changed by hand .* put it back"):
        rules.decisions(version(decision_1="approved, see mail"))


@pytest.mark.parametrize(
    ("status", "tags", "is_refused"),
    [
        ("validated", {}, False),
        ("fallback", {}, False),
        ("validated", {"review": "waiting"}, False),
        ("validated", {"review": "rejected"}, True),
        ("validated", {"review": "Rejected "}, True),
        ("fallback", {"review": "rolled_back"}, True),
        ("failed_gates", {}, True),
        ("failed_gates", {"review": "approved"}, True),
        ("failed_gates", {"review": "approved", "review_comment": "known"}, False),
    ],
)
def test_what_may_be_served(status: str, tags: dict[str, str], is_refused: bool) -> None:
    """People's no counts always, a failed gate unless a person said why it may be served; the mend is named."""
    why_not = rules.refusal(version(status, **tags))
    assert (why_not is not None) is is_refused
    assert why_not is None or "review = approved" in why_not
