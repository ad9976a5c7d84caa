"""Columns of dbt's tables as the graph shows them."""

from typing import Any

import dagster as dg
import pytest

from orchestration.tables.column_lineage import Column, Lineage
from orchestration.tables.table_schemas import TableSchemas

LINEAGE: Lineage = {
    "staging.stg_leads": {
        "lead_id": Column("varchar", ("raw.leads.lead_id",), ""),
        "person": Column("varchar", ("raw.leads.email_hash",), ""),
    },
    "marts.fct_leads": {
        "lead_id": Column("varchar", ("staging.stg_leads.lead_id",), ""),
        "has_person": Column("boolean", ("staging.stg_leads.person",), ""),
        "leads_count": Column("bigint", (), "COUNT(*)"),
        "odd": Column("bigint", (), ""),
    },
}


def dbt_test(name: str, column: str | None, **arguments: object) -> dict[str, Any]:
    said = {"name": name, "kwargs": {"model": "{{ ref('fct_leads') }}", **arguments}}
    return {"resource_type": "test", "attached_node": "model.fct_leads", "column_name": column, "test_metadata": said}


NODE: dict[str, Any] = {
    "resource_type": "model",
    "unique_id": "model.fct_leads",
    "schema": "marts",
    "alias": "fct_leads",
    "columns": {
        "lead_id": {"description": "The lead.", "constraints": [{"type": "not_null"}]},
        "leads_count": {"description": "Leads.", "constraints": []},
    },
}


@pytest.fixture
def schemas() -> TableSchemas:
    """Of one table with a key, a range of values and a relation."""
    tests = [
        dbt_test("unique_key", None, columns=["lead_id"]),
        dbt_test("relationships", "lead_id", to="ref('dim_leads')", field="lead_id"),
        dbt_test("accepted_values", "has_person", values=[True, False]),
    ]
    return TableSchemas({"nodes": {"model.fct_leads": NODE, **{str(at): one for at, one in enumerate(tests)}}}, LINEAGE)


def columns(schemas: TableSchemas) -> dict[str, dg.TableColumn]:
    return {column.name: column for column in schemas.schema(NODE).columns}


def test_contracts_and_tests_are_constraints(schemas: TableSchemas) -> None:
    """Not null by contract, unique by test, and what else the tests promise, in words."""
    found = columns(schemas)
    assert (found["lead_id"].constraints.nullable, found["lead_id"].constraints.unique) == (False, True)
    assert found["lead_id"].constraints.other == ["found in dim_leads.lead_id"]
    assert found["has_person"].constraints.other == ["one of: True, False"]
    assert schemas.schema(NODE).constraints.other == ["unique: lead_id"]


def test_a_description_ends_with_the_origin(schemas: TableSchemas) -> None:
    """The table read, with a link, and the landed column; or the SQL that makes it; or that nobody could read it."""
    found = columns(schemas)
    told = "*From [stg_leads.lead_id](/assets/staging/stg_leads)*, *landed as `raw.leads.lead_id`.*"
    assert found["lead_id"].description == f"The lead. {told}"
    assert found["leads_count"].description == "Leads. *Made by `COUNT(*)`.*"
    assert found["odd"].description == "*Its origin could not be read.*"


def test_what_is_made_of_a_person_is_marked(schemas: TableSchemas) -> None:
    """Through any number of tables: the mark follows the lineage, not a list."""
    assert schemas.is_personal(NODE)
    assert [name for name, column in columns(schemas).items() if column.tags] == ["has_person"]


def test_lineage_names_the_assets_with_their_prefix() -> None:
    """For readers of the graph's API, under the keys that the graph has."""
    of_company = TableSchemas({"nodes": {}}, LINEAGE, prefix=["acme"])
    [dependency] = of_company.lineage(NODE).deps_by_column["lead_id"]
    assert dependency == dg.TableColumnDep(dg.AssetKey(["acme", "staging", "stg_leads"]), "lead_id")
    assert "/assets/acme/staging/stg_leads" in str(of_company.schema(NODE).columns[0].description)
