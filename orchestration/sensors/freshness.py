"""Who is told when the published snapshot, or the data themselves, grow old.

Belongs here: comparing ages with the company's limits. It reads the pointer of the published snapshots and what runs
left in Dagster's records, never the warehouse. Does not belong here: failed runs (`orchestration.sensors.alerts`).
"""

import time
from datetime import UTC, date, datetime

import dagster as dg

from orchestration import snapshot
from orchestration.alerting.alert_channels import AlertChannels
from orchestration.alerting.alerts import SECONDS_PER_HOUR, Incident, Memory
from orchestration.coverage import WINDOW
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import COMPANY_TAG
from orchestration.sensors.alerts import default_status, desk_of, readers_see, sent

INTERVAL_SECONDS = 300
SNAPSHOT, SOURCE = "snapshot", "source"


def watch_freshness(deployment: Deployment, channels: AlertChannels) -> dg.SensorDefinition:
    """The sensor on the age of what readers see and of what the source says."""
    company = deployment.company
    desk, limits = desk_of(deployment, channels), company.alerts

    @dg.sensor(
        name="freshness",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status(deployment, channels, "freshness"),
        description=(
            f"Tells when the published snapshot is older than {limits.snapshot_max_hours:g} hours or the data bring "
            f"no news for {limits.source_max_days} days, and when that is over."
        ),
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        memory, now = Memory.from_cursor(context.cursor), time.time()
        failed = _last_failed(deployment, context.instance)
        found = {
            SNAPSHOT: _old_snapshot(deployment, failed, channels, now),
            SOURCE: _silent_source(deployment, context.instance, now),
        }
        for key, incident in found.items():
            if incident is not None:
                if key == SNAPSHOT and key not in memory.incidents and failed and _is_told(deployment, now):
                    continue
                memory = desk.opened(memory, incident, "stale", now)
            else:
                title = f"{desk.company}: the {key} is fresh again"
                memory = desk.closed(memory, [key], "fresh", title, channels.ui_url, now)
        return sent(context, desk.reminded(memory, now), channels)

    return tell


def _last_failed(deployment: Deployment, instance: dg.DagsterInstance) -> dg.DagsterRun | None:
    """The company's newest ended run, if it failed."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    runs = instance.get_runs(dg.RunsFilter(statuses=ended, tags={COMPANY_TAG: deployment.company_name}), limit=1)
    return runs[0] if runs and runs[0].status == dg.DagsterRunStatus.FAILURE else None


def _is_told(deployment: Deployment, now: float) -> bool:
    """Whether people know of the failed run that keeps the snapshot old: one cause, one message, for a while."""
    limits = deployment.company.alerts
    return "failure" in limits.severities and _age_hours(deployment, now) <= 2 * limits.snapshot_max_hours


def _age_hours(deployment: Deployment, now: float) -> float:
    """Of the snapshot that readers are on; 0 before the first: who never published has no readers to lose."""
    seen = snapshot.current(deployment.published)
    return (now - datetime.fromisoformat(seen.published_at).timestamp()) / SECONDS_PER_HOUR if seen else 0.0


def _old_snapshot(
    deployment: Deployment, failed: dg.DagsterRun | None, channels: AlertChannels, now: float
) -> Incident | None:
    seen, limit = snapshot.current(deployment.published), deployment.company.alerts.snapshot_max_hours
    if seen is None or _age_hours(deployment, now) <= limit:
        return None
    todo = "look whether daemon and schedules run (Dagster, Deployment) and whether a run waits; then launch"
    if failed is not None:
        todo = f"the last run, {failed.job_name}, failed; mend its cause, which its page names, then launch"
    lines = (
        f"{readers_see(deployment, now)} The limit is {limit:g} hours.",
        f"What to do: {todo} refresh_features. When it is done, a score_and_publish brings the new snapshot.",
    )
    title = f"{deployment.company_name}: the published snapshot is older than {limit:g} hours"
    link = f"{channels.ui_url}/runs/{failed.run_id}" if failed else f"{channels.ui_url}/deployment"
    return Incident(SNAPSHOT, seen.version, title, lines, link, since=now)


def _silent_source(deployment: Deployment, instance: dg.DagsterInstance, now: float) -> Incident | None:
    """Nothing for a company whose data end on a set day."""
    company = deployment.company
    until = _data_until(deployment, instance)
    if until is None or company.data_until is not None:
        return None
    today = datetime.fromtimestamp(now, UTC).astimezone(company.zone).date()
    days = (today - until).days
    if days <= company.alerts.source_max_days:
        return None
    lines = (
        f"The newest event in the data is of {until}, {days} days ago; the limit is {company.alerts.source_max_days}.",
        readers_see(deployment, now),
        f"What to do: look whether the source still delivers. {company.source.get}".strip(),
    )
    return Incident(SOURCE, str(until), f"{company.name}: the source is silent", lines, "", since=now)


def _data_until(deployment: Deployment, instance: dg.DagsterInstance) -> date | None:
    """The last day that the newest build of the warehouse covered; None where none is on record."""
    event = instance.get_latest_materialization_event(deployment.asset_key("intermediate", WINDOW))
    found = event.asset_materialization.metadata.get("data_until") if event and event.asset_materialization else None
    return date.fromisoformat(str(found.value)) if found else None
