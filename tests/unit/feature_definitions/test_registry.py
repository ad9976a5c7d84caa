import string

import pytest

from feature_definitions import registry
from feature_definitions.base import FeatureColumn

COLUMNS = [column for view in registry.VIEWS for column in view.columns]


def _fields(text: str) -> list[str | None]:
    return [field for _, field, _, _ in string.Formatter().parse(text) if field is not None]


@pytest.mark.parametrize("model", registry.MODEL_ENTITIES)
def test_no_model_reads_two_features_of_one_name(model: str) -> None:
    """The views of a model can be put side by side without renaming a column."""
    names = [column.name for column in registry.columns_for(model)]
    assert len(names) == len(set(names))


def test_lead_score_reads_nothing_filled_after_the_contact() -> None:
    """What sales fills in after the contact is declared so, and the lead score does not get it."""
    names = {column.name for column in registry.columns_for("lead_score")}
    assert not names & {"calls_count", "meetings_count", "demos_count", "has_account", "has_deal", "current_stage"}
    assert "lead_age_days" in names


def test_every_view_is_found_by_name_and_entity() -> None:
    """A view is found by its name and among those of its entity."""
    for view in registry.VIEWS:
        assert registry.view(view.name) is view
        assert view in registry.views_of(view.entity)
        assert registry.entity_of(view).key == view.entity


def test_unknown_names_say_what_there_is() -> None:
    """An unknown view or model is an error that lists the known ones."""
    with pytest.raises(KeyError, match="feat_customer_usage"):
        registry.view("feat_nothing")
    with pytest.raises(KeyError, match="win_probability"):
        registry.views_for("nothing")


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_wording_can_be_filled_in(column: FeatureColumn) -> None:
    """A reason holds no placeholder but the feature's value, in a format that fits the kind of the feature."""
    value: float | str = "north" if column.kind == "categorical" else 0.5
    for text in (column.reason_high, column.reason_low):
        if text is not None:
            assert set(_fields(text)) <= {"value"}
            assert text.format(value=value)
            assert column.kind != "flag" or not _fields(text)
    assert not _fields(column.reason_missing or "")


@pytest.mark.parametrize("model", registry.MODEL_ENTITIES)
def test_a_reason_is_something_one_can_act_on(model: str) -> None:
    """What a model may give as a reason has an action; where somebody comes from, or who sells, is never one."""
    worded = [c for c in registry.columns_for(model) if c.reason_high or c.reason_low or c.reason_missing]
    assert [column.name for column in worded if not column.action] == []
    assert not {column.name for column in worded} & {"country", "region", "owner_win_ratio", "employee_count"}


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_every_number_has_a_unit(column: FeatureColumn) -> None:
    """A number says in what it is measured; every feature says what drives it."""
    assert column.description
    assert column.driver
    assert column.unit or column.kind != "numeric"
