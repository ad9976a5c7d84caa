"""A company's files: settings, source, state folder, warehouse, published snapshot.

Belongs here: examinations of what lies in folders. Does not belong here: databases of Dagster and MLflow
(`orchestration.diagnosis.stores`), the machine (`orchestration.diagnosis.installation`).
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from companies.settings import CompanyError
from ingestion.errors import SourceError
from ingestion.source_columns import matching_paths
from orchestration import snapshot
from orchestration.diagnosis.finding import Finding
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import DBT, is_dbt
from orchestration.runs.exclusive import living_holder
from orchestration.snapshot import Snapshot

# A run writes a new snapshot beside the old ones and spills beside the warehouse.
WAREHOUSES_FREE = 2
LEAST_FREE_BYTES = 500_000_000


def settings(deployment: Deployment) -> Finding:
    """The company's file of settings."""
    try:
        company = deployment.company
    except CompanyError as error:
        return Finding("settings", "error", str(error), "mend the file named (docs/how_to/add_a_company.md)")
    return Finding("settings", "ok", f"{company.title} ({company.business_model})")


def source(deployment: Deployment) -> Finding:
    """The files that a landing would read."""
    wanted = deployment.company.source
    if wanted.kind == "simulator":
        return Finding("source", "ok", "simulated: a landing writes it")
    folder, missing = deployment.source_folder / wanted.folder, []
    for file in wanted.files.values():
        try:
            matching_paths(folder, file, wanted.get)
        except SourceError as error:
            missing.append(str(error))
    if missing:
        return Finding("source", "error", " ".join(missing), wanted.get or f"put the files into {folder}")
    return Finding("source", "ok", f"{len(wanted.files)} files in {folder}")


def state_folder(deployment: Deployment) -> Iterator[Finding]:
    """Whether the state can be written, and how much the disk still takes."""
    folder = next(path for path in (deployment.state, *deployment.state.parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=folder):
            yield Finding("state folder", "ok", f"{deployment.state} can be written")
    except OSError as error:
        yield Finding("state folder", "error", str(error), f"make {folder} writable, or set LIFECYCLE_STATE_DIR")
    free = shutil.disk_usage(folder).free
    held = deployment.warehouse_path.stat().st_size if deployment.warehouse_path.exists() else 0
    said, wanted = f"{free / 1e9:.1f} GB free", LEAST_FREE_BYTES + WAREHOUSES_FREE * held
    if free < wanted:
        mend = f"free {wanted / 1e9:.1f} GB, or set LIFECYCLE_STATE_DIR to another disk"
        yield Finding("disk", "error" if free < LEAST_FREE_BYTES else "warning", said, mend)
    else:
        yield Finding("disk", "ok", said)


def warehouse(deployment: Deployment) -> Finding:
    """Whether the file opens; one that a run holds is left in peace."""
    path, owner = deployment.warehouse_path, living_holder(deployment.state)
    if not path.exists():
        return Finding("warehouse", "ok", "none yet: lifecycle run")
    if owner is not None:
        return Finding("warehouse", "ok", f"held by a run ({owner}), so not opened")
    try:
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("select count(*) from duckdb_tables()").fetchall()[0][0]
    except duckdb.Error as error:
        if "lock" in str(error).lower():
            return Finding("warehouse", "warning", str(error), "wait for that process, or end it")
        mend = f"restore {path} from a backup; or lifecycle reset, then lifecycle run: the source is landed anew"
        return Finding("warehouse", "error", str(error), mend)
    return Finding("warehouse", "ok", f"{tables} tables, {path.stat().st_size / 1e6:,.0f} MB")


def orphaned_dbt(deployment: Deployment) -> Finding:
    """A dbt that works on although its run was killed."""
    note = deployment.state / DBT
    noted = note.read_text().strip() if note.exists() else ""
    if living_holder(deployment.state) is None and noted.isdigit() and is_dbt(int(noted), deployment.state):
        said = f"process {noted} works on without its run"
        return Finding("orphaned dbt", "warning", said, "nothing: the next run ends it first")
    return Finding("orphaned dbt", "ok", "none")


def published(deployment: Deployment) -> Finding:
    """The pointer that readers follow, and every file of the version it names."""
    try:
        made = snapshot.current(deployment.published)
    except (ValueError, TypeError) as error:
        said = f"{deployment.published / snapshot.POINTER} cannot be read: {error}"
        return Finding("snapshot", "error", said, "lifecycle publish")
    if made is None:
        return Finding("snapshot", "ok", "none yet: lifecycle run")
    broken = list(_broken(made, made.path(deployment.published)))
    if broken:
        return Finding("snapshot", "error", f"version {made.version}: {'; '.join(broken)}", "lifecycle publish")
    return Finding("snapshot", "ok", f"version {made.version}, {len(made.rows)} tables as they were published")


def _broken(made: Snapshot, folder: Path) -> Iterator[str]:
    """What is missing or damaged: the table counts of both databases, and each Parquet file's own count."""
    analytics, lookup = folder / "analytics.duckdb", folder / "lookup.sqlite"
    missing = [path.name for path in (folder, analytics, lookup) if not path.exists()]
    if missing:
        yield f"missing: {', '.join(missing)}"
        return
    try:
        with duckdb.connect(str(analytics), read_only=True) as connection:
            for table, rows in made.rows.items():
                parquet = folder / "parquet" / f"{table}.parquet"
                for said, read in ((analytics.name, f'"{table}"'), (parquet.name, f"read_parquet('{parquet}')")):
                    count = connection.execute(f"select count(*) from {read}").fetchall()[0][0]  # noqa: S608 - ours
                    if count != rows:
                        yield f"{said}: {count} rows of {table}, published were {rows}"
        with sqlite3.connect(f"file:{lookup}?mode=ro", uri=True) as sqlite:
            said = sqlite.execute("pragma quick_check").fetchall()[0][0]
        sqlite.close()
        if said != "ok":
            yield f"{lookup.name}: {said}"
    except (duckdb.Error, sqlite3.DatabaseError) as error:
        yield str(error)
