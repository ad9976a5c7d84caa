"""Where columns come from: on a project of three models whose answer is known, and on the project itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestration.tables import column_lineage
from orchestration.tables.column_lineage import Column, Lineage, fresh_lineage, roots
from tests import dbt_manifest


def model(name: str, sql: str, *parents: str, materialized: str = "table") -> dict[str, Any]:
    return {
        "resource_type": "model",
        "schema": "staging",
        "alias": name,
        "compiled_code": sql,
        "config": {"materialized": materialized},
        "depends_on": {"nodes": [f"model.{parent}" for parent in parents]},
    }


@pytest.fixture(scope="module")
def small() -> Lineage:
    """Leads counted by source, in two steps that are listed in the wrong order."""
    counted = """
        with leads as (select * from "warehouse"."staging"."leads"),
        final as (
            select channel, count(*) as leads_count, max(first_day) as last_day, 'all' as scope
            from leads group by channel
            union all
            select 'none', 0, null, 'none'
        )
        select * from final
    """
    cleaned = (
        'select lead_id, lower(lead_source) as channel, created_at::date as first_day from "warehouse"."raw"."leads"'
    )
    nodes = {"model.counted": model("counted", counted, "leads"), "model.leads": model("leads", cleaned)}
    return column_lineage.of_manifest({"nodes": nodes})


@pytest.fixture(scope="module")
def project() -> Lineage:
    """The lineage of the project as it is."""
    dbt_manifest.manifest()
    return fresh_lineage(dbt_manifest.fresh_manifest())


def test_a_column_is_traced_through_stars_and_unions_to_the_tables_read(small: Lineage) -> None:
    """What a model's CTEs pass on and rename is told of the table that the model reads."""
    assert small["staging.counted"]["channel"].origins == ("staging.leads.channel",)
    assert small["staging.counted"]["last_day"] == Column("date", ("staging.leads.first_day",), "")
    assert small["staging.leads"]["channel"].origins == ("raw.leads.lead_source",)


def test_a_column_of_no_column_says_how_it_is_made(small: Lineage) -> None:
    """A count of rows and a constant have no origin but the SQL that makes them."""
    assert small["staging.counted"]["leads_count"] == Column("bigint", (), "0; COUNT(*)")
    assert small["staging.counted"]["scope"] == Column("varchar", (), "'all'; 'none'")


def test_roots_are_the_landed_columns(small: Lineage) -> None:
    """Through any number of models to what was landed; a landed column has none but itself."""
    assert roots(small, "staging.counted.last_day") == ("raw.leads.created_at",)
    assert roots(small, "raw.leads.created_at") == ()


ACCOUNTS, LEADS, DEALS = (f'"warehouse"."raw"."{name}"' for name in ("accounts", "leads", "deals"))
HARD = {
    "a union by position": (f"select region as c from {ACCOUNTS} union all select lead_source from {LEADS}", "lr"),
    "a window": (f"select row_number() over (partition by region order by created_at) as c from {ACCOUNTS}", "cr"),
    "a named window": (f"select lag(region) over w as c from {ACCOUNTS} window w as (order by created_at)", "r"),
    "a star over a star": (f"with x as (select * from {ACCOUNTS}), y as (select x.*, region as c from x) from y", "r"),
    "a star that replaces": (
        f"with x as (select region as c from {ACCOUNTS}) select * replace (lower(c) as c) from x",
        "r",
    ),
    "a lateral alias": (f"select region || '!' as loud, upper(loud) as c from {ACCOUNTS}", "r"),
    "a field of a struct": (f"with x as (select {{'r': region}} as s from {ACCOUNTS}) select s.r as c from x", "r"),
    "a list taken apart": (
        f"with x as (select string_split(region, ',') as p from {ACCOUNTS}) select u.c from x, unnest(p) as u(c)",
        "r",
    ),
    "a query within": (
        f"select (select max(created_at) from {DEALS} as d where d.name = a.name) as c from {ACCOUNTS} as a",
        "d",
    ),
    "a filtered aggregate": (
        f"select max(region) filter (where created_at > date '2024-01-01') as c from {ACCOUNTS}",
        "cr",
    ),
    "a quoted name in capitals": (f'select REGION as "C" from {ACCOUNTS}', "r"),
    "a CTE called as a table is": (f"with accounts as (select lead_source as c from {LEADS}) from accounts", "l"),
}
ORIGINS = {
    "r": "raw.accounts.region",
    "c": "raw.accounts.created_at",
    "l": "raw.leads.lead_source",
    "d": "raw.deals.created_at",
}


@pytest.mark.parametrize("case", HARD)
def test_origins_of_hard_columns_are_those_that_a_person_reads(case: str) -> None:
    """What SQL can do to a column that a reader still follows: each construct with its origins by hand."""
    sql, origins = HARD[case]
    found = column_lineage.of_manifest({"nodes": {"model.one": model("one", sql)}})["staging.one"]
    of_name = {name.lower(): column for name, column in found.items()}
    assert of_name["c"].origins == tuple(sorted(ORIGINS[letter] for letter in origins))


@pytest.mark.parametrize(
    "sql",
    [
        f"select 1 as c, name as d from {ACCOUNTS} union all by name select name as d, 2 as c from {ACCOUNTS}",
        f"with x as (select region, 1 as n from {ACCOUNTS}) from (pivot x on region in ('c') using sum(n))",
        f"select c from {ACCOUNTS} as a, lateral (select max(amount) as c from {DEALS} as d where d.name = a.name)",
        f"select no_such_column as c from {ACCOUNTS}",
    ],
    ids=["union by name", "pivot", "lateral join", "a column that is not there"],
)
def test_what_cannot_be_read_has_no_origin_and_stops_nothing(sql: str) -> None:
    """Neither a wrong origin nor a graph that does not load: the column is there, and its readers know it."""
    broken = model("broken", sql) | {"columns": {"c": {"data_type": "VARCHAR"}}}
    reader = model("reader", 'select c from "warehouse"."staging"."broken"', "broken")
    found = column_lineage.of_manifest({"nodes": {"model.broken": broken, "model.reader": reader}})
    assert (found["staging.broken"]["c"].origins, found["staging.broken"]["c"].expression) == ((), "")
    assert found["staging.reader"]["c"].origins == ("staging.broken.c",)


def test_every_column_of_a_mart_or_feature_table_has_an_origin_or_says_how_it_is_made(project: Lineage) -> None:
    """No column of a public table comes from nowhere."""
    public = {table: columns for table, columns in project.items() if table.startswith(("marts.", "features."))}
    dbt_manifest.none_of(
        (
            f"{table}.{name}"
            for table, columns in public.items()
            for name, column in columns.items()
            if not column.origins and not column.expression
        ),
        "no origin and no expression",
    )
    assert len(public) > 40


def test_every_table_has_the_columns_that_its_page_documents(project: Lineage) -> None:
    """The SQL and the YAML beside it name the same columns, in every layer."""
    found: Mapping[str, set[str]] = {table: set(columns) for table, columns in project.items()}
    nodes = [node for node in dbt_manifest.nodes("model", "seed") if not dbt_manifest.is_ephemeral(node)]
    documented = {f"{node['schema']}.{node['alias']}": set(dbt_manifest.columns(node)) for node in nodes}
    assert found == documented


def test_types_are_those_that_the_contracts_demand(project: Lineage) -> None:
    """What DuckDB makes of the SQL is what dbt's contracts of marts and features say."""
    wrong = [
        f"{node['name']}.{name}: {project[table][name].kind}, contract {column['data_type']}"
        for node in dbt_manifest.models("marts", "features")
        if not dbt_manifest.is_ephemeral(node) and node["config"]["contract"]["enforced"]
        for table in [f"{node['schema']}.{node['alias']}"]
        for name, column in dbt_manifest.columns(node).items()
        if project[table][name].kind != str(column["data_type"]).lower()
    ]
    dbt_manifest.none_of(wrong, "another type than the contract's")


@pytest.mark.parametrize(
    ("column", "root"),
    [
        ("marts.fct_deals.amount", "raw.deals.amount"),
        ("marts.fct_mrr_movements.churn_mrr", "raw.subscriptions.mrr"),
        ("features.feat_lead_profile.company_size", "raw.leads.company_size"),
        ("marts.dim_accounts.industry", "raw.accounts.industry"),
    ],
)
def test_known_columns_are_traced_to_the_source(project: Lineage, column: str, root: str) -> None:
    """Columns whose origin a person knows by heart."""
    assert root in roots(project, column)


def test_lineage_is_worked_out_once_for_a_state_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second reader takes the file; a changed fingerprint makes it stale."""
    sql = 'select lead_id from "warehouse"."raw"."leads"'
    nodes = {"model.leads": model("leads", sql)}
    manifest = tmp_path / "manifest.json"
    manifest.write_text(column_lineage.json.dumps({"nodes": nodes}))
    (tmp_path / "manifest.fingerprint").write_text("one")
    first = fresh_lineage(manifest)
    calls: list[object] = []
    monkeypatch.setattr(column_lineage, "of_manifest", lambda content: calls.append(content) or {})
    assert fresh_lineage(manifest) == first
    assert calls == []
    (tmp_path / "manifest.fingerprint").write_text("two")
    assert fresh_lineage(manifest) == {}
    assert len(calls) == 1
