"""Small jobs of one company, for tests that launch them in processes of their own, at once or to kill them.

Belongs here: jobs with the pool and the resource of ours: two that write a diary in steps that take a moment, one that
publishes. Does not belong here: what should be true afterwards.
"""

import os
import sys
import time
from datetime import UTC, datetime

import dagster as dg

from orchestration import snapshot
from orchestration.resources import POOL, Deployment
from orchestration.runs.executors import step_processes
from orchestration.snapshot import Face

DIARY = "diary.txt"
HELD = "held"


def _step(name: str) -> dg.OpDefinition:
    @dg.op(name=name, pool=POOL)
    def write(context: dg.OpExecutionContext, deployment: Deployment) -> None:
        for part in ("begins", "ends"):
            with (deployment.state / DIARY).open("a") as diary:
                diary.write(f"{context.job_name} {name} {part}\n")
            time.sleep(0.3)

    return write


@dg.op(pool=POOL)
def publish(deployment: Deployment) -> None:
    """Publish two tables; while a file `held` lies in the state, the second one takes for ever."""
    rows = 10**15 if (deployment.state / HELD).exists() else 10
    faces = [
        Face("main", name, query=f"select sum(range) as total from range({n})") for name, n in (("a", 1), ("b", rows))
    ]
    with deployment.warehouse() as connection:
        version = snapshot.next_version(deployment.published, datetime.now(UTC))
        snapshot.publish(connection, deployment.published, faces, version=version, at="now", as_of="today")


def _job(name: str, executor: dg.ExecutorDefinition, *steps: dg.OpDefinition) -> dg.JobDefinition:
    graph = dg.GraphDefinition(name, node_defs=steps or [_step("first"), _step("second")])
    return graph.to_job(resource_defs={"deployment": _deployment()}, executor_def=executor)


def _deployment() -> Deployment:
    return Deployment(company_name="small", state_folder=os.environ["LIFECYCLE_STATE_DIR"], data_folder="")


def many_processes() -> dg.JobDefinition:
    """Each step in a process of its own."""
    return _job("many_processes", step_processes(_deployment().state))


def publishes() -> dg.JobDefinition:
    """One step, in a process of its own."""
    return _job("publishes", step_processes(_deployment().state), publish)


def one_process() -> dg.JobDefinition:
    """All steps in the run's process."""
    return _job("one_process", dg.in_process_executor)


if __name__ == "__main__":
    # By its module's name, under which a step's process finds it.
    from tests import one_writer

    with dg.DagsterInstance.get() as instance:
        job = dg.reconstructable(getattr(one_writer, sys.argv[1]))
        sys.exit(not dg.execute_job(job, instance=instance).success)
