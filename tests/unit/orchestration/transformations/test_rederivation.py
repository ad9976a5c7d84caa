import json
from datetime import date
from pathlib import Path

import duckdb
import pytest

from feature_definitions.base import FeatureTable, FeatureView, count, key
from ml.leakage import differing_features
from orchestration.resources import Deployment
from orchestration.transformations import rederivation

MONTH = date(2024, 1, 31)
COMPILED = """select account_id, as_of, cast(count(*) as double) as tickets_count
from (select *, cast('2024-01-31' as date) as as_of from staging.stg_raw__support_tickets) as tickets
where {condition} and as_of between
    cast('2023-01-31' as date)
    and cast('2025-12-31' as date)
group by all"""
HONEST, LEAKING = "cast(opened_at as date) <= as_of and resolved_at is null", "true"


class Tickets(FeatureTable):
    """One row per account and month."""

    account_id: str = key("The account.")
    as_of: object = key("Month end.")
    tickets_count: float = count("Open tickets.", driver="support")


VIEW = FeatureView("feat_tickets", "account_id", Tickets, None, "team", 1)  # type: ignore[arg-type]


def node(name: str, schema: str, kind: str, parents: list[str], materialized: str = "table") -> dict[str, object]:
    folder = "features" if schema == "features" else "staging"
    path = f"{folder}/{name}.sql"
    return {
        "name": name, "schema": schema, "resource_type": kind, "path": path, "original_file_path": f"models/{path}",
        "package_name": "customer_lifecycle", "config": {"materialized": materialized},
        "depends_on": {"nodes": parents},
    }  # fmt: skip


def deployed(folder: Path, condition: str, zone: str = "UTC") -> Deployment:
    """A warehouse with three tickets, and the SQL that dbt would have compiled for it."""
    deployment = Deployment(company_name="c", state_folder=str(folder), data_folder=str(folder))
    deployment.state.mkdir(parents=True)
    with duckdb.connect(str(deployment.warehouse_path)) as connection:
        connection.execute("load icu")
        for schema in ("raw", "control", "staging", "features"):
            connection.execute(f"create schema {schema}")
        connection.execute(f"create table control.company_settings as select '{zone}' as time_zone, null as data_until")
        connection.execute(
            "create table raw.support_tickets (account_id varchar, opened_at timestamp, first_response_at timestamp, "
            "resolved_at timestamp, csat int, escalated boolean, known_at timestamp)"
        )
        connection.execute(
            "insert into raw.support_tickets values "
            "('a', '2024-01-05', null, '2024-02-20', 5, false, '2024-01-05'),"  # resolved later
            "('a', '2024-01-31 23:30', null, null, null, null, '2024-01-31 23:30'),"  # February in Berlin
            "('a', '2024-01-09', null, null, null, null, '2024-03-01')"  # told late
        )
        connection.execute("create view staging.stg_raw__support_tickets as from raw.support_tickets")
        connection.execute(f"create table features.feat_tickets as {COMPILED.format(condition=condition)}")
    source = {"name": "support_tickets", "schema": "raw", "resource_type": "source"}
    settings = {"name": "company_settings", "schema": "control", "resource_type": "source"}
    staging = node("stg_raw__support_tickets", "staging", "model", ["raw", "settings"], "view")
    feature = node("feat_tickets", "features", "model", ["staging"], "incremental")
    nodes = {"staging": staging, "model.customer_lifecycle.feat_tickets": feature}
    for target, made, sql in (
        ("dbt_warehouse", staging, "select * from raw.support_tickets"),
        ("dbt_features", feature, COMPILED.format(condition=condition)),
    ):
        path = deployment.state / "dbt" / target / "compiled" / "customer_lifecycle" / str(made["original_file_path"])
        path.parent.mkdir(parents=True)
        path.write_text(sql)
    manifest = {"sources": {"raw": source, "settings": settings}, "nodes": nodes}
    (deployment.state / "dbt" / "dbt_features" / "manifest.json").write_text(json.dumps(manifest))
    return deployment


@pytest.mark.parametrize(("zone", "tickets"), [("UTC", 2.0), ("Europe/Berlin", 1.0)])
def test_a_month_is_derived_from_what_was_known_at_its_end(tmp_path: Path, zone: str, tickets: float) -> None:
    """A ticket told later is gone, one resolved later is open, and the day ends where the company is."""
    derived = rederivation.derived_anew(deployed(tmp_path, HONEST, zone), [VIEW], MONTH)["feat_tickets"]
    assert derived["tickets_count"].tolist() == [tickets]


def test_sql_that_reads_the_future_is_found_out(tmp_path: Path) -> None:
    """A feature that counts a ticket told a month later differs from the one derived anew."""
    deployment = deployed(tmp_path, LEAKING)
    with deployment.warehouse(read_only=True) as connection:
        assert rederivation.middle_month(connection, [VIEW]) == MONTH
        stored = rederivation.stored_rows(connection, VIEW, MONTH)
    derived = rederivation.derived_anew(deployment, [VIEW], MONTH)["feat_tickets"]
    found = differing_features(stored, derived, ["account_id", "as_of"], ["tickets_count"])
    assert found[["feature", "stored", "derived"]].to_numpy().tolist() == [["tickets_count", 3.0, 2.0]]


def test_without_compiled_sql_the_message_says_what_to_do(tmp_path: Path) -> None:
    """Features that this deployment did not build cannot be derived anew, which is an error and no pass."""
    deployment = deployed(tmp_path, HONEST)
    next((deployment.state / "dbt" / "dbt_features").rglob("feat_tickets.sql")).unlink()
    with pytest.raises(rederivation.RederivationError, match="make run"):
        rederivation.derived_anew(deployment, [VIEW], MONTH)
