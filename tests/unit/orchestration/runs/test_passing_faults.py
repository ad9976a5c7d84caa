import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pandera.pandas as pa
import pytest
from dagster._core.events import JobFailureData, RunFailureReason
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from companies import settings
from ingestion.landing import land
from ml import registry
from ml.registrations import Store
from orchestration import resources
from orchestration.resources import ROOT
from orchestration.runs import passing_faults
from orchestration.runs.passing_faults import tried_again
from tests import small_companies

Fault = Callable[[Path], object]


def _held_warehouse(folder: Path) -> None:
    """Open a warehouse that another process has open."""
    deployment = resources.Deployment(company_name="small", state_folder=str(folder), data_folder="")
    deployment.state.mkdir()
    holds = "import duckdb, sys, time; held = duckdb.connect(sys.argv[1]); print(flush=True); time.sleep(60)"
    command = [sys.executable, "-c", holds, str(deployment.warehouse_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:  # noqa: S603 - our own script
        try:
            assert other.stdout is not None
            other.stdout.readline()
            with deployment.warehouse():
                pytest.fail("the warehouse is not held")
        finally:
            other.kill()


def _busy_sqlite(folder: Path) -> None:
    """Write to a database that another connection writes to, as Dagster's and MLflow's stores do."""
    path = folder / "records.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("begin immediate")
        _execute(f"sqlite:///{path}", "create table rows (number)", timeout=0)


def _full_sqlite(folder: Path) -> None:
    """Write more pages than the database may have."""
    _execute(f"sqlite:///{folder / 'full.db'}", "pragma max_page_count = 1", "create table rows (number)")


def _execute(url: str, *statements: str, **arguments: object) -> None:
    engine = create_engine(url, connect_args=arguments)
    try:
        with engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
    finally:
        engine.dispose()


def _no_server(_folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        socket.create_connection(free.getsockname()).close()


def _full_disk(_folder: Path) -> None:
    with Path("/dev/full").open("w") as file:
        file.write("one")


def _full_warehouse(_folder: Path) -> None:
    duckdb.execute("copy (select 1) to '/dev/full'")


def _no_source(folder: Path) -> None:
    made = small_companies.deploy(folder, "small", "contractual", small_companies.contractual(1, 1))
    with duckdb.connect() as connection:
        land(connection, made.company, folder / "elsewhere", datetime.now(UTC))


def _no_settings(folder: Path) -> None:
    settings.load("nobody", folder)


def _no_number(_folder: Path) -> None:
    duckdb.execute("select 'ten'::integer")


def _no_schema(_folder: Path) -> None:
    pa.DataFrameSchema({"amount": pa.Column(float)}).validate(pd.DataFrame({"amount": ["ten"]}))


PASSING: list[Fault] = [_held_warehouse, _busy_sqlite, _no_server]
LASTING: list[Fault] = [
    _full_sqlite,
    _full_disk,
    _full_warehouse,
    _no_source,
    _no_settings,
    _no_number,
    _no_schema,
]


def _raised(fault: Fault, folder: Path) -> Exception:
    """What the installed versions of the libraries really raise."""
    try:
        fault(folder)
    except Exception as error:
        return error
    pytest.fail(f"{fault} raises nothing")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits between tries."""
    connect = resources._connect
    monkeypatch.setattr(resources, "_connect", lambda path, read_only: connect(path, read_only=read_only, tries=2))
    monkeypatch.setattr(passing_faults, "SECONDS_BETWEEN", 0)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with the retries of ours."""
    settings = dg.DagsterInstance.local_temp(str(tmp_path), overrides={"run_retries": _run_retries()})
    with settings as made:
        yield made


def _run_retries() -> object:
    from dagster_shared.yaml_utils import load_yaml_from_path

    found = load_yaml_from_path(str(ROOT / "dagster.yaml"))
    assert isinstance(found, dict)
    return found["run_retries"]


def _attempts(fault: Exception) -> int:
    """How often a step is tried that fails twice."""
    tries: list[int] = []

    @dg.op
    def works_the_third_time() -> None:
        tries.append(1)
        with tried_again():
            if len(tries) < 3:
                raise fault

    job = dg.GraphDefinition("job", node_defs=[works_the_third_time]).to_job()
    assert job.execute_in_process(raise_on_error=False).success == (len(tries) == 3)
    return len(tries)


def _named(fault: Fault) -> str:
    return getattr(fault, "__name__", "").strip("_")


@pytest.mark.parametrize("fault", PASSING, ids=_named)
def test_a_fault_that_may_pass_is_tried_again(fault: Fault, tmp_path: Path) -> None:
    """A file that another process holds, a lost connection, a busy database: the run ends well once they are gone."""
    assert _attempts(_raised(fault, tmp_path)) == 3


@pytest.mark.parametrize("fault", LASTING, ids=_named)
def test_a_fault_that_lasts_is_not(fault: Fault, tmp_path: Path) -> None:
    """Data, settings and a full disk will be the same next time: the step fails at once."""
    assert _attempts(_raised(fault, tmp_path)) == 1


@pytest.mark.filterwarnings("ignore:.*noload.*")
def test_a_registry_that_is_busy_is_tried_again(store: Store) -> None:
    """MLflow wraps what its database says; what it wraps counts."""

    def ask(_folder: Path) -> None:
        registry.champion_info(store, "churn")

    assert registry.champion_info(store, "churn") is None
    with closing(sqlite3.connect(store.tracking_uri.removeprefix("sqlite:///"))) as other:
        other.execute("begin exclusive")
        busy = _raised(ask, Path())
    assert type(busy) is MlflowException
    assert _attempts(busy) == 3


def test_outside_a_step_the_fault_is_told(tmp_path: Path) -> None:
    """A command reads the fault itself."""
    with pytest.raises(OperationalError, match="database is locked"), tried_again():
        _busy_sqlite(tmp_path)


@pytest.mark.parametrize(
    ("reason", "will_retry"),
    [(RunFailureReason.UNEXPECTED_TERMINATION, "true"), (RunFailureReason.STEP_FAILURE, "false")],
)
def test_a_killed_run_is_launched_again_a_failed_step_is_not(
    instance: dg.DagsterInstance, reason: RunFailureReason, will_retry: str
) -> None:
    """By the settings in `dagster.yaml`, which the daemon reads."""
    job = dg.GraphDefinition("job", node_defs=[]).to_job()
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run, "ended", JobFailureData(None, reason))
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.tags["dagster/will_retry"] == will_retry
