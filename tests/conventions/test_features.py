"""The page of the features says what their declarations and their SQL say."""

import pytest

from orchestration.reports import features_page
from orchestration.reports.feature_meaning import Meaning, meanings
from orchestration.tables.version_record import changed_without_a_version, versions_on_record


@pytest.fixture(scope="module")
def found() -> tuple[Meaning, ...]:
    return meanings(features_page.manifest())


def test_no_view_changed_its_meaning_under_an_old_version(found: tuple[Meaning, ...]) -> None:
    """A view whose SQL or declaration changed has a higher version than the page records."""
    page = features_page.PAGE.read_text(encoding="utf-8")
    assert set(versions_on_record(page)) == {one.name for one in found}, "run `make features-page`"
    changed = changed_without_a_version(found, page)
    assert changed == [], "raise `version` of these views in feature_definitions, then run `make features-page`"


def test_the_page_is_up_to_date(found: tuple[Meaning, ...]) -> None:
    """docs/features.md is what the declarations say now; if not, run `make features-page`."""
    assert features_page.PAGE.read_text(encoding="utf-8") == features_page.text(found), "run `make features-page`"


def test_every_feature_is_on_the_page(found: tuple[Meaning, ...]) -> None:
    """Each column of each view has its line, with what it means."""
    page = features_page.text(found)
    lines = [f"| `{column.name}` | {column.description} |" for one in found for column in one.view.columns]
    assert [line for line in lines if line not in page] == []
