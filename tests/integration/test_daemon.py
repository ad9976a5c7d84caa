"""What the daemon's own machinery makes of our schedules, sensors and backfills: which runs it asks for.

A real code server evaluates; runs are taken and not started, so that nothing here depends on what a run does.
"""

import logging
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.sensor import execute_sensor_iteration
from dagster._scheduler.scheduler import launch_scheduled_runs

from orchestration import coverage
from orchestration.resources import ROOT, dagster_environment
from tests import small_companies
from tests.runs import kept_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]  # starts a code server

OVERRIDES = {
    "run_launcher": {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"},
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
}
LOCATION = ModuleTarget("orchestration.definitions", None, str(ROOT), "small")
AUTOMATION = """
[automation]
on = ["daily_refresh", "new_files", "score_after_refresh"]
look_every_seconds = 5
quiet_seconds = 0
"""
MONTHS = ["2023-02", "2023-03", "2023-04", "2023-05"]
SPAN = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
LOGGER = logging.getLogger("daemon")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkspaceProcessContext]:
    """A code server of a small company whose watch over files is on."""
    folder = tmp_path_factory.mktemp("daemon")
    deployment = small_companies.deploy(folder, "small", "contractual", {"accounts": []})
    settings = Path(deployment.companies_folder) / "small.toml"
    settings.write_text(settings.read_text() + AUTOMATION)
    (folder / "home").mkdir()
    with kept_environment():
        os.environ.update(dagster_environment(deployment) | {"DAGSTER_HOME": str(folder / "home")})
        with (
            dg.instance_for_test(overrides=OVERRIDES, temp_dir=str(folder / "home")) as instance,
            create_test_daemon_workspace_context(LOCATION, instance) as made,
        ):
            yield made


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")  # Dagster's own use
def test_a_range_of_months_is_one_run(workspace: WorkspaceProcessContext) -> None:
    """However many months a backfill asks for, features or predictions of all of them come from a single run."""
    for schema in ("features", "predictions"):
        keys = _ask(workspace, schema)
        assert [error for error in execute_backfill_iteration(workspace, LOGGER) if error] == []
        runs = workspace.instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": schema}))
        assert [run.asset_selection for run in runs] == [frozenset(keys)]
        assert [runs[0].tags[end] for end in SPAN] == [MONTHS[0], MONTHS[-1]]


def test_a_file_leads_to_one_refresh_and_one_score(workspace: WorkspaceProcessContext) -> None:
    """The daemon asks for one refresh of all months for a new file, and for one score once it succeeded."""
    instance = workspace.instance
    _tick(workspace)
    by_file = dg.RunsFilter(tags={"dagster/sensor_name": "new_files"})
    [refresh] = instance.get_runs(by_file)
    assert [refresh.tags[end] for end in SPAN] == ["2023-01", "2024-06"]
    assert refresh.tags["customer_lifecycle/company"] == "small"
    told = dg.AssetMaterialization(["intermediate", coverage.WINDOW], metadata={coverage.LAST_AS_OF: "2024-05-31"})
    instance.report_runless_asset_event(told)
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_SUCCESS", refresh.job_name), refresh.run_id)
    for _ in range(2):
        time.sleep(6)  # sensors look every five seconds
        _tick(workspace)
    assert len(instance.get_runs(by_file)) == 1
    [score] = instance.get_runs(dg.RunsFilter(job_name="score_and_publish"))
    assert score.tags["dagster/partition"] == "2024-05"


def test_days_without_a_daemon_are_caught_up_by_one_run(workspace: WorkspaceProcessContext) -> None:
    """A daily schedule whose daemon was down for three days asks for one refresh, not for three."""
    begun, times = datetime.now(UTC), {}
    for after in (timedelta(), timedelta(days=3), timedelta(days=3, minutes=1)):
        ticks = launch_scheduled_runs(workspace, LOGGER, begun + after, times)
        assert [error for error in ticks if error] == []
    [run] = workspace.instance.get_runs(dg.RunsFilter(tags={"dagster/schedule_name": "daily_refresh"}))
    assert run.job_name == "refresh_features"


def _tick(workspace: WorkspaceProcessContext) -> None:
    assert [error for error in execute_sensor_iteration(workspace, LOGGER, None, None) if error] == []


def _ask(workspace: WorkspaceProcessContext, schema: str) -> list[dg.AssetKey]:
    """Ask for a backfill of the partitioned assets of a schema, as the UI does; returns their keys."""
    graph = workspace.create_request_context().asset_graph
    found = (key for key in graph.materializable_asset_keys if key.path[0] == schema)
    keys = sorted(key for key in found if graph.get(key).is_partitioned)
    assert keys
    asked = PartitionBackfill.from_asset_partitions(
        backfill_id=schema,
        asset_graph=graph,
        partition_names=MONTHS,
        asset_selection=keys,
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=workspace.instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    workspace.instance.add_backfill(asked)
    return keys
