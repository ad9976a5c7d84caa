"""How the steps of a run are executed: in its own process, or each in a process of its own under the run's lock.

Belongs here: what our one-writer rule asks of an executor. Does not belong here: which one a deployment uses.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import dagster as dg
from dagster._core.events import DagsterEvent
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.execution.step_dependency_config import StepDependencyConfig
from dagster._core.executor.base import Executor
from dagster._core.executor.init import InitExecutorContext

from orchestration.runs.dead_runs import alone


class UnderTheLock(Executor):
    """Another executor, whose run holds the company's lock from before its first step to after its last one.

    With steps in processes of their own, the lock cannot be taken by a step: a step has its slot of the pool by then,
    and would wait for a run that waits for that slot.
    """

    def __init__(self, inner: Executor, state: Path) -> None:
        self._inner = inner
        self._state = state

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        """Wait for the company, then execute."""
        run, tell = plan_context.dagster_run, plan_context.log.info
        with alone(plan_context.instance, run, self._state, self._state.name, tell):
            yield from self._inner.execute(plan_context, execution_plan)

    @property
    def retries(self) -> RetryMode:
        """The inner executor's."""
        return self._inner.retries

    @property
    def step_dependency_config(self) -> StepDependencyConfig:
        """The inner executor's."""
        return self._inner.step_dependency_config


def step_processes(state: Path) -> dg.ExecutorDefinition:
    """Dagster's multiprocess executor, under the lock of the company whose state lies there."""
    inner = dg.multiprocess_executor
    create = cast("Callable[[InitExecutorContext], Executor]", inner.executor_creation_fn)
    return dg.ExecutorDefinition(
        name=inner.name,
        config_schema=inner.config_schema.as_field(),
        requirements=inner.get_requirements({}),
        executor_creation_fn=lambda context: UnderTheLock(create(context), state),
        description=inner.description,
    )
