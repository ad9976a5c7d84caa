"""The schedules of a company: which job starts by the clock, in the company's time zone.

Belongs here: what a tick asks for. The cadences, and which schedules are on from the start, are the company's settings
(`companies.automation`). Does not belong here: what happens when something arrives (`orchestration.sensors`), what a
job does. A schedule never opens the warehouse: a run may hold its lock.
"""

from collections.abc import Callable, Sequence

import dagster as dg

from companies.automation import Automation, Trigger
from companies.settings import Company
from orchestration.coverage import all_months, newest_covered_month
from orchestration.resources import Deployment

PRUNING = "prune_records"
Evaluate = Callable[[dg.ScheduleEvaluationContext], dg.RunRequest | dg.SkipReason]


def schedules(deployment: Deployment) -> Sequence[dg.ScheduleDefinition]:
    """All schedules of a company's deployment."""
    company = deployment.company
    made = [_daily_refresh(company), _weekly_training(deployment), _monthly_forecast(deployment)]
    return [*made, _weekly_pruning(company)]


def _daily_refresh(company: Company) -> dg.ScheduleDefinition:
    @_schedule(
        company,
        "daily_refresh",
        "refresh_features",
        "Every morning: land what the source holds and rebuild everything up to the features of all months; the sensor "
        "score_after_refresh then scores the newest month and publishes.",
    )
    def daily_refresh(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        months = all_months(company, context.scheduled_execution_time)
        if months is None:
            return dg.SkipReason(f"No month of {company.name} is over yet; it begins on {company.history_starts_on}.")
        return dg.RunRequest(tags=dict(months))

    return daily_refresh


def _weekly_training(deployment: Deployment) -> dg.ScheduleDefinition:
    company = deployment.company

    @_schedule(
        company,
        "weekly_training",
        "train_models",
        "Once a week: train all models again; a challenger takes over only if it passes its gates.",
    )
    def weekly_training(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if newest_covered_month(context.instance, deployment) is None:
            return dg.SkipReason("Nothing to learn from: no refresh has covered a whole month yet.")
        return dg.RunRequest()

    return weekly_training


def _monthly_forecast(deployment: Deployment) -> dg.ScheduleDefinition:
    company = deployment.company

    @_schedule(
        company,
        "monthly_forecast",
        "forecast_revenue",
        "Once a month: forecast revenue anew from the newest month that the data cover, and publish it.",
    )
    def monthly_forecast(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        month = newest_covered_month(context.instance, deployment)
        if month is None:
            return dg.SkipReason("Nothing to forecast from: no refresh has covered a whole month yet.")
        return dg.RunRequest(partition_key=month)

    return monthly_forecast


def _weekly_pruning(company: Company) -> dg.ScheduleDefinition:
    @_schedule(company, "weekly_pruning", PRUNING, "Once a week: remove old run records, snapshots and artifacts.")
    def weekly_pruning(_context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest()

    return weekly_pruning


def _schedule(
    company: Company, name: Trigger, job: str, description: str
) -> Callable[[Evaluate], dg.ScheduleDefinition]:
    automation: Automation = company.automation
    status = dg.DefaultScheduleStatus.RUNNING if name in automation.on else dg.DefaultScheduleStatus.STOPPED
    return dg.schedule(
        name=name,
        job_name=job,
        cron_schedule=getattr(automation, name),
        execution_timezone=company.time_zone,
        description=description,
        default_status=status,
    )
