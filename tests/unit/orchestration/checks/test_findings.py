import json
import warnings
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from ingestion.contract import TABLES
from orchestration import jobs
from orchestration.build import build_defs
from orchestration.checks.findings import CHECK, finding_checks
from orchestration.resources import Deployment
from orchestration.tables.translator import LayerTranslator
from orchestration.transformations import dbt_tests
from orchestration.transformations.manifest import project

BY_RULE = """
create schema marts;
create table marts.fct_data_quality_by_rule as
select *, 'crm' as source, 'example' as example, 'sales-operations' as owner, 'Mend it.' as mend
from (values
    ('overdue_open_deal', 'warning', 'deals', 3, 3, 1.5),
    ('closed_deal_without_close_date', 'error', 'deals', 2, 2, 2.0),
    ('negative_money', 'error', 'deals', 0, 0, 0.0), ('stale_mql', 'info', 'leads', 4, 4, 0.4)
) as rules (rule, severity, table_name, open_findings_count, open_rows_count, weighted_rows_count);
create table marts.fct_data_quality_scores as
select * from (values ('crm', 'deals', 6, 3.5), ('erp', 'deals', 4, 0.0), ('crm', 'leads', 4, 0.4))
as scores (source, table_name, rows_count, weighted_rows_count);
"""


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(company_name="sample", state_folder=str(tmp_path), data_folder=str(tmp_path))


def evaluations(deployment: Deployment, sql: str) -> dict[str, dg.AssetCheckEvaluation]:
    """The checks run by themselves on a warehouse made by `sql`, by raw table."""
    deployment.state.mkdir()
    with duckdb.connect(str(deployment.warehouse_path)) as connection:
        connection.execute(sql)
    job = dg.Definitions(
        asset_checks=[finding_checks],
        jobs=[dg.define_asset_job("check", dg.AssetSelection.checks(finding_checks))],
        resources={"deployment": deployment},
        executor=dg.in_process_executor,
    ).resolve_job_def("check")
    result = job.execute_in_process(raise_on_error=True)
    return {found.asset_key.path[-1]: found for found in result.get_asset_check_evaluations()}


def test_a_table_fails_by_its_errors_and_warnings(deployment: Deployment) -> None:
    """Deals with two errors and three warnings warn, with the rules in the order of their weight and the score."""
    deals = evaluations(deployment, BY_RULE)["deals"]
    assert (deals.passed, deals.severity, deals.blocking) == (False, dg.AssetCheckSeverity.WARN, False)
    assert deals.metadata["open_findings"].value == 5
    assert deals.metadata["score"].value == 65  # 100 x (1 - 3.5 / 10)
    rules = deals.metadata["rules"]
    assert isinstance(rules, dg.TableMetadataValue)
    assert [record.data["rule"] for record in rules.records] == ["closed_deal_without_close_date", "overdue_open_deal"]
    assert rules.records[0].data["mend"] == "Mend it."


def test_hints_and_sound_tables_pass(deployment: Deployment) -> None:
    """A finding of severity info is listed without failing; a table without rows has no score."""
    found = evaluations(deployment, BY_RULE)
    assert set(found) == set(TABLES)
    assert {table for table, evaluation in found.items() if not evaluation.passed} == {"deals"}
    assert found["leads"].metadata["open_findings"].value == 4
    assert "score" not in found["accounts"].metadata


def test_nothing_passes_before_the_marts_are_built(deployment: Deployment) -> None:
    """A table that was not judged does not look sound."""
    found = evaluations(deployment, "select 1")
    assert not any(evaluation.passed for evaluation in found.values())
    assert "refresh_warehouse" in str(found["deals"].metadata["reason"].value)


def test_landing_alone_does_not_judge_findings(deployment: Deployment) -> None:
    """The job that lands has no marts to judge; the one that builds them has a check for every table."""
    defs = build_defs(deployment)
    found = {
        job.name: {
            key.asset_key.path[-1]
            for key in defs.resolve_job_def(job.name).asset_layer.asset_graph.asset_check_keys
            if key.name == CHECK
        }
        for job in jobs.jobs(deployment)
    }
    assert found["land_source"] == set()
    assert found["refresh_warehouse"] == set(TABLES)


def test_a_finding_without_its_rule_withholds_the_mart() -> None:
    """That every open finding has a rule is a test of severity error: where it fails, nothing reads the mart."""
    dbt_project = project()
    manifest = json.loads(dbt_project.manifest_path.read_text(encoding="utf-8"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        tests = dbt_tests.tests_by_table(manifest, LayerTranslator(), dbt_project)
    found = {test.name: test.severity for test in tests[dg.AssetKey(["marts", "fct_data_quality_findings"])]}
    assert found["every_open_finding_has_its_rule"] == "error"
