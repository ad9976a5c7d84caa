import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.exclusive import DBT, STARTED_BY, end_dead_runs, end_orphaned_dbt, noted_dbt

STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance(tmp_path: Path) -> dg.DagsterInstance:
    return dg.DagsterInstance.local_temp(str(tmp_path))


def test_the_record_of_a_killed_run_is_ended(instance: dg.DagsterInstance) -> None:
    """What a killed run left as started is failed and its slot of the pool free; a run of the UI is left alone."""
    killed, other = (instance.create_run_for_job(_job(), status=STARTED, tags=tags) for tags in (STARTED_BY, {}))
    instance.event_log_storage.set_concurrency_slots("duckdb_writer", 1)
    instance.event_log_storage.claim_concurrency_slot("duckdb_writer", killed.run_id, "step")
    assert end_dead_runs(instance) == [killed.run_id]
    statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {killed.run_id: dg.DagsterRunStatus.FAILURE, other.run_id: STARTED}
    assert instance.event_log_storage.get_concurrency_info("duckdb_writer").active_run_ids == set()
    assert end_dead_runs(instance) == []


def test_the_dbt_of_a_killed_run_is_ended(tmp_path: Path) -> None:
    """A dbt that works on without its run would write between the steps of the next one."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "dbt", "build"]) as orphan:
        (tmp_path / DBT).write_text(str(orphan.pid))
        end_orphaned_dbt(tmp_path)
        assert orphan.wait(5) < 0
    assert not (tmp_path / DBT).exists()


def test_another_process_with_the_noted_number_is_left_alone(tmp_path: Path) -> None:
    """The system gives the number of an ended process to a new one; only a dbt is ended."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        (tmp_path / DBT).write_text(str(other.pid))
        end_orphaned_dbt(tmp_path)
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
