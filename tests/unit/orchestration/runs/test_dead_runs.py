import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from orchestration.resources import Deployment
from orchestration.runs import dead_runs, exclusive
from orchestration.runs.dead_runs import COMPANY_TAG, DBT, end_dead_runs, end_orphaned_dbt, noted_dbt

STARTED, CANCELING = dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING
POOL = "duckdb_writer"


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.local_temp(str(tmp_path))


def _leave_note(state: Path, run_id: str) -> None:
    """What a process leaves that was killed while it worked on a run."""
    script = "import os, sys; from pathlib import Path; from orchestration.runs import exclusive\n"
    script += "exclusive._show_life(Path(sys.argv[1]), sys.argv[2]); os._exit(9)"
    subprocess.run([sys.executable, "-c", script, str(state), run_id], check=False)  # noqa: S603 - our own script


def test_the_record_of_a_killed_run_is_ended(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    """A killed run is failed, one that was being stopped canceled, and their pool free; a living run is left alone."""
    killed, stopped, living = (instance.create_run_for_job(_job(), status=s) for s in (STARTED, CANCELING, STARTED))
    for run in (killed, stopped):
        _leave_note(tmp_path, run.run_id)
    exclusive._show_life(tmp_path, living.run_id)
    instance.event_log_storage.set_concurrency_slots(POOL, 1)
    instance.event_log_storage.claim_concurrency_slot(POOL, killed.run_id, "step")
    assert set(end_dead_runs(instance, tmp_path, "small")) == {killed.run_id, stopped.run_id}
    statuses = {run.run_id: run.status for run in instance.get_runs()}
    ended = {killed.run_id: dg.DagsterRunStatus.FAILURE, stopped.run_id: dg.DagsterRunStatus.CANCELED}
    assert statuses == ended | {living.run_id: STARTED}
    assert instance.event_log_storage.get_concurrency_info(POOL).active_run_ids == set()
    assert [note.name for note in exclusive.live_runs(tmp_path)] == [living.run_id]
    assert end_dead_runs(instance, tmp_path, "small") == []


def test_the_note_of_a_run_that_ended_goes(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    """Notes do not pile up in a process that works for years."""
    done = instance.create_run_for_job(_job(), status=dg.DagsterRunStatus.SUCCESS)
    exclusive._show_life(tmp_path, done.run_id)
    assert end_dead_runs(instance, tmp_path, "small") == []
    assert exclusive.live_runs(tmp_path) == []


def test_a_run_that_never_showed_life_is_ended(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died between its record and its first act: after ten minutes it is dead; another company's is not ours."""
    ours, _ = (instance.create_run_for_job(_job(), status=STARTED, tags={COMPANY_TAG: c}) for c in ("small", "other"))
    assert end_dead_runs(instance, tmp_path, "small") == []
    monkeypatch.setattr(dead_runs, "SHOWS_LIFE_WITHIN", timedelta(0))
    assert end_dead_runs(instance, tmp_path, "small") == [ours.run_id]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE])
def test_a_run_that_was_ended_while_it_waited_does_not_begin(
    instance: dg.DagsterInstance, tmp_path: Path, status: dg.DagsterRunStatus
) -> None:
    """Ended on record by force in the UI, or as dead after a jump of the clock: it does no step when its turn comes."""
    done: list[str] = []

    @dg.op
    def write(deployment: Deployment) -> None:
        done.append(deployment.company_name)

    deployment = Deployment(company_name="small", state_folder=str(tmp_path), data_folder="")
    job = dg.GraphDefinition("rebuild", node_defs=[write]).to_job(resource_defs={"deployment": deployment})
    with ThreadPoolExecutor() as others, exclusive.only_run(deployment.state):
        waiting = others.submit(job.execute_in_process, instance=instance, raise_on_error=False)
        while not exclusive.live_runs(deployment.state):
            time.sleep(0.05)
        (run,) = instance.get_runs()
        end = instance.report_run_canceled if status == dg.DagsterRunStatus.CANCELED else instance.report_run_failed
        end(run)
    waiting.exception(60)
    assert done == []
    assert [found.status for found in instance.get_runs()] == [status]


def _dbt(state: Path) -> "subprocess.Popen[bytes]":
    """A process that looks like the dbt of the company whose state lies there."""
    waits = [sys.executable, "-c", "import time; time.sleep(60)", "dbt", "build"]
    return subprocess.Popen(waits, env=os.environ | {"LIFECYCLE_WAREHOUSE": str(state / "warehouse.duckdb")})  # noqa: S603


def test_the_dbt_of_a_killed_run_is_ended(tmp_path: Path) -> None:
    """A dbt that works on without its run would write between the steps of the next one."""
    with _dbt(tmp_path) as orphan:
        (tmp_path / DBT).write_text(str(orphan.pid))
        end_orphaned_dbt(tmp_path)
        assert orphan.wait(5) < 0
    assert not (tmp_path / DBT).exists()


def test_another_process_with_the_noted_number_is_left_alone(tmp_path: Path) -> None:
    """The system gives the number of an ended process to a new one, which may be another company's dbt."""
    state = tmp_path / "small"
    state.mkdir()
    with _dbt(tmp_path / "smaller") as other:
        (state / DBT).write_text(str(other.pid))
        end_orphaned_dbt(state)
        assert not (state / DBT).exists()
        assert other.poll() is None
        other.kill()


def test_a_dbt_that_ended_is_not_noted_any_more(tmp_path: Path) -> None:
    """The note lives as long as dbt works, also when it fails."""

    def dies() -> None:
        with noted_dbt(tmp_path, 1):
            assert (tmp_path / DBT).read_text() == "1"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        dies()
    assert not (tmp_path / DBT).exists()


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None:
        """Do nothing."""

    return dg.GraphDefinition("rebuild", node_defs=[nothing]).to_job()
