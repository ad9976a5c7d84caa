import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ingestion.contract import TABLES
from ingestion.expectations import data_docs
from ingestion.expectations.outcomes import Outcome, TableReport

OCCASION = data_docs.Occasion("A & B", date(2024, 12, 31), datetime(2025, 1, 1, 6, tzinfo=UTC).replace(tzinfo=None))
BROKEN = Outcome(
    "contract", "outcome", "expect_column_values_to_be_in_set", "critical", "outcome is one of open, won, lost.",
    passed=False, observed="1 of 9 rows do not fit", unexpected=1, samples=("<script>",),
)  # fmt: skip
UNUSUAL = replace(BROKEN, suite="history", subject="rows", severity="warning", statement="12 rows.", samples=())
SOUND = replace(BROKEN, passed=True, samples=())
EMPTY = TableReport("leads", 0, 0, date(2024, 12, 1), (), ("The table is empty; there is nothing to judge.",))


def report(*outcomes: Outcome) -> TableReport:
    return TableReport("deals", 9, 9, date(2024, 12, 1), outcomes, ("Volume is not compared: too few rows.",))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    reports = [report(SOUND, UNUSUAL, BROKEN), *(replace(EMPTY, table=name) for name in TABLES if name != "deals")]
    return data_docs.write(tmp_path / "data_docs", OCCASION, reports).parent


def test_every_link_of_the_site_leads_to_a_page(site: Path) -> None:
    """From the first page to each table and back, with no address outside the folder."""
    pages = sorted(site.glob("*.html"))
    assert len(pages) == len(TABLES) + 1
    for page in pages:
        text = page.read_text(encoding="utf-8")
        links = re.findall(r'(?:href|src)="([^"]+)"', text)
        assert links
        assert [link for link in links if not (site / link).is_file()] == []
        assert not re.search(r"https?://|<script|@import|url\(", text)


def test_a_page_says_what_does_not_hold_first(site: Path) -> None:
    """Failed rows stand before those that hold, with what was found; what was not compared has its reason."""
    text = (site / "deals.html").read_text(encoding="utf-8")
    assert "breaks the contract" in text
    assert text.index("1 of 9 rows do not fit") < text.index(">holds<")
    assert "Volume is not compared: too few rows." in text
    assert "Sales opportunities." in text


def test_values_of_a_source_are_only_text(site: Path) -> None:
    """What looks like markup in a source is shown, not obeyed; the company's name as well."""
    assert "such as &lt;script&gt;" in (site / "deals.html").read_text(encoding="utf-8")
    assert "A &amp; B: Data Docs" in (site / "index.html").read_text(encoding="utf-8")


def test_the_first_page_counts_failures_by_severity(site: Path) -> None:
    """How many tables have rows, how many expectations there are, and how many fail."""
    text = (site / "index.html").read_text(encoding="utf-8")
    cards = {label: value for value, label in re.findall(r"<strong>([^<]+)</strong><span[^>]*>([^<]+)<", text)}
    assert cards == {
        "tables with rows": "1 of 13",
        "expectations": "3",
        "critical failures": "1",
        "warnings": "1",
    }


def test_the_same_facts_are_there_for_machines(site: Path) -> None:
    """`results.json` holds every outcome of every table."""
    facts = {each["table"]: each for each in json.loads((site / "results.json").read_text(encoding="utf-8"))}
    assert set(facts) == set(TABLES)
    assert [each["passed"] for each in facts["deals"]["outcomes"]] == [True, False, False]
