"""A backfill asked for in the UI, through the daemon's own machinery."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.backfill import execute_backfill_iteration

from orchestration.resources import ROOT, dagster_environment
from tests import small_companies
from tests.runs import kept_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # starts a code server

# Takes runs and starts none: how many there are, and what they cover, is decided before.
OVERRIDES = {
    "run_launcher": {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"},
    "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
}
LOCATION = ModuleTarget("orchestration.definitions", None, str(ROOT), "small")
MONTHS = ["2023-02", "2023-03", "2023-04", "2023-05"]


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path) -> Iterator[None]:
    """The code server, a process of its own, finds the small company."""
    with kept_environment():
        deployment = small_companies.deploy(tmp_path, "small", "contractual", {"accounts": []})
        os.environ.update(dagster_environment(deployment) | {"DAGSTER_HOME": str(tmp_path / "home")})
        yield


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning")  # Dagster's own use
def test_a_range_of_months_is_one_run(tmp_path: Path) -> None:
    """However many months a backfill asks for, features or predictions of all of them come from a single run."""
    (tmp_path / "home").mkdir()
    with (
        dg.instance_for_test(overrides=OVERRIDES, temp_dir=str(tmp_path / "home")) as instance,
        create_test_daemon_workspace_context(LOCATION, instance) as workspace,
    ):
        for schema in ("features", "predictions"):
            keys = _ask(workspace, schema)
            errors = [error for error in execute_backfill_iteration(workspace, logging.getLogger(schema)) if error]
            runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": schema}))
            assert errors == []
            assert [run.asset_selection for run in runs] == [frozenset(keys)]
            span = [runs[0].tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
            assert span == [MONTHS[0], MONTHS[-1]]


def _ask(workspace: WorkspaceProcessContext, schema: str) -> list[dg.AssetKey]:
    """Ask for a backfill of the partitioned assets of a schema, as the UI does; returns their keys."""
    graph = workspace.create_request_context().asset_graph
    found = (key for key in graph.materializable_asset_keys if key.path[0] == schema)
    keys = sorted(key for key in found if graph.get(key).is_partitioned)
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
    assert keys
    return keys
