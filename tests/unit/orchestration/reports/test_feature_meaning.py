from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pandera.pandas as pa
import pytest

from feature_definitions.base import FeatureTable, FeatureView, count, feature, key
from orchestration.reports.feature_meaning import Meaning, meanings, normalized
from orchestration.tables import version_record


class Usage(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end.")
    events_count: float = count("Events.", driver="usage", reason_high="Many events")


class Reworded(FeatureTable):
    account_id: str = key("The customer, by another name.")
    as_of: pa.DateTime = key("Month end.")
    events_count: float = count("What was done.", driver="use", action="Call")


class InDays(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end.")
    events_count: float = feature("Events.", unit="days", driver="usage", nullable=False, ge=0)


class AfterContact(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end.")
    events_count: float = count("Events.", driver="usage", availability="post_contact")


class Limited(FeatureTable):
    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end.")
    events_count: float = count("Events.", driver="usage", le=31)


USAGE = FeatureView("feat_customer_usage", "account_id", Usage, timedelta(31), "customer-success", 1)
CONTRACT = replace(USAGE, name="feat_customer_contract")
SQL = "select account_id, {{ sum_within('events', 28) }} as events from {{ ref('int_customers') }} where kind = 'a  b'"


def node(name: str, sql: str, reads: list[str], macros: list[str]) -> dict[str, Any]:
    depends = {"nodes": [f"model.customer_lifecycle.{one}" for one in reads]}
    depends["macros"] = [f"macro.customer_lifecycle.{one}" for one in macros]
    folder = "features" if name.startswith(("feat", "int")) else "staging"
    return {
        "name": name,
        "description": "Usage.\nGrain: one row.",
        "raw_code": sql,
        "depends_on": depends,
        "resource_type": "model",
        "fqn": ["customer_lifecycle", folder, name],
    }


def manifest() -> dict[str, Any]:
    """A view that reads a model beside it, another view, a shared model, and a macro that calls a macro."""
    nodes = [
        node("feat_customer_usage", SQL, ["int_customers", "feat_customer_contract"], ["sum_within"]),
        node("feat_customer_contract", "select 1", [], []),
        node("int_customers", "select * from stg", ["stg_accounts"], []),
        node("stg_accounts", "select * from raw", [], []),
    ]
    macros = {"sum_within": ("sum({{ add_days() }})", ["add_days"]), "add_days": ("days", []), "unused": ("x", [])}
    return {
        "nodes": {f"model.customer_lifecycle.{one['name']}": one for one in nodes},
        "macros": {
            f"macro.customer_lifecycle.{name}": {
                "macro_sql": sql,
                "depends_on": {"macros": [f"macro.customer_lifecycle.{one}" for one in calls]},
            }
            for name, (sql, calls) in macros.items()
        },
    }


def usage(found: dict[str, Any], view: FeatureView = USAGE, contract: FeatureView = CONTRACT) -> Meaning:
    return meanings(found, [view, contract])[0]


def edited(kind: str, name: str, old: str, new: str) -> dict[str, Any]:
    """The manifest after an edit of a model's or a macro's text."""
    found = deepcopy(manifest())
    one = found[kind][f"{kind[:-1].replace('node', 'model')}.customer_lifecycle.{name}"]
    text = "raw_code" if kind == "nodes" else "macro_sql"
    assert old in one[text]
    one[text] = one[text].replace(old, new)
    return found


@pytest.mark.parametrize(
    "change",
    [
        lambda: usage(edited("nodes", "feat_customer_usage", "28", "90")),
        lambda: usage(edited("nodes", "feat_customer_usage", "'a  b'", "'a b'")),
        lambda: usage(edited("nodes", "int_customers", "stg", "stg where paid")),
        lambda: usage(edited("macros", "sum_within", "sum", "max")),
        lambda: usage(edited("macros", "add_days", "days", "months")),
        lambda: usage(manifest(), replace(USAGE, max_age=timedelta(90))),
        lambda: usage(manifest(), replace(USAGE, schema=InDays)),
        lambda: usage(manifest(), replace(USAGE, schema=AfterContact)),
        lambda: usage(manifest(), replace(USAGE, schema=Limited)),
        lambda: usage(manifest(), contract=replace(CONTRACT, version=2)),
    ],
    ids=[
        "window",
        "text",
        "model beside",
        "macro",
        "macro of macro",
        "max age",
        "unit",
        "contact",
        "limit",
        "view read",
    ],
)
def test_changed_meaning_needs_a_new_version(change: Callable[[], Meaning]) -> None:
    """A change of SQL or declaration under the old version is named; with a higher version it is on record again."""
    page = f"## feat_customer_usage\n{version_record.stated(usage(manifest()))}"
    changed = change()
    assert version_record.changed_without_a_version([changed], page) == ["feat_customer_usage"]
    raised = replace(changed, view=replace(changed.view, version=2))
    assert version_record.changed_without_a_version([raised], page) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda: usage(
            edited("nodes", "feat_customer_usage", "select account_id,", "{# why #}\nselect\n    account_id -- key\n,")
        ),
        lambda: usage(
            edited("nodes", "feat_customer_usage", "{{ sum_within('events', 28) }}", "{{-sum_within( 'events',28 )-}}")
        ),
        lambda: usage(edited("macros", "sum_within", "sum(", "/* all */ sum( ")),
        lambda: usage(edited("macros", "unused", "x", "y")),
        lambda: usage(edited("nodes", "stg_accounts", "raw", "raw_again")),
        lambda: usage(edited("nodes", "feat_customer_contract", "1", "2")),
        lambda: usage(manifest(), replace(USAGE, schema=Reworded, owner="finance")),
    ],
    ids=["comment", "spaces", "macro comment", "other macro", "staging", "other view", "wording"],
)
def test_same_meaning_keeps_its_version(change: Callable[[], Meaning]) -> None:
    """Spaces, comments, wording, the owner, and what belongs to others change no meaning."""
    assert change().fingerprint == usage(manifest()).fingerprint


def test_words_are_not_run_together() -> None:
    """Normalizing keeps words apart and texts as they are, a comment's signs within a text included."""
    assert normalized("select 'it''s -- no {# comment #}'  as\tx -- 'why'") == "select 'it''s -- no {# comment #}' as x"
