import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._cli.job import _create_run
from dagster._core.instance import InstanceRef
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from orchestration.deployment import instance as instances
from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import Deployment, deployment_from_environment
from orchestration.runs.exclusive import only_run
from orchestration.standing import standing
from tests import small_companies
from tests.runs import kept_environment, query

pytestmark = pytest.mark.slow  # starts a code server for each company and runs in processes of their own
# Without it Dagster leaves its servers to end some time later, and Python complains of whoever is collecting then.
WAIT_FOR_SERVERS = {"code_servers": {"wait_for_local_processes_on_shutdown": True}}
OVER = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A company beside one whose settings are broken and one whose export lacks a column."""
    folder = tmp_path_factory.mktemp("companies")
    made = small_companies.deploy(folder, "healthy", "contractual", small_companies.contractual(2, 2))
    settings, data = Path(made.companies_folder), Path(made.data_folder)
    (settings / "broken.toml").write_text("title = 7")
    other = (settings / "healthy.toml").read_text().replace('folder = "small"', 'folder = "failing"')
    (settings / "failing.toml").write_text(other)
    shutil.copytree(data / "small", data / "failing")
    deals = data / "failing" / "deals.csv"
    deals.write_text(deals.read_text().replace("outcome", "result", 1))
    with kept_environment() as environment:
        environment.update(
            LIFECYCLE_COMPANIES="broken,failing,healthy",
            LIFECYCLE_STATE_DIR=made.state_folder,
            LIFECYCLE_DATA_DIR=made.data_folder,
            LIFECYCLE_COMPANIES_DIR=made.companies_folder,
        )
        found = deployment_from_environment("healthy")
        point_dagster_at(found)
        yield found


@pytest.fixture(scope="module")
def instance(healthy: Deployment) -> Iterator[dg.DagsterInstance]:
    """The records that the companies share."""
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(healthy.dagster_home), overrides=WAIT_FOR_SERVERS)) as it:
        yield it


@pytest.fixture(scope="module")
def workspace(healthy: Deployment, instance: dg.DagsterInstance) -> Iterator[WorkspaceRequestContext]:
    """A code server for each company; all have ended afterwards."""
    target = WorkspaceFileTarget(paths=[str(instances.workspace_file(healthy))])
    warned = pytest.warns(UserWarning, match="Error loading repository location broken")
    with warned, WorkspaceProcessContext(instance, target) as process:
        yield process.create_request_context()


def test_broken_settings_stop_no_other(workspace: WorkspaceRequestContext) -> None:
    """Beside a location that fails to load and says why, the others load."""
    errors = {name: entry.load_error for name, entry in workspace.get_code_location_entries().items()}
    assert set(errors) == {"broken", "failing", "healthy"}
    assert errors["healthy"] is errors["failing"] is None
    assert errors["broken"] is not None
    assert "broken.toml" in errors["broken"].to_string()


def test_a_failing_run_stops_no_other(
    healthy: Deployment, instance: dg.DagsterInstance, workspace: WorkspaceRequestContext
) -> None:
    """A run that is under way while one of another company begins and fails goes on, and its records are its own."""
    failing = deployment_from_environment("failing")
    with only_run(healthy.state, "the test"):
        under_way = _launched(instance, workspace, "healthy")
        failed = _launched(instance, workspace, "failing")
        _until(lambda: _status(instance, failed) in OVER and standing(healthy).queue)
        assert _status(instance, failed) == dg.DagsterRunStatus.FAILURE
        assert [run.run_id for run in standing(healthy).queue] == [under_way]
    _until(lambda: _status(instance, under_way) in OVER)
    assert _status(instance, under_way) == dg.DagsterRunStatus.SUCCESS
    assert query(healthy, "select count(*) from raw.accounts") == [(2,)]
    told = {one.company_name: [(job.status, job.run_id) for job in standing(one).jobs] for one in (healthy, failing)}
    assert told == {"healthy": [("SUCCESS", under_way)], "failing": [("FAILURE", failed)]}
    assert "outcome" in str(standing(failing).jobs[0].why)
    landed = {
        one: instance.get_latest_materialization_event(one.asset_key("raw", "deals")) for one in (healthy, failing)
    }
    assert {one.company_name for one, event in landed.items() if event} == {"healthy"}
    assert {key.path[0] for key in instance.all_asset_keys()} == {"healthy", "failing"}
    assert not (healthy.state.parent / "broken").exists()


def _launched(instance: dg.DagsterInstance, workspace: WorkspaceRequestContext, company: str) -> str:
    """Launch the landing through the company's code server, as the daemon does with a queued run."""
    code = workspace.get_code_location(company)
    (repository,) = code.get_repositories().values()
    created = _create_run(instance, code, repository, repository.get_full_job("land_source"), {}, {}, None, None)
    instance.launch_run(created.run_id, workspace)
    return created.run_id


def _status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def _until(reached: Callable[[], Any], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.5)
