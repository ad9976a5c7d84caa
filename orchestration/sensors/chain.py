"""What follows a refresh: the newest month that the data cover is scored and published.

Belongs here: the sensor on successful runs of `refresh_features`. Does not belong here: what starts a refresh, and what
follows a moved champion.
"""

import dagster as dg

from orchestration.coverage import newest_covered_month
from orchestration.jobs import job
from orchestration.resources import Deployment


def score_after_refresh(deployment: Deployment) -> dg.SensorDefinition:
    """The sensor on refreshes, whether a schedule, a file or a person started them; one score per refresh."""
    company = deployment.company
    is_on = "score_after_refresh" in company.automation.on

    @dg.run_status_sensor(
        name="score_after_refresh",
        run_status=dg.DagsterRunStatus.SUCCESS,
        monitored_jobs=[job("refresh_features", deployment)],
        minimum_interval_seconds=company.automation.look_every_seconds,
        request_job=job("score_and_publish", deployment),
        default_status=dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED,
        description=(
            "After every successful refresh_features: score the newest month that the data cover to its end, judge "
            "what became of older statements, and publish a new snapshot."
        ),
    )
    def follow(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        month = newest_covered_month(context.instance, deployment)
        if month is None:
            return dg.SkipReason("The data cover no month to its end yet; nothing is scored.")
        return dg.RunRequest(run_key=context.dagster_run.run_id, partition_key=month)

    return follow
