"""What stops what: a check that fails stops everything downstream of its table, and only that."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
from dagster_dbt import DbtProject

from orchestration.assets import warehouse
from orchestration.build import build_defs
from orchestration.checks import features_as_known
from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import DBT_FOLDER, Deployment
from orchestration.transformations.dbt_tests import CHECK, END_CHECK
from orchestration.transformations.lean_dbt import dbt_resource
from orchestration.transformations.manifest import fresh_manifest
from tests import small_companies
from tests.runs import kept_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # builds a warehouse and trains models

DENIED = "select deal_id from {{ ref('fct_deals') }} where amount > 500"
WARNED = "{{ config(severity='warn') }}\nselect account_id from {{ ref('fct_mrr_movements') }}"
MODELS = ("churn", "clv", "lead_score", "win_probability", "revenue")


@dataclass(frozen=True)
class Faulty:
    """A company whose project has a test that its deals deny, and one that warns of its revenue; and its first run."""

    deployment: Deployment
    defs: dg.Definitions
    rebuilt: dg.ExecuteInProcessResult


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> DbtProject:
    """Our dbt project with two more tests."""
    folder = tmp_path_factory.mktemp("project")
    for path in DBT_FOLDER.iterdir():
        if path.name not in ("target", "logs", "tests"):
            (folder / path.name).symlink_to(path)
    (folder / "tests").mkdir()
    for path in (DBT_FOLDER / "tests").iterdir():
        (folder / "tests" / path.name).symlink_to(path)
    (folder / "tests" / "assert_deals_are_small.sql").write_text(DENIED)
    (folder / "tests" / "assert_nothing_moves.sql").write_text(WARNED)
    fresh_manifest(folder)
    return DbtProject(project_dir=folder, profiles_dir=folder)


@pytest.fixture(scope="module")
def faulty(project: DbtProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    folder = tmp_path_factory.mktemp("faulty")
    deployment = small_companies.deploy(folder, "small", "contractual", small_companies.contractual())
    span = {"dagster/asset_partition_range_start": "2023-01", "dagster/asset_partition_range_end": "2024-06"}
    with kept_environment(), pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        patch.setattr(warehouse, "project", lambda: project)
        point_dagster_at(deployment)
        defs = build_defs(deployment, {"dbt": dbt_resource(Path(project.project_dir))})
        job = defs.resolve_job_def("rebuild")
        rebuilt = job.execute_in_process(instance=instance, tags=span, raise_on_error=False)
        yield Faulty(deployment, defs, rebuilt)


def started(result: dg.ExecuteInProcessResult) -> set[str]:
    return {str(event.step_key) for event in result.all_events if event.is_step_start}


def failed(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Each failed step with its message."""
    events = [event for event in result.all_events if event.is_step_failure]
    return {str(event.step_key): str(event.step_failure_data.error) for event in events}


def evaluations(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    return {f"{each.asset_key.path[-1]} {each.check_name}": each for each in result.get_asset_check_evaluations()}


def test_a_denied_test_stops_what_reads_the_table_and_only_that(faulty: Faulty) -> None:
    """A test that rows of fct_deals deny: no training that reads deals; every other training, features and metrics."""
    assert not faulty.rebuilt.success
    steps = started(faulty.rebuilt)
    assert {"dbt_features", "compute_metrics", "models__churn", "models__clv", "models__lead_score"} <= steps
    assert steps & {"models__win_probability", "models__revenue"} == set()
    # A warning on fct_mrr_movements stopped neither clv, which reads it, nor the run: that is the end check's doing.
    assert set(failed(faulty.rebuilt)) == {"dbt_warehouse_holds"}


def test_the_check_of_a_table_tells_every_test_and_the_rows_that_deny_it(faulty: Faulty) -> None:
    """One check per table: all its tests with severity, result and failed rows, and some of the rows."""
    found = evaluations(faulty.rebuilt)[f"fct_deals {CHECK}"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    told = {str(record.data["test"]): record.data for record in found.metadata["tests"].value.records}
    assert told["assert_deals_are_small"]["result"] == "fail"
    assert int(str(told["assert_deals_are_small"]["failed_rows"])) > 0
    assert {data["result"] for name, data in told.items() if name != "assert_deals_are_small"} == {"pass"}
    assert "deal_id" in str(found.metadata["assert_deals_are_small"].value)


def test_a_warning_is_told_and_stops_nothing(faulty: Faulty) -> None:
    """A test of severity warn: the check warns, and its table was yielded all the same."""
    found = evaluations(faulty.rebuilt)[f"fct_mrr_movements {CHECK}"]
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    made = {key.path[-1] for event in faulty.rebuilt.get_asset_materialization_events() if (key := event.asset_key)}
    assert "fct_mrr_movements" in made
    assert "fct_deals" not in made


def test_the_run_says_which_table_does_not_hold(faulty: Faulty) -> None:
    """The failure and the end check name the table, the test and the number of rows, and lead to the table's page."""
    message = failed(faulty.rebuilt)["dbt_warehouse_holds"]
    assert "marts/fct_deals: assert_deals_are_small" in message
    found = evaluations(faulty.rebuilt)[f"int_observation_window {END_CHECK}"]
    assert not found.passed
    assert found.metadata["marts/fct_deals"].value == dg.AssetKey(["marts", "fct_deals"])


def test_a_schema_and_a_leak_each_stop_their_own_models(faulty: Faulty) -> None:
    """A row twice in a view of leads, values nobody knew in one of deals: the customers' models are trained."""
    with faulty.deployment.warehouse() as connection:
        twice = "insert into features.feat_lead_profile from features.feat_lead_profile order by as_of desc limit 1"
        connection.execute(twice)
        connection.execute("update features.feat_deal_pipeline set deal_age_days = deal_age_days + 1")
    graph = faulty.defs.resolve_asset_graph()
    models = {dg.AssetKey(["models", name]) for name in MODELS if name != "revenue"}
    names = ("matches_schema", features_as_known.CHECK)
    judged = {key for key in graph.asset_check_keys if key.name in names or key.asset_key in models}
    every = faulty.defs.resolve_implicit_global_asset_job_def()
    job = every.get_subset(asset_selection=models, asset_check_selection=judged)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(instance=instance, raise_on_error=False)
    assert {step for step in started(result) if step.startswith("models__")} == {"models__churn", "models__clv"}
    assert set(failed(result)) == {
        "features__feat_lead_profile_matches_schema",
        "features__feat_deal_pipeline_is_as_known",
    }
