"""Removing old records of a company by its policy, and saying what went.

Belongs here: which of Dagster's runs are needed whatever their age, putting the parts together, and the job. Does not
belong here: the ages (`companies.retention`), the registry's own rule (`ml.registry_retention`).
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb

from orchestration import snapshot
from orchestration.assets.publish import MODELS, VERSIONS_KEPT
from orchestration.learning import training_sets
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import COMPANY_TAG

FINISHED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
# A file is written anew when this share of it and so many bytes are free: meanwhile it takes its space twice.
VACUUM_FROM_RATIO, VACUUM_FROM_BYTES = 0.25, 1_000_000
BUSY_SECONDS = 10.0
# A clock that jumps ahead makes everything old. After a pause as long as the first, nothing is removed for as long as
# the second: somebody notices a wrong clock, and who only rested loses nothing by waiting.
PAUSE, WATCHED_FOR = timedelta(days=62), timedelta(days=14)


@dataclass(frozen=True)
class Removed:
    """What went of one kind, and how much smaller its files are."""

    kind: str
    names: tuple[str, ...]
    bytes: int

    def __str__(self) -> str:
        """The outcome in words."""
        return f"{self.kind}: {len(self.names)} removed, {self.bytes / 1e6:.1f} MB"


def prune(instance: dg.DagsterInstance, deployment: Deployment, now: datetime) -> list[Removed]:
    """Remove what the company's policy calls old; facts, and what is served or needed to roll back, stay."""
    policy = deployment.company.retention
    parts = {
        "runs of Dagster": (
            deployment.dagster_folder,
            lambda: _runs(instance, deployment, _before(now, policy.run_days)),
        ),
        "outputs of steps": (
            deployment.dagster_folder,
            lambda: _logs(instance, deployment, _before(now, policy.log_days)),
        ),
        "trainings and versions": (deployment.artifact_folder, lambda: _trainings(deployment, now)),
        "training sets": (deployment.training_sets, lambda: training_sets.prune(deployment)),
        "published versions": (deployment.published, lambda: _published(deployment)),
        "files of records written anew": (deployment.state, lambda: _vacuum(deployment)),
    }
    return [_measured(kind, folder, remove) for kind, (folder, remove) in parts.items()]


def _measured(kind: str, folder: Path | str, remove: Callable[[], Iterable[str]]) -> Removed:
    before = _size(folder)
    names = tuple(remove())
    return Removed(kind, names, before - _size(folder))


def _size(folder: Path | str) -> int:
    """Bytes below a folder; of artifacts that lie elsewhere (a URI) nothing is measured."""
    if isinstance(folder, str):
        return 0
    total = 0
    for path in folder.rglob("*"):
        # The daemon and the UI come and go with SQLite's files beside a database.
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _before(now: datetime, days: int) -> datetime:
    return now - timedelta(days=days)


def _finished(instance: dg.DagsterInstance, deployment: Deployment, before: datetime) -> list[str]:
    """The company's runs that were made before an instant and are over."""
    wanted = dg.RunsFilter(statuses=list(FINISHED), created_before=before)
    company = deployment.company_name
    runs = [record.dagster_run for record in instance.get_run_records(wanted)]
    return [run.run_id for run in runs if run.tags.get(COMPANY_TAG, company) == company]


def _runs(instance: dg.DagsterInstance, deployment: Deployment, before: datetime) -> list[str]:
    """Runs that hold nothing newest; without it an asset, a month or a check would be shown as never made."""
    newest = Newest(instance)
    old = [run_id for run_id in _finished(instance, deployment, before) if not newest.is_in(run_id)]
    for run_id in old:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        # SQLite keeps a file of events for each run, which Dagster only empties.
        for path in (deployment.dagster_folder / "history" / "runs").glob(f"{run_id}.db*"):
            path.unlink(missing_ok=True)
    return old


def _logs(instance: dg.DagsterInstance, deployment: Deployment, before: datetime) -> list[str]:
    found = [run for run in _finished(instance, deployment, before) if (deployment.dagster_folder / run).is_dir()]
    for run_id in found:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    return [run_id for run_id in found if not (deployment.dagster_folder / run_id).is_dir()]


def _trainings(deployment: Deployment, now: datetime) -> list[str]:
    from ml import registry_retention

    policy = deployment.company.retention
    gone = registry_retention.prune(
        deployment.model_store(),
        models_before=_before(now, policy.model_days),
        trainings_before=_before(now, policy.training_days),
        served=_spoke_last(deployment),
    )
    return [*gone.versions, *gone.runs]


def _spoke_last(deployment: Deployment) -> list[tuple[str, str]]:
    """Model and version of the newest statements that readers see; another may be champion since."""
    made = snapshot.current(deployment.published)
    if made is None:
        return []
    with duckdb.connect(str(made.path(deployment.published) / "analytics.duckdb"), read_only=True) as connection:
        found = {
            model: connection.execute(f"select arg_max(model_version, made_at) from {model}_predictions").fetchall()  # noqa: S608
            for model in MODELS
            if f"{model}_predictions" in made.rows
        }
    return [(model, version) for model, [(version,)] in found.items() if version is not None]


def _published(deployment: Deployment) -> list[str]:
    return snapshot.prune(deployment.published, VERSIONS_KEPT) if deployment.published.exists() else []


def _vacuum(deployment: Deployment) -> Iterator[str]:
    """Give the disk back what rows left in SQLite's files; a file that somebody reads waits for the next time."""
    for path in [*sorted(deployment.dagster_folder.rglob("*.db")), deployment.state / "mlflow.db"]:
        if path.exists() and _vacuumed(path):
            yield path.name


def _vacuumed(path: Path) -> bool:
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        try:
            pages, free, size = (
                connection.execute(f"pragma {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            if free < VACUUM_FROM_RATIO * pages or free * size < VACUUM_FROM_BYTES:
                return False
            connection.execute("vacuum")
        except sqlite3.OperationalError as error:
            if any(text in str(error) for text in ("locked", "full")):
                return False
            raise
    return True


def _has_jumped(instance: dg.DagsterInstance, now: datetime) -> bool:
    """Whether the runs of late come after so long a pause that the clock may be wrong."""
    since, order = now - WATCHED_FOR, "create_timestamp"
    of_late = dg.RunsFilter(created_after=since, created_before=now)
    began = instance.get_run_records(of_late, limit=1, order_by=order, ascending=True)
    ended = instance.get_run_records(dg.RunsFilter(created_before=since), limit=1, order_by=order)
    return bool(began and ended) and _made(began[0]) - _made(ended[0]) > PAUSE


def _made(record: dg.RunRecord) -> datetime:
    return record.create_timestamp.replace(tzinfo=record.create_timestamp.tzinfo or UTC)


def prune_job(company: str) -> dg.JobDefinition:
    """The job `prune_records`: a run as any other, so that it has the company to itself."""

    @dg.op(description="Remove what the company's policy calls old.", out=dg.Out(dg.Nothing))
    def prune_old_records(context: dg.OpExecutionContext, deployment: Deployment) -> None:
        now = datetime.now(UTC)
        if _has_jumped(context.instance, now):
            context.log.warning(
                f"The runs of the last {WATCHED_FOR.days} days come after a pause of more than {PAUSE.days} days. If "
                "the clock is right, a later run removes what is old; nothing is removed this time."
            )
            return
        removed = prune(context.instance, deployment, now)
        for one in removed:
            context.log.info(f"{one}" + "".join(f"\n  {name}" for name in one.names))
        lines = "\n".join(f"- {one}" for one in removed)
        context.add_output_metadata({"removed": dg.MetadataValue.md(lines), "bytes": sum(one.bytes for one in removed)})

    return dg.GraphDefinition(
        "prune_records",
        node_defs=[prune_old_records],
        description="Remove old runs, outputs, models, training sets and snapshots by the company's policy.",
    ).to_job(tags={COMPANY_TAG: company})


@dataclass
class Newest:
    """Whether a run holds the newest result of something; look-ups are kept, because runs ask for the same ones."""

    instance: dg.DagsterInstance
    makers: dict[dg.AssetKey, set[str]] = field(default_factory=dict)
    judges: dict[dg.AssetCheckKey, str] = field(default_factory=dict)

    def is_in(self, run_id: str) -> bool:
        """Whether the run made the newest materialization of an asset or partition, or the newest result of a check."""
        kinds = {dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
        records = self.instance.get_records_for_run(run_id, of_type=kinds).records
        events = [record.event_log_entry.dagster_event for record in records]
        return any(event is not None and self._is_newest(event, run_id) for event in events)

    def _is_newest(self, event: dg.DagsterEvent, run_id: str) -> bool:
        if event.is_step_materialization:
            return event.asset_key is not None and run_id in self._makers(event.asset_key)
        return run_id == self._judge(event.asset_check_evaluation_data.asset_check_key)

    def _makers(self, asset: dg.AssetKey) -> set[str]:
        """The runs that made the newest materialization of the asset and of each of its partitions."""
        if asset not in self.makers:
            kind = dg.DagsterEventType.ASSET_MATERIALIZATION
            storage = self.instance.event_log_storage
            ids = list(storage.get_latest_storage_id_by_partition(asset, kind).values())
            wanted = dg.AssetRecordsFilter(asset_key=asset, storage_ids=ids)
            records = storage.fetch_materializations(wanted, limit=len(ids)).records if ids else []
            newest = self.instance.get_latest_materialization_event(asset)
            self.makers[asset] = {record.run_id for record in records} | ({newest.run_id} if newest else set())
        return self.makers[asset]

    def _judge(self, check: dg.AssetCheckKey) -> str:
        if check not in self.judges:
            found = self.instance.event_log_storage.get_latest_asset_check_execution_by_key([check])
            self.judges[check] = found[check].run_id if check in found else ""
        return self.judges[check]
