"""Two jobs of one company that write a diary, for tests that launch them in processes of their own at once.

Belongs here: jobs with the pool and the resource of ours and steps that take a moment. Does not belong here: what
should be true of the diary.
"""

import os
import sys
import time
from pathlib import Path

import dagster as dg

from orchestration.executors import step_processes
from orchestration.resources import POOL, Deployment

DIARY = "diary.txt"


def _step(name: str) -> dg.OpDefinition:
    @dg.op(name=name, pool=POOL)
    def write(context: dg.OpExecutionContext, deployment: Deployment) -> None:
        for part in ("begins", "ends"):
            with (deployment.state / DIARY).open("a") as diary:
                diary.write(f"{context.job_name} {name} {part}\n")
            time.sleep(0.3)

    return write


def _job(name: str, executor: dg.ExecutorDefinition) -> dg.JobDefinition:
    deployment = Deployment(company_name="small", state_folder=os.environ["LIFECYCLE_STATE_DIR"], data_folder="")
    graph = dg.GraphDefinition(name, node_defs=[_step("first"), _step("second")])
    return graph.to_job(resource_defs={"deployment": deployment}, executor_def=executor)


def many_processes() -> dg.JobDefinition:
    """Each step in a process of its own."""
    return _job("many_processes", step_processes(Path(os.environ["LIFECYCLE_STATE_DIR"]) / "small"))


def one_process() -> dg.JobDefinition:
    """All steps in the run's process."""
    return _job("one_process", dg.in_process_executor)


if __name__ == "__main__":
    # By its module's name, under which a step's process finds it.
    from tests import one_writer

    with dg.DagsterInstance.get() as instance:
        job = dg.reconstructable(getattr(one_writer, sys.argv[1]))
        sys.exit(not dg.execute_job(job, instance=instance).success)
