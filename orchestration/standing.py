"""How a company stands: last runs, what readers see, champions, failing checks, freshness, queue, what comes next.

Read from Dagster's records, the registry and the published snapshot, never from the warehouse: it works while a run is
under way, and holds up none. Belongs here: these facts. Does not belong here: how they look
(`orchestration.cli.standing`), whether the installation is sound (`orchestration.diagnosis`).
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import duckdb
from dagster._core.storage.dagster_run import RunRecord

from orchestration import schedule_ticks, snapshot
from orchestration.deployment.instance import point_dagster_at, reach_databases
from orchestration.launching import cause, instance
from orchestration.reports.summary_tables import HEADLINES
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import COMPANY_TAG, UNDER_WAY
from orchestration.runs.exclusive import living_holder
from orchestration.runs.failing_checks import CheckStanding, failing_checks
from orchestration.schedule_ticks import Tick

# A job that is not among so many newest runs is not told.
RUNS_READ = 500
WAITING = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)
NOT_IN_SOURCE = "not in this source"


@dataclass(frozen=True)
class JobStanding:
    """The newest run of a job; `seconds` so far while it is under way, `why` of a failed one."""

    job: str
    status: str
    run_id: str
    started_at: datetime | None
    seconds: float | None
    why: str | None


@dataclass(frozen=True)
class SnapshotStanding:
    """What readers see; `age_hours` since it was published."""

    version: str
    as_of: str
    published_at: str
    age_hours: float


@dataclass(frozen=True)
class Headline:
    """A training's first figure on its test rows, with its 95 % interval and the share of positives."""

    metric: str
    value: float
    lower: float | None
    upper: float | None
    base_rate: float | None


@dataclass(frozen=True)
class ModelStanding:
    """A model's champion and who waits for a person.

    Attributes:
        headline: None for a fallback, and until the champion's training is published.
        awaiting_review: version that a person has to decide on.
    """

    model: str
    version: str | None
    status: str | None
    headline: Headline | None
    awaiting_review: str | None


@dataclass(frozen=True)
class TableStanding:
    """When a raw table was landed last, and the rows it had then."""

    table: str
    landed_at: datetime
    rows: int | None


@dataclass(frozen=True)
class Queued:
    """A run that holds the company or waits for it."""

    job: str
    run_id: str
    status: str
    since: datetime


@dataclass(frozen=True)
class Standing:
    """Everything; each part is empty where nothing is known yet.

    Attributes:
        holder: who holds the company's lock, in words.
        daemon_seen_at: newest heartbeat of a daemon.
    """

    company: str
    jobs: tuple[JobStanding, ...] = ()
    snapshot: SnapshotStanding | None = None
    models: tuple[ModelStanding, ...] = ()
    failing_checks: tuple[CheckStanding, ...] = ()
    tables: tuple[TableStanding, ...] = ()
    holder: str | None = None
    queue: tuple[Queued, ...] = ()
    daemon_seen_at: datetime | None = None
    next_ticks: tuple[Tick, ...] = ()


def standing(deployment: Deployment) -> Standing:
    """How the company stands now; nothing is written, and nothing is made for one that never ran.

    Raises:
        DatabaseUnreachableError: a database does not answer.
    """
    if not deployment.dagster_folder.exists():
        return Standing(deployment.company_name, snapshot=_snapshot(deployment))
    reach_databases(deployment)
    point_dagster_at(deployment)
    with instance(deployment) as opened:
        records = list(_records(opened, deployment.company_name))
        return Standing(
            company=deployment.company_name,
            jobs=tuple(_jobs(opened, records)),
            snapshot=_snapshot(deployment),
            models=tuple(_models(deployment)),
            failing_checks=tuple(failing_checks(opened, deployment.company_name)),
            tables=tuple(_tables(deployment, opened)),
            holder=str(living) if (living := living_holder(deployment.state)) else None,
            queue=tuple(_queue(records)),
            daemon_seen_at=schedule_ticks.daemon_seen_at(opened),
            next_ticks=tuple(schedule_ticks.next_ticks(opened, deployment)),
        )


def has_registry(deployment: Deployment) -> bool:
    """Whether there is a registry to ask: MLflow would make an empty one, with all its migrations."""
    return not deployment.tracking_uri.startswith("sqlite") or (deployment.state / "mlflow.db").exists()


def _records(opened: dg.DagsterInstance, company: str) -> Iterator[RunRecord]:
    """The newest runs of this company; a run without the tag is of a deployment with one company."""
    for record in opened.get_run_records(limit=RUNS_READ):
        if record.dagster_run.tags.get(COMPANY_TAG, company) == company:
            yield record


def _jobs(opened: dg.DagsterInstance, records: Sequence[RunRecord]) -> Iterator[JobStanding]:
    newest = {record.dagster_run.job_name: record for record in reversed(records)}
    for job, record in sorted(newest.items()):
        run, started = record.dagster_run, record.start_time
        until = record.end_time or time.time()
        yield JobStanding(
            job=job,
            status=run.status.value,
            run_id=run.run_id,
            started_at=_instant(started) if started else None,
            seconds=round(until - started, 1) if started else None,
            why=_why(opened, run.run_id) if run.status == dg.DagsterRunStatus.FAILURE else None,
        )


def _why(opened: dg.DagsterInstance, run_id: str) -> str:
    """The cause of the first failed step, else what the run itself says."""
    steps = opened.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in steps:
        event = record.event_log_entry.get_dagster_event()
        return cause(event.step_key or "", event.step_failure_data.error)
    whole = opened.get_records_for_run(run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
    return next((record.event_log_entry.get_dagster_event().message or "" for record in whole), "no message")


def _snapshot(deployment: Deployment) -> SnapshotStanding | None:
    made = snapshot.current(deployment.published)
    if made is None:
        return None
    age = datetime.now(UTC) - datetime.fromisoformat(made.published_at)
    return SnapshotStanding(made.version, made.as_of, made.published_at, round(age.total_seconds() / 3600, 2))


def _models(deployment: Deployment) -> Iterator[ModelStanding]:
    if not has_registry(deployment):
        return
    from ml import registry

    store = deployment.model_store()
    for model in HEADLINES:
        champion, challenger = registry.champion_info(store, model), registry.challenger_info(store, model)
        waits = challenger.version if challenger and challenger.tags.get("review") == "waiting" else None
        if champion is None:
            yield ModelStanding(model, None, None, None, waits)
            continue
        headline = _headline(deployment, model, champion.run_id) if champion.status != "fallback" else None
        yield ModelStanding(model, champion.version, champion.status, headline, waits)


def _headline(deployment: Deployment, model: str, run_id: str) -> Headline | None:
    """From the published snapshot, which holds every training up to its own making."""
    made = snapshot.current(deployment.published)
    if made is None:
        return None
    with duckdb.connect(str(made.path(deployment.published) / "analytics.duckdb"), read_only=True) as connection:
        rows = connection.execute(
            "select m.metric, m.value, m.lower, m.upper, m.base_rate from metrics as m inner join trainings as t "
            "on m.run_id = t.run_id and m.model = t.model and m.method = t.kept_method "
            "where m.run_id = ? and m.model = ? and m.metric = ?",
            [run_id, model, HEADLINES[model][0]],
        ).fetchall()
    return Headline(*rows[0]) if rows else None


def _tables(deployment: Deployment, opened: dg.DagsterInstance) -> Iterator[TableStanding]:
    raw = deployment.asset_key("raw").path
    keys = [key for key in opened.get_asset_keys() if key.path[:-1] == raw]
    for record in sorted(opened.get_asset_records(keys), key=lambda found: found.asset_entry.asset_key):
        landed = record.asset_entry.last_materialization
        if landed is None or landed.asset_materialization is None:
            continue
        facts = landed.asset_materialization.metadata
        file, rows = facts.get("source_file"), facts.get("dagster/row_count")
        if file is None or file.value != NOT_IN_SOURCE:
            count = int(rows.value) if rows is not None and isinstance(rows.value, int) else None
            yield TableStanding(record.asset_entry.asset_key.path[-1], _instant(landed.timestamp), count)


def _queue(records: Sequence[RunRecord]) -> Iterator[Queued]:
    for record in reversed(records):
        run = record.dagster_run
        if run.status in (*UNDER_WAY, *WAITING):
            since = _instant(record.start_time) if record.start_time else record.create_timestamp
            yield Queued(run.job_name, run.run_id, run.status.value, since)


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
