from collections import Counter
from typing import Any

import pandas as pd
import pytest

from ingestion.contract import TABLES
from ingestion.contract_fields import RawModel, RawTable, key, text
from ingestion.contract_sql import TRANSLATIONS as SQL_TRANSLATIONS
from ingestion.expectations.contract_suite import TRANSLATIONS, contract_suite
from ingestion.expectations.evaluation import Library
from ingestion.expectations.outcomes import Outcome
from ingestion.warehouse_schema import SYSTEM_COLUMNS, raw_columns

KINDS = {
    "str_length": "expect_column_value_lengths_to_be_between",
    "isin": "expect_column_values_to_be_in_set",
    "str_matches": "expect_column_values_to_match_regex",
    "greater_than_or_equal_to": "expect_column_values_to_be_between",
    "less_than_or_equal_to": "expect_column_values_to_be_between",
}
GOOD_DEAL = {
    "deal_id": "d1",
    "account_id": "a1",
    "lead_id": None,
    "name": "Deal",
    "amount": 10.0,
    "currency": "EUR",
    "pipeline": None,
    "owner_id": None,
    "created_at": pd.Timestamp("2024-01-01"),
    "expected_close_on": pd.NaT,
    "closed_at": pd.NaT,
    "outcome": "open",
    "lost_reason": None,
}
SYSTEM: dict[str, Any] = dict.fromkeys(SYSTEM_COLUMNS, "x")


@pytest.fixture(scope="module")
def library() -> Library:
    return Library()


def judged(library: Library, *rows: dict[str, Any]) -> list[Outcome]:
    frame = pd.DataFrame([GOOD_DEAL | {"deal_id": f"d{number}"} | SYSTEM | row for number, row in enumerate(rows)])
    return list(library.outcomes("contract", TABLES["deals"], contract_suite(TABLES["deals"]), frame))


def failed(outcomes: list[Outcome]) -> set[tuple[str, str]]:
    return {(outcome.subject, outcome.expectation) for outcome in outcomes if not outcome.passed}


def rules(table: RawTable) -> Counter[tuple[str, str]]:
    """Column and kind of every rule that the Pandera model states, read from the model itself."""
    columns = table.schema.to_schema().columns
    nulls = [(name, "expect_column_values_to_not_be_null") for name, column in columns.items() if not column.nullable]
    checks = [(name, KINDS[check.name or ""]) for name, column in columns.items() for check in column.checks]
    return Counter([*nulls, *checks])


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_rule_of_the_contract_is_an_expectation(table: RawTable) -> None:
    """Not-null, length, list, pattern and bound of each column, each once and critical; and the key's uniqueness."""
    made = contract_suite(table).expectations
    about_columns = [(each.column, each.expectation_type) for each in made if hasattr(each, "column")]
    assert Counter(about_columns) == rules(table)
    about_tables = {each.expectation_type: each.configuration.kwargs for each in made if not hasattr(each, "column")}
    assert about_tables["expect_compound_columns_to_be_unique"]["column_list"] == [
        "source",
        table.key,
        "known_at",
        "loaded_at",
    ]
    assert set(about_tables["expect_table_columns_to_match_set"]["column_set"]) == set(raw_columns(table))
    assert {each.severity.value for each in made} == {"critical"}


def test_landing_and_expectations_know_the_same_rules() -> None:
    """A kind of rule that landing checks in SQL has an expectation, and the other way round."""
    assert set(TRANSLATIONS) == set(SQL_TRANSLATIONS) == set(KINDS)


def test_a_rule_without_an_expectation_is_an_error() -> None:
    """A new kind of check in the contract cannot be forgotten here."""

    class Things(RawModel):
        thing_id: str = key("Key.")
        label: str = text("Label.", str_startswith="x")

    with pytest.raises(NotImplementedError, match=r"things\.label: check 'str_startswith' has no expectation"):
        contract_suite(RawTable("things", "one thing", "thing_id", "thing_id", Things))


def test_a_sound_frame_meets_the_contract(library: Library) -> None:
    """Rows as landing accepts them, nulls where they are allowed included, fail nothing."""
    assert failed(judged(library, {}, {"amount": None, "currency": None})) == set()


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("outcome", None, "expect_column_values_to_not_be_null"),
        ("outcome", "maybe", "expect_column_values_to_be_in_set"),
        ("currency", "eur", "expect_column_values_to_match_regex"),
        ("name", "x" * 10_001, "expect_column_value_lengths_to_be_between"),
        ("name", "", "expect_column_value_lengths_to_be_between"),
        ("created_at", pd.Timestamp("1800-01-01"), "expect_column_values_to_be_between"),
        ("expected_close_on", pd.Timestamp("2262-01-01"), "expect_column_values_to_be_between"),
    ],
)
def test_a_broken_value_fails_its_expectation(library: Library, column: str, value: object, kind: str) -> None:
    """One value at fault among sound ones: only its expectation fails, as critical, and shows the row and the value."""
    outcomes = judged(library, {}, {column: value}, {})
    assert failed(outcomes) == {(column, kind)}
    (found,) = [outcome for outcome in outcomes if not outcome.passed]
    assert (found.severity, found.unexpected) == ("critical", 1)
    assert [sample.split(": ")[0] for sample in found.samples] == ["d1"]


def test_a_key_with_two_newest_versions_fails(library: Library) -> None:
    """The same key of the same source twice among newest versions is told; of two sources it is two rows."""
    assert failed(judged(library, {"deal_id": "d"}, {"deal_id": "d"})) == {
        ("deal_id", "expect_compound_columns_to_be_unique")
    }
    assert failed(judged(library, {"deal_id": "d"}, {"deal_id": "d", "source": "other"})) == set()


def test_a_column_too_many_fails(library: Library) -> None:
    """A column added by hand is no part of the contract."""
    outcomes = judged(library, {"note": "added by hand"})
    assert failed(outcomes) == {("deals", "expect_table_columns_to_match_set")}
