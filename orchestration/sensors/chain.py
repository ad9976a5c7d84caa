"""What follows a refresh: the newest month that the data cover is scored and published, with those that were missed.

Belongs here: the sensor on successful runs of `refresh_features`. Does not belong here: what starts a refresh, and what
follows a moved champion.
"""

import dagster as dg

from orchestration.coverage import complete_months, newest_covered_month, one_run
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
            "After every successful refresh_features: score the newest month that the data cover to its end, and those "
            "since the last scored one, judge what became of older statements, and publish a new snapshot."
        ),
    )
    def follow(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
        month = newest_covered_month(context.instance, deployment)
        if month is None:
            return dg.SkipReason("The data cover no month to its end yet; nothing is scored.")
        key, first = context.dagster_run.run_id, _first_missed(context.instance, deployment, month)
        if first == month:
            return dg.RunRequest(run_key=key, partition_key=month)
        return dg.RunRequest(run_key=key, tags=dict(one_run(first, month)))

    return follow


def _first_missed(instance: dg.DagsterInstance, deployment: Deployment, month: str) -> str:
    """The month after the last that was scored: a source that was silent for weeks covers several at once."""
    scored = max(instance.get_materialized_partitions(deployment.asset_key("predictions", "churn")), default=month)
    return min((one for one in complete_months(deployment.company) if scored < one <= month), default=month)
