import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._cli.job import _create_run
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

from orchestration import instance as instances
from orchestration.resources import Deployment, deployment_from_environment, point_dagster_at
from tests import small_companies
from tests.runs import kept_environment, query

pytestmark = pytest.mark.slow  # starts a code server for each company and a run in a process of its own


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A company beside one whose settings are broken, as the environment of one deployment says."""
    folder = tmp_path_factory.mktemp("companies")
    made = small_companies.deploy(folder, "healthy", "contractual", small_companies.contractual(2, 2))
    (Path(made.companies_folder) / "broken.toml").write_text("title = 7")
    with kept_environment() as environment:
        environment.update(
            LIFECYCLE_COMPANIES="broken,healthy",
            LIFECYCLE_STATE_DIR=made.state_folder,
            LIFECYCLE_DATA_DIR=made.data_folder,
            LIFECYCLE_COMPANIES_DIR=made.companies_folder,
        )
        found = deployment_from_environment("healthy")
        point_dagster_at(found)
        yield found


def test_a_broken_company_stops_no_other(healthy: Deployment) -> None:
    """Beside a location that fails to load and says why, the other one loads, and a run of its code succeeds."""
    with dg.DagsterInstance.get() as instance:
        target = WorkspaceFileTarget(paths=[str(instances.workspace_file(healthy))])
        warned = pytest.warns(UserWarning, match="Error loading repository location broken")
        with warned, WorkspaceProcessContext(instance, target) as process:
            workspace = process.create_request_context()
            errors = {name: entry.load_error for name, entry in workspace.get_code_location_entries().items()}
            assert set(errors) == {"broken", "healthy"}
            assert errors["healthy"] is None
            assert errors["broken"] is not None
            assert "broken.toml" in errors["broken"].to_string()
            run = launched(instance, workspace, "healthy", "land_source")
    assert run.is_success
    assert query(healthy, "select count(*) from raw.accounts") == [(2,)]
    with dg.DagsterInstance.get() as instance:
        keys = {key.to_user_string() for key in instance.all_asset_keys()}
    assert "healthy/raw/accounts" in keys
    assert {key.split("/")[0] for key in keys} == {"healthy"}
    assert not (healthy.state.parent / "broken").exists()


def launched(
    instance: dg.DagsterInstance, workspace: WorkspaceRequestContext, location: str, job: str, seconds: float = 180
) -> dg.DagsterRun:
    """Launch a job through its code server, as the daemon does with a queued run, and wait for its end."""
    code = workspace.get_code_location(location)
    (repository,) = code.get_repositories().values()
    created = _create_run(instance, code, repository, repository.get_full_job(job), {}, {}, None, None)
    instance.launch_run(created.run_id, workspace)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run = instance.get_run_by_id(created.run_id)
        if run is not None and run.is_finished:
            return run
        time.sleep(0.5)
    pytest.fail(f"{job} did not end within {seconds:.0f} s")
