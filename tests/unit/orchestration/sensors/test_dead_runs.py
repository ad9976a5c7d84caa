import subprocess
import sys
from pathlib import Path

import dagster as dg

from orchestration.sensors.dead_runs import dead_runs
from tests import small_companies

NOTE = "import os, sys; from pathlib import Path; from orchestration.runs import exclusive\n"
NOTE += "exclusive._show_life(Path(sys.argv[1]), sys.argv[2]); os._exit(9)"


def test_a_tick_ends_a_dead_run(tmp_path: Path) -> None:
    """A run whose process was killed is failed, so that the daemon launches it again; the next tick finds nothing."""
    deployment = small_companies.deploy(tmp_path, "small", "contractual", {})
    job = dg.GraphDefinition("rebuild", node_defs=[]).to_job()
    sensor = dead_runs(deployment)
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        subprocess.run([sys.executable, "-c", NOTE, str(deployment.state), run.run_id], check=False)  # noqa: S603
        said = [sensor(dg.build_sensor_context(instance=instance)) for _ in range(2)]
        ended = instance.get_run_by_id(run.run_id)
    assert [skip.skip_message for skip in said] == [f"ended {run.run_id}", "every run under way lives"]
    assert ended is not None
    assert ended.status == dg.DagsterRunStatus.FAILURE
