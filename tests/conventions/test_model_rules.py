"""The table of the models' rules names tests and modules that exist."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "model_rules.md").read_text(encoding="utf-8")
ROWS = [line.split("|")[1:-1] for line in PAGE.splitlines() if line.startswith("| ")][1:]
MODELS = {"churn", "clv", "lead_score", "win_probability", "revenue"}


def test_every_named_test_exists() -> None:
    """A rule is held by a test that is there to fail."""
    written = "\n".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)", written, re.MULTILINE))
    named = {test for row in ROWS for test in re.findall(r"`(test_\w+)`", row[3])}
    assert len(named) > 20
    assert named - there == set()


def test_every_named_place_exists() -> None:
    """The place at which a rule holds is a file or folder of the repository."""
    places = {place for row in ROWS for place in re.findall(r"`([^`]+)`", row[2])}
    assert {place for place in places if not (REPOSITORY / place).exists()} == set()


def test_every_model_has_rules() -> None:
    """No model stands outside the table."""
    named = {model.strip() for row in ROWS for model in row[1].split(",")}
    assert MODELS <= named <= MODELS | {"all"}
