"""The databases of Dagster and MLflow: reachable, migrated, and what in them asks for attention.

Belongs here: examinations of run records, the daemon, the registry and the champions' files. Does not belong here:
the company's own files (`orchestration.diagnosis.company`).
"""

import re
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
import sqlalchemy

from orchestration import schedule_ticks
from orchestration.deployment.instance import point_dagster_at, reach_databases
from orchestration.diagnosis.finding import Finding
from orchestration.launching import instance
from orchestration.reports.summary_tables import HEADLINES
from orchestration.resources import Deployment
from orchestration.runs import exclusive
from orchestration.runs.dead_runs import UNDER_WAY
from orchestration.standing import has_registry
from orchestration.storage import DatabaseUnreachableError

MIGRATE = "dagster instance migrate"
# The shell that is started fills the URL in: it may hold a password.
UPGRADE = """sh -c 'mlflow db upgrade "$MLFLOW_BACKEND_STORE_URI"'"""
# A run that ends later than now was recorded by another clock.
CLOCK_TOLERANCE_SECONDS = 300.0
REVISION = re.compile(r"^(down_)?revision\s*(?::[^=]+)?=\s*[\"']([0-9a-f]+)[\"']", re.MULTILINE)


def databases(deployment: Deployment) -> Iterator[Finding]:
    """Whether the databases that the environment names answer; none is named where files are used."""
    try:
        reach_databases(deployment)
    except DatabaseUnreachableError as error:
        yield Finding("databases", "error", error.said, error.mend)
    else:
        if deployment.has_dagster_database or deployment.has_mlflow_database:
            yield Finding("databases", "ok", "they answer")


def run_records(deployment: Deployment) -> Iterator[Finding]:
    """Dagster's storage, dead runs, the daemon, and whether the clock went back since the newest run."""
    if not deployment.dagster_folder.exists():
        yield Finding("run records", "ok", "none yet: lifecycle run")
        return
    point_dagster_at(deployment)
    with instance(deployment) as opened:
        yield _dagster_schema(opened, deployment)
        yield _dead_runs(opened, deployment)
        yield _daemon(opened)
        yield _newest_run(opened)


def _in_shell(deployment: Deployment, command: str) -> str:
    """The line that starts a command of Dagster or MLflow on this company's records."""
    return f"LIFECYCLE_COMPANY={deployment.company_name} .venv/bin/python -m orchestration.deployment.shell {command}"


def _dagster_schema(opened: dg.DagsterInstance, deployment: Deployment) -> Finding:
    storages = {"runs": opened.run_storage, "events": opened.event_log_storage, "schedules": opened.schedule_storage}
    old = []
    for name, storage in storages.items():
        version = storage.alembic_version() if storage is not None else None
        if version is not None and version[0] != version[1]:
            old.append(f"{name} at {version[0]}, wanted {version[1]}")
    if old:
        return Finding("run records", "error", "; ".join(old), _in_shell(deployment, MIGRATE))
    return Finding("run records", "ok", f"{opened.get_runs_count()} runs, storage is migrated")


def _dead_runs(opened: dg.DagsterInstance, deployment: Deployment) -> Finding:
    dead = [note.name for note in exclusive.live_runs(deployment.state) if not exclusive.lives(note)]
    left = opened.get_runs(dg.RunsFilter(run_ids=dead, statuses=list(UNDER_WAY))) if dead else []
    if left:
        names = ", ".join(f"{run.job_name} {run.run_id[:8]}" for run in left)
        return Finding(
            "dead runs", "warning", names, "nothing: the next run, or the sensor dead_runs, marks them as failed"
        )
    return Finding("dead runs", "ok", "none")


def _daemon(opened: dg.DagsterInstance) -> Finding:
    seen = schedule_ticks.daemon_seen_at(opened)
    if seen is None:
        return Finding("daemon", "ok", "none ever ran here; schedules and sensors need one: lifecycle ui")
    minutes = (time.time() - seen.timestamp()) / 60
    if schedule_ticks.daemon_lives(opened):
        return Finding("daemon", "ok", f"last heartbeat {minutes * 60:.0f} s ago")
    return Finding("daemon", "warning", f"last heartbeat {minutes:,.0f} minutes ago", "start it again: lifecycle ui")


def _newest_run(opened: dg.DagsterInstance) -> Finding:
    records = opened.get_run_records(limit=1)
    ahead = max((record.create_timestamp.timestamp() - time.time() for record in records), default=0.0)
    if ahead <= CLOCK_TOLERANCE_SECONDS:
        return Finding("order of runs", "ok", "no run is from the future")
    said = f"the newest run was recorded {ahead / 60:,.0f} minutes from now"
    return Finding("order of runs", "error", said, "set the clock (timedatectl set-ntp true)")


def registry_schema(deployment: Deployment) -> Finding:
    """MLflow's database against the revision that the installed MLflow wants; its migrations are not imported."""
    if not has_registry(deployment):
        return Finding("model registry", "ok", "none yet: lifecycle train")
    engine = sqlalchemy.create_engine(deployment.tracking_uri)
    try:
        with engine.connect() as connection:
            found: list[str] = list(
                connection.execute(sqlalchemy.text("select version_num from alembic_version")).scalars()
            )
            count = connection.execute(sqlalchemy.text("select count(*) from model_versions")).scalar()
    except sqlalchemy.exc.SQLAlchemyError as error:
        mend = f"restore {'it' if deployment.has_mlflow_database else deployment.state / 'mlflow.db'} from a backup"
        mend += "; or move it aside, then: lifecycle train"
        return Finding("model registry", "error", str(error).splitlines()[0], mend)
    finally:
        engine.dispose()
    wanted = mlflow_head()
    if found != [wanted]:
        mend = f"keep a copy of the database, then: {_in_shell(deployment, UPGRADE)}"
        return Finding("model registry", "error", f"at revision {', '.join(found)}, wanted {wanted}", mend)
    return Finding("model registry", "ok", f"{count} versions, storage is migrated")


def mlflow_head() -> str:
    """The newest revision among the installed MLflow's migrations: the one that none comes after."""
    spec = find_spec("mlflow")
    places = list(spec.submodule_search_locations or ()) if spec else []
    files = [path for place in places for path in Path(place, "store", "db_migrations", "versions").glob("*.py")]
    said = [match for path in files for match in REVISION.findall(path.read_text(encoding="utf-8"))]
    (head,) = {name for is_down, name in said if not is_down} - {name for is_down, name in said if is_down}
    return str(head)


def champions(deployment: Deployment) -> Iterator[Finding]:
    """Each champion, loaded as scoring would load it."""
    if not has_registry(deployment):
        return
    from ml import registry

    store = deployment.model_store()
    for model in HEADLINES:
        info = registry.champion_info(store, model)
        if info is None:
            yield Finding(f"champion {model}", "warning", "none", f"lifecycle train {model}")
            continue
        try:
            registry.load_version(store, info)
        except Exception as error:
            said = f"version {info.version} does not load: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
            mend = f"lifecycle train {model}; or lifecycle rollback {model}, or restore {deployment.artifact_folder}"
            yield Finding(f"champion {model}", "error", said, mend)
        else:
            yield Finding(f"champion {model}", "ok", f"version {info.version} ({info.status}) loads")
