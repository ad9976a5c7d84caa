"""Who is told when a run fails, when it is mended, and which checks newly warn.

Belongs here: two sensors that read finished runs of the company, whoever launched them: schedules, people in the UI, or
the command line, whose runs Dagster's own run sensors do not see. Does not belong here: how old things may grow
(`orchestration.sensors.freshness`), how a message travels (`orchestration.alerting.alert_channels`).
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import dagster as dg
from dagster._core.definitions.assets.job.asset_job import IMPLICIT_ASSET_JOB_NAME

from orchestration import snapshot
from orchestration.alerting.alert_channels import AlertChannels
from orchestration.alerting.alerts import SECONDS_PER_HOUR, Desk, Incident, Memory, deliver, few, key_of
from orchestration.resources import Deployment
from orchestration.runs import failures
from orchestration.runs.dead_runs import COMPANY_TAG
from orchestration.runs.failures import Cause

INTERVAL_SECONDS = 30
EVENTS_PER_TICK = 50
# Dagster ends a tick after 60 seconds; the last message begun may take a while.
SENDING_SECONDS = 20.0
# Set by Dagster on a failed run that it will launch again: only the last try is told of.
WILL_RETRY = "dagster/will_retry"
# A run that ended, and whether it failed.
End = tuple[dg.DagsterRun, bool]


def alert_on_failure(deployment: Deployment, channels: AlertChannels) -> dg.SensorDefinition:
    """The sensor that tells of failed runs and of their recovery."""
    company = deployment.company
    desk = desk_of(deployment, channels)

    @dg.sensor(
        name="alert_on_failure",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status(deployment, channels, "failure"),
        description=(
            "Tells of a failed run of this company, whoever launched it: once per cause, again after "
            f"{company.alerts.reminder_hours:g} hours, and once more when it is mended."
        ),
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        memory, ends = _ends(context, deployment)
        now = time.time()
        for run, has_failed in ends:
            if has_failed:
                memory = _failed(memory, desk, deployment, channels, context.instance, run, now)
            else:
                memory = _succeeded(memory, desk, channels, context.instance, run, now)
        return sent(context, desk.reminded(memory, now), channels)

    return tell


def warnings_digest(deployment: Deployment, channels: AlertChannels) -> dg.SensorDefinition:
    """The sensor that gathers checks which newly warn."""
    company = deployment.company
    desk = desk_of(deployment, channels)
    wait = company.alerts.digest_hours * SECONDS_PER_HOUR

    @dg.sensor(
        name="warnings_digest",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=default_status(deployment, channels, "warning"),
        description=f"Tells of checks that newly warn, at most every {company.alerts.digest_hours:g} hours.",
    )
    def tell(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        memory, ends = _ends(context, deployment)
        now = time.time()
        incidents = dict(memory.incidents)
        for run, _ in ends:
            for check, reason in failures.warnings_of(context.instance, run.run_id).items():
                if reason is None:
                    incidents.pop(check, None)
                elif check not in incidents:
                    incidents[check] = Incident(check, run.run_id, check, (reason,), "", since=now)
        memory = replace(memory, incidents=incidents)
        if not memory.digest <= now < memory.digest + wait:
            memory = _digested(memory, desk, channels, now)
        return sent(context, memory, channels)

    return tell


def desk_of(deployment: Deployment, channels: AlertChannels) -> Desk:
    """Where the company's messages are made."""
    return Desk(deployment.company_name, tuple(channels.senders), deployment.company.alerts.reminder_hours)


def default_status(deployment: Deployment, channels: AlertChannels, severity: str) -> dg.DefaultSensorStatus:
    """Running from the start as soon as there is somebody to tell, and the company wants to be told."""
    is_on = bool(channels.senders) and severity in deployment.company.alerts.severities
    return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED


def sent(context: dg.SensorEvaluationContext, memory: Memory, channels: AlertChannels) -> dg.SensorResult:
    """Send what waits; the tick says what was sent, and what could not be and will be tried again."""
    end = time.monotonic() + SENDING_SECONDS
    memory, done, failed = deliver(memory, channels.senders, lambda: time.monotonic() > end)
    for line in done:
        context.log.info(f"sent by {line}")
    for line in failed:
        context.log.error(f"not delivered, tried again at the next tick: {line}")
    said = [f"Sent {len(done)} messages." if done else "Nothing to tell."]
    said += [f"Not delivered, tried again at the next tick: {line}." for line in failed]
    return dg.SensorResult(skip_reason=" ".join(said), cursor=memory.as_cursor())


def readers_see(deployment: Deployment, now: float) -> str:
    """One sentence on the snapshot that readers are on."""
    seen = snapshot.current(deployment.published)
    if seen is None:
        return "Readers see nothing: no snapshot is published yet."
    hours = max(now - datetime.fromisoformat(seen.published_at).timestamp(), 0.0) / SECONDS_PER_HOUR
    return f"Readers see snapshot {seen.version}, with data up to {seen.as_of}, published {hours:.1f} hours ago."


def _ends(context: dg.SensorEvaluationContext, deployment: Deployment) -> tuple[Memory, list[End]]:
    """Runs of the company that ended since the last tick, in order; the first tick begins now."""
    memory = Memory.from_cursor(context.cursor)
    failed, succeeded = (
        context.instance.fetch_run_status_changes(
            wanted,
            limit=1 if memory.after is None else EVENTS_PER_TICK,
            ascending=memory.after is not None,
        ).records
        for wanted in (
            dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_FAILURE, after_storage_id=memory.after),
            dg.RunStatusChangeRecordsFilter(dg.DagsterEventType.RUN_SUCCESS, after_storage_id=memory.after),
        )
    )
    if memory.after is None:
        return replace(memory, after=max((one.storage_id for one in (*failed, *succeeded)), default=0)), []
    # Beyond the last event of a full page the other kind of event is not looked at yet.
    last = min((page[-1].storage_id for page in (failed, succeeded) if len(page) == EVENTS_PER_TICK), default=None)
    ends: list[End] = []
    after = memory.after
    for record in sorted((*failed, *succeeded), key=lambda one: one.storage_id):
        if last is not None and record.storage_id > last:
            break
        after, run = record.storage_id, context.instance.get_run_by_id(record.run_id)
        if run is not None and _is_of(run, deployment):
            ends.append((run, record in failed))
    return replace(memory, after=after), ends


def _is_of(run: dg.DagsterRun, deployment: Deployment) -> bool:
    """By its tag; a materialization from the asset graph has none, of several companies its code location tells."""
    company, origin = run.tags.get(COMPANY_TAG), run.remote_job_origin
    if company is None and origin is not None and deployment.is_shared:
        company = origin.location_name
    return company in (None, deployment.company_name)


def _failed(
    memory: Memory,
    desk: Desk,
    deployment: Deployment,
    channels: AlertChannels,
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    now: float,
) -> Memory:
    found = failures.causes(instance, run.run_id)
    if not found or run.tags.get(WILL_RETRY) == "true":
        return memory
    parts = sorted(f"{cause.what} {cause.reason}" for cause in found)
    steps = tuple(sorted({cause.step for cause in found if cause.step}))
    incident = Incident(
        key=key_of(desk.company, run.job_name, *parts),
        evidence=run.run_id,
        title=f"{desk.company}: {_named(run)} failed at {found[0].what}",
        lines=(
            *few([f"{cause.what}: {cause.reason}" for cause in found]),
            readers_see(deployment, now),
            _mend(run, found, channels),
        ),
        link=f"{channels.ui_url}/runs/{run.run_id}",
        since=now,
        # A success of other assets from the graph mends nothing of these.
        job="" if steps and _is_from_graph(run) else run.job_name,
        steps=steps,
    )
    return desk.opened(memory, incident, "failed", now)


def _is_from_graph(run: dg.DagsterRun) -> bool:
    return run.job_name.startswith(IMPLICIT_ASSET_JOB_NAME)


def _named(run: dg.DagsterRun) -> str:
    return "a materialization from the asset graph" if _is_from_graph(run) else run.job_name


def _mend(run: dg.DagsterRun, found: Sequence[Cause], channels: AlertChannels) -> str:
    checks = [f"{channels.ui_url}/assets/{cause.asset}?view=checks" for cause in found if cause.asset]
    again = "them" if _is_from_graph(run) else run.job_name
    where = f" The check's rows and history: {checks[0]} ." if checks else ""
    return (
        f"What to do: mend the cause named above, then launch {again} again (in the run's page: "
        f"Re-execute from failure). What was finished stays; nothing half-done was published.{where}"
    )


def _succeeded(
    memory: Memory,
    desk: Desk,
    channels: AlertChannels,
    instance: dg.DagsterInstance,
    run: dg.DagsterRun,
    now: float,
) -> Memory:
    """A success of the job, or of every step that had failed in whatever job, ends an incident."""
    if not memory.incidents:
        return memory
    steps = failures.finished_steps(instance, run.run_id)
    over = [
        key
        for key, one in memory.incidents.items()
        if one.job == run.job_name or (one.steps and steps.issuperset(one.steps))
    ]
    title, link = f"{desk.company}: {_named(run)} works again", f"{channels.ui_url}/runs/{run.run_id}"
    return desk.closed(memory, over, "recovered", title, link, now)


def _digested(memory: Memory, desk: Desk, channels: AlertChannels, now: float) -> Memory:
    """One message about all checks that were not told of yet."""
    new = {key: one for key, one in memory.incidents.items() if not one.told}
    if not new:
        return memory
    lines = few([f"{check}: {one.lines[0]}" for check, one in sorted(new.items())])
    told = {key: replace(one, told=now) for key, one in memory.incidents.items()}
    title = f"{desk.company}: {len(new)} checks newly warn" if len(new) > 1 else f"{desk.company}: a check newly warns"
    memory = replace(memory, digest=now, incidents=told)
    identity = " ".join(f"{key} {one.evidence}" for key, one in sorted(new.items()))
    return desk.said(memory, "warnings", title, lines, f"{channels.ui_url}/asset-groups", now, identity)
