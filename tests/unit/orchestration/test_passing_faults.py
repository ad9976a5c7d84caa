import sqlite3
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster._core.events import JobFailureData, RunFailureReason
from sqlalchemy.exc import OperationalError

from companies.settings import CompanyError
from ingestion.errors import SourceError
from orchestration import passing_faults
from orchestration.passing_faults import may_pass, tried_again
from orchestration.resources import ROOT, WarehouseHeldError

HELD = duckdb.IOException("IO Error: Could not set lock on file: Conflicting lock is held in python (PID 7)")
FULL = duckdb.IOException("IO Error: Could not write file: No space left on device")
PASSING = [
    HELD,
    WarehouseHeldError("IO Error: Could not set lock on file"),
    OperationalError("select 1", {}, sqlite3.OperationalError("database is locked")),
    OperationalError("select 1", {}, RuntimeError("server closed the connection unexpectedly")),
    ConnectionResetError("reset by peer"),
]
LASTING = [
    FULL,
    OperationalError("insert", {}, sqlite3.OperationalError("database or disk is full")),
    OSError(28, "No space left on device"),
    CompanyError("no settings"),
    SourceError("no column [amount]"),
    duckdb.ConversionException("Could not convert"),
]


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


def _attempts(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> int:
    """How often a step is tried that fails twice."""
    monkeypatch.setattr(passing_faults, "SECONDS_BETWEEN", 0)
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


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: type(fault).__name__)
def test_a_fault_that_may_pass_is_tried_again(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that another process holds, a lost connection, a busy database: the run ends well once they are gone."""
    assert _attempts(fault, monkeypatch) == 3


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: type(fault).__name__)
def test_a_fault_that_lasts_is_not(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data, settings and a full disk will be the same next time: the step fails at once."""
    assert not may_pass(fault)
    assert _attempts(fault, monkeypatch) == 1


def test_outside_a_step_the_fault_is_told() -> None:
    """A command reads the fault itself."""
    with pytest.raises(duckdb.IOException, match="Could not set lock"), tried_again():
        raise HELD


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
