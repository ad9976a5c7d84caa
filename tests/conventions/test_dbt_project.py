"""The dbt project explains and proves itself: descriptions, owners, keys, contracts and unit tests are complete.

Belongs here: what dbt's manifest alone can show. Does not belong here: whether tables really have the columns they
document (`tests/integration/test_warehouse_documents_itself.py`). A failure lists `model` or `model.column`.
"""

import re

import pytest

from tests import dbt_manifest as dbt
from tests.dbt_manifest import none_of

OWNERS = {"marketing-operations", "sales-operations", "finance", "customer-success", "data-platform"}
GRAIN = re.compile(r"(?:^|\s)Grain: one row per [^.]+\.$")
# Tables without a key of their own, and what stands in for it. Ephemeral models are exempt as such: they are written
# into models whose keys are tested.
WITHOUT_KEY = {
    "int_observation_window": "assert_observation_window_is_one_row holds that it is a single row",
    "int_sales_happenings": "fct_customer_journey tests the key of all happenings, made of nullable columns",
    "int_customer_happenings": "fct_customer_journey tests the key of all happenings, made of nullable columns",
    "int_contract_happenings": "fct_customer_journey tests the key of all happenings, made of nullable columns",
    "int_prospect_signals": "several of a day and kind are meant; int_account_signal_days adds them up and has the key",
    "int_customer_signals": "several of a day and kind are meant; int_account_signal_days adds them up and has the key",
}
# Flags whose computation no unit test shows, and why: `model.column` to the reason.
UNTESTED_FLAGS: dict[str, str] = {}
# Flags of which a unit test cannot show both values, and why.
ONE_SIDED_FLAGS: dict[str, str] = {}
TESTED_FOLDERS = ("intermediate", "marts", "features")


def test_every_model_ends_with_its_grain() -> None:
    """The last sentence of the description of every model and seed says what one row is."""
    silent = [node["name"] for node in dbt.nodes("model", "seed") if not GRAIN.search(node["description"].strip())]
    none_of(silent, "end the description with 'Grain: one row per ...'")


def test_every_table_has_an_owner() -> None:
    """A model or seed belongs to one of the teams, whom a failure is told."""
    owners = {node["name"]: (node["config"].get("meta") or {}).get("owner") for node in dbt.nodes("model", "seed")}
    none_of((f"{name}: {owner}" for name, owner in owners.items() if owner not in OWNERS), "name one of the teams")


def test_every_table_describes_its_columns() -> None:
    """No table without documented columns, and none of them without a description."""
    tables = dbt.nodes("model", "seed")
    none_of((node["name"] for node in tables if not dbt.columns(node)), "list the columns")
    empty = (
        f"{node['name']}.{column}"
        for node in tables
        for column, facts in dbt.columns(node).items()
        if not facts["description"].strip()
    )
    none_of(empty, "describe the column")


def test_every_mart_keeps_a_contract() -> None:
    """A mart's contract is enforced and gives the type of every column."""
    marts = dbt.models("marts")
    none_of((node["name"] for node in marts if not node["contract"]["enforced"]), "enforce the contract")
    untyped = (
        f"{node['name']}.{column}"
        for node in marts
        for column, facts in dbt.columns(node).items()
        if not facts["data_type"]
    )
    none_of(untyped, "give the data_type")


def test_every_table_tests_its_key() -> None:
    """A join that doubles rows is noticed at the model that does it; an exception says what stands in for the key."""
    keyed = dbt.tested_by("unique_key")
    tables = {node["name"] for node in dbt.nodes("model", "seed") if not dbt.is_ephemeral(node)}
    none_of(tables - keyed - WITHOUT_KEY.keys(), "add a unique_key test, or an exception with its reason")
    none_of(keyed & WITHOUT_KEY.keys(), "has a key by now: take it off the exceptions")


def test_every_singular_test_says_what_it_holds() -> None:
    """A test of its own opens with a comment that states the fact it holds."""
    silent = (test["name"] for test in dbt.singular_tests() if not re.match(r"-- \S+ \S+", test["raw_code"]))
    none_of(silent, "open the file with '-- <the fact>'")


def test_every_unit_test_has_a_description() -> None:
    """The description of a dbt unit test is the sentence a reader of a failure needs."""
    none_of((test["name"] for test in dbt.unit_tests() if not (test["description"] or "").strip()), "describe the test")


def test_every_computed_flag_is_expected_by_a_unit_test() -> None:
    """A column `is_...` or `has_...` is expected by a unit test of the model that computes it."""
    untested = dbt.computed_flags(*TESTED_FOLDERS) - dbt.expected_flags().keys()
    none_of(untested - UNTESTED_FLAGS.keys(), "expect the flag in a unit test, or say in UNTESTED_FLAGS why none can")
    none_of(UNTESTED_FLAGS.keys() - untested, "is tested, passed on or gone: take it off UNTESTED_FLAGS")


def test_every_flag_is_expected_both_ways() -> None:
    """A flag that tests expect to be true and never false (or the reverse) might as well be a constant."""
    expected = dbt.expected_flags()
    one_sided = {flag for flag, values in expected.items() if not values >= {"true", "false"}}
    one_sided &= dbt.computed_flags(*TESTED_FOLDERS)
    none_of(one_sided - ONE_SIDED_FLAGS.keys(), "expect the other value too, or say in ONE_SIDED_FLAGS why none can")
    none_of(ONE_SIDED_FLAGS.keys() - one_sided, "is shown both ways or gone: take it off ONE_SIDED_FLAGS")


def test_every_mart_is_used() -> None:
    """A mart that no exposure, model or metric reads is work for nobody."""
    if not dbt.manifest()["exposures"]:
        pytest.skip("no exposure says who reads the marts")
    children = dbt.manifest()["child_map"]
    readers = ("exposure.", "model.", "semantic_model.", "metric.")
    unread = (
        mart["name"]
        for mart in dbt.models("marts")
        if not any(child.startswith(readers) for child in children[mart["unique_id"]])
    )
    none_of(unread, "list the mart in an exposure")
