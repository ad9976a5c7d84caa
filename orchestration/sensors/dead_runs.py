"""The sensor that ends runs whose process was killed, so that neither the queue nor the pool waits for them.

Belongs here: when the daemon looks. How a dead run is told from a living one is `orchestration.runs.dead_runs`.
"""

import dagster as dg

from orchestration.resources import Deployment
from orchestration.runs.dead_runs import end_dead_runs

SECONDS = 60


def dead_runs(deployment: Deployment) -> dg.SensorDefinition:
    """On by default: without it a killed run would keep the company's place in the queue until somebody looks."""

    @dg.sensor(
        name="dead_runs",
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Marks runs whose process was killed as failed, so that the next one can start.",
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        ended = end_dead_runs(context.instance, deployment.state, deployment.company_name)
        return dg.SkipReason(f"ended {', '.join(ended)}" if ended else "every run under way lives")

    return look
