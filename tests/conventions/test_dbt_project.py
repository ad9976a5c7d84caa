"""The dbt project explains and proves itself: descriptions, owners, keys, contracts and unit tests are complete.

Belongs here: what dbt's manifest alone can show. Does not belong here: whether tables really have the columns they
document (`tests/integration/test_warehouse_documents_itself.py`). A failure lists `model` or `model.column`.
"""

import re
from collections.abc import Iterable

import pytest

from tests import dbt_manifest as dbt

OWNERS = {"marketing-operations", "sales-operations", "finance", "customer-success", "data-platform"}
GRAIN = re.compile(r"(?:^|\s)Grain: one row per [^.]+\.$")
# Tables without a key of their own, and what stands in for it. Ephemeral models are exempt as such: they are written
# into models whose keys are tested.
WITHOUT_KEY = {
    "int_observation_window": "assert_observation_window_is_one_row holds that it is a single row",
    "int_sales_happenings": "fct_customer_journey tests the key of all happenings, made of nullable columns",
    "int_customer_happenings": "fct_customer_journey tests the key of all happenings, made of nullable columns",
    "int_contract_happenings": "fct_customer_journey tests the key of all happenings, made of nullable columns",
}
# Flags that a model passes on as they are, and the column where they are computed (or landed) and tested.
PASSED_ON = {
    "int_subscriptions_converted.is_trial": "stg_raw__subscriptions.is_trial",
    "fct_deals.is_open": "int_deals_enriched.is_open",
    "fct_deals.is_won": "int_deals_enriched.is_won",
    "fct_monthly_revenue.is_complete": "int_month_spine.is_complete",
    "fct_mrr_movements.is_complete": "int_month_spine.is_complete",
    "fct_revenue_retention.is_complete": "int_month_spine.is_complete",
    "feat_customer_contract.is_returned": "int_customer_as_of.is_returned",
}
# Flags of which a test cannot show both values, and why.
ONE_SIDED: dict[str, str] = {}
TESTED_FOLDERS = ("intermediate", "marts", "features")


def none_of(found: Iterable[str], mend: str) -> None:
    """Fail with every name found, one a line: pytest shortens a long list just where the reader needs it."""
    names = sorted(found)
    assert not names, "\n".join([f"{mend} ({len(names)}):", *names])


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


def test_every_flag_is_expected_by_a_unit_test() -> None:
    """A column `is_...` or `has_...` is expected by a unit test of its model, or passed on from one that is."""
    untested = dbt.flags(*TESTED_FOLDERS) - dbt.expected_flags().keys() - PASSED_ON.keys()
    none_of(untested, "expect the flag in a unit test, or name in PASSED_ON where it comes from")


def test_every_flag_is_expected_both_ways() -> None:
    """A flag that tests expect to be true and never false (or the reverse) might as well be a constant."""
    expected = dbt.expected_flags()
    tested = (dbt.flags(*TESTED_FOLDERS) & expected.keys()) - ONE_SIDED.keys()
    one_sided = (f"{flag}: only {sorted(expected[flag])}" for flag in tested if not expected[flag] >= {"true", "false"})
    none_of(one_sided, "expect the other value too, or say in ONE_SIDED why it cannot be shown")


@pytest.mark.parametrize("flag", sorted(PASSED_ON))
def test_a_flag_that_is_passed_on_is_tested_where_it_comes_from(flag: str) -> None:
    """An excused flag exists, and comes from a model before it that tests it or from a column as landed."""
    origin = PASSED_ON[flag]
    documented = {f"{node['name']}.{column}" for node in dbt.models() for column in dbt.columns(node)}
    none_of({flag, origin} - documented, "there is no such column")
    assert origin.split(".")[0] in dbt.ancestors(flag.split(".")[0]), f"{flag} does not come from {origin}"
    assert origin in dbt.expected_flags() or origin.startswith("stg_"), f"no unit test expects {origin}"


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
