import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.metrics import metrics_page
from orchestration.metrics.metric_layer import Definition, MetricLayer
from orchestration.tables.version_record import changed_without_a_version, versions_on_record

REPOSITORY = Path(__file__).resolve().parents[2]
UNITS = {"money", "ratio", "days", "hours", "months", "count", "points", "score", "times"}
OWNERS = {"marketing-operations", "sales-operations", "finance", "customer-success", "data-platform"}
BY_HAND = ("test_miniature_metrics.py", "test_forecast_ledger.py")
MACRO = re.compile(r"metric_of_(?:columns|rows)\('(\w+)'\)")


@pytest.fixture(scope="module")
def definitions() -> Sequence[Definition]:
    return MetricLayer().definitions


def test_every_metric_says_what_whose_and_how(definitions: Sequence[Definition]) -> None:
    """A metric has a description, a formula, a grain, a known unit and owner, a caveat and a version."""
    mute = [
        one.name
        for one in definitions
        if not (one.description and one.formula and one.grain and one.caveat)
        or one.unit not in UNITS
        or one.owner not in OWNERS
        or one.version < 1
    ]
    assert mute == []


def test_the_page_is_up_to_date(definitions: Sequence[Definition]) -> None:
    """docs/metrics.md is what the definitions say now; if not, run `make metrics-page`."""
    page = metrics_page.PAGE.read_text(encoding="utf-8")
    changed = changed_without_a_version(definitions, page)
    assert changed == [], "raise their version in dbt_project/models/metrics, then run `make metrics-page`"
    assert page == metrics_page.text(definitions), "run `make metrics-page`"


def test_a_changed_meaning_needs_a_new_version(definitions: Sequence[Definition]) -> None:
    """Another formula under the same version is noticed; with a new version it is a new definition."""
    page = metrics_page.text(definitions)
    assert set(versions_on_record(page)) == {one.name for one in definitions}
    edited = replace(definitions[0], fingerprint="something else")
    assert changed_without_a_version([edited], page) == [edited.name]
    assert changed_without_a_version([replace(edited, version=edited.version + 1)], page) == []


def test_every_metric_has_a_value_by_hand(definitions: Sequence[Definition]) -> None:
    """The tests of the miniature companies name every metric."""
    by_hand = "".join((REPOSITORY / "tests" / "integration" / name).read_text(encoding="utf-8") for name in BY_HAND)
    assert [one.name for one in definitions if f'"{one.name}"' not in by_hand] == []


def test_marts_render_metrics_that_exist(definitions: Sequence[Definition]) -> None:
    """A column that shows a metric names one that is defined."""
    used = {
        name
        for path in (REPOSITORY / "dbt_project" / "models").rglob("*.sql")
        for name in MACRO.findall(path.read_text(encoding="utf-8"))
    }
    assert used
    assert used <= {one.name for one in definitions}
