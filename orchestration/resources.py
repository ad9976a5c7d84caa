"""Where things lie and how they are opened: the deployment, the warehouse, dbt and the model registry.

The only module of this package that reads the environment. Does not belong here: anything about what the tables,
features or models mean.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import duckdb
from dagster_dbt import DbtCliResource
from packaging.version import Version

from companies import settings
from orchestration import exclusive
from orchestration.dead_runs import alone
from orchestration.passing_faults import is_held, tried_again

if TYPE_CHECKING:
    from ml.registrations import Store

ROOT = Path(__file__).resolve().parents[1]
DBT_FOLDER = ROOT / "dbt_project"
POOL = "duckdb_writer"
# What DuckDB may hold in memory before it spills to disk; larger data take longer, not more.
MEMORY_LIMIT = "4GB"


class Deployment(dg.ConfigurableResource):  # type: ignore[type-arg]  # Dagster leaves the type parameter open
    """One company's place: its settings, the sources it reads and the folder that holds all its state."""

    company_name: str
    state_folder: str
    data_folder: str
    companies_folder: str = str(settings.FOLDER)
    memory_limit: str = MEMORY_LIMIT

    @property
    def company(self) -> settings.Company:
        """The validated settings."""
        return settings.load(self.company_name, Path(self.companies_folder))

    @property
    def state(self) -> Path:
        """The folder that holds everything the pipeline makes for this company."""
        return Path(self.state_folder) / self.company_name

    @property
    def warehouse_path(self) -> Path:
        """The DuckDB file; one process writes it at a time."""
        return self.state / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        """The folder of published snapshots."""
        return self.state / "published"

    @property
    def data_docs(self) -> Path:
        """The folder of pages about the raw tables' expectations."""
        return self.state / "data_docs"

    @property
    def training_sets(self) -> Path:
        """The folder of training sets, each under its content hash."""
        return self.state / "training_sets"

    @property
    def dbt_docs(self) -> Path:
        """The page that documents dbt's tables; there once `make docs` made it."""
        return self.state / "dbt_docs" / "index.html"

    @property
    def tracking_uri(self) -> str:
        """MLflow's store."""
        return f"sqlite:///{self.state / 'mlflow.db'}"

    @property
    def artifact_folder(self) -> Path:
        """Where MLflow keeps files."""
        return self.state / "mlartifacts"

    def model_store(self) -> "Store":
        """The company's model registry."""
        from ml.registrations import Store

        return Store(self.tracking_uri, self.artifact_folder, experiment=self.company_name)

    def model_card(self, model: str) -> str:
        """The model's card from the docs, shown in the registry."""
        return (ROOT / "docs" / "model_cards" / f"{model}.md").read_text(encoding="utf-8")

    @property
    def source_folder(self) -> Path:
        """Parent of the source's folder: the company's state for the simulator, the data folder otherwise."""
        return self.state if self.company.source.kind == "simulator" else Path(self.data_folder)

    @property
    def dagster_folder(self) -> Path:
        """Run records and event logs."""
        return self.state / "dagster"

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Generator["Deployment", None, None]:
        """The deployment for the life of a run, which has the company to itself; sensors and schedules do not wait.

        Resources come before steps, so that a run that waits here holds no slot of the pool.
        """
        with ExitStack() as stack:
            if context.run is not None and context.instance is not None and context.log is not None:
                told = context.log.info
                stack.enter_context(alone(context.instance, context.run, self.state, self.company_name, told))
            yield self

    @contextmanager
    def warehouse(self, *, read_only: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """An open warehouse, closed whatever happens; a lock held by another process is waited for (20 tries).

        A step is tried again later when the warehouse is still held then, or when what it does with it meets another
        fault that may pass.

        Raises:
            WarehouseHeldError: it is still held; the message names the holder.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        with tried_again(), contextlib.closing(self._opened(read_only=read_only)) as connection:
            connection.execute("set autoinstall_known_extensions = false")
            connection.execute(f"set memory_limit = '{self.memory_limit}'")
            connection.execute("set timezone = 'UTC'")
            yield connection

    def _opened(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        try:
            return _connect(self.warehouse_path, read_only=read_only)
        except duckdb.IOException as error:
            if is_held(error):
                raise WarehouseHeldError(_who_holds(self, error)) from error
            raise


class WarehouseHeldError(duckdb.IOException):
    """Another process has the warehouse open for longer than we wait; the message names it and what to do."""


def _who_holds(deployment: Deployment, error: duckdb.IOException) -> str:
    """The run that holds the company; otherwise the process that DuckDB names."""
    by = exclusive.holder(deployment.state) if exclusive.is_held(deployment.state) else None
    if by is not None and by.process != os.getpid():
        return f"A run is writing the warehouse of {deployment.company_name} ({by}). Wait for its end and try again."
    found = re.search(r"held in (.+ \(PID \d+\))", str(error))
    process = found.group(1) if found else "another process"
    return f"{process} has the warehouse of {deployment.company_name} open. Close it and try again."


def _connect(path: Path, *, read_only: bool, tries: int = 20) -> duckdb.DuckDBPyConnection:
    for attempt in range(tries):
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if not is_held(error) or attempt == tries - 1:
                raise
            time.sleep(min(0.1 * 2**attempt, 2.0))
    msg = "unreachable: the last try returns or raises"
    raise AssertionError(msg)


def deployment_from_environment(company_name: str | None = None) -> Deployment:
    """The deployment that the environment names; every variable has a default (see `.env.example`).

    Args:
        company_name: instead of the one the environment names.
    """
    return Deployment(
        company_name=company_name or os.environ.get("LIFECYCLE_COMPANY") or "sample",
        state_folder=str(_folder("LIFECYCLE_STATE_DIR", ROOT / "var")),
        data_folder=str(_folder("LIFECYCLE_DATA_DIR", ROOT.parent / "shared" / "data")),
        companies_folder=str(_folder("LIFECYCLE_COMPANIES_DIR", settings.FOLDER)),
        memory_limit=os.environ.get("LIFECYCLE_MEMORY_LIMIT") or MEMORY_LIMIT,
    )


def _folder(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).expanduser().resolve()


def dagster_environment(deployment: Deployment) -> dict[str, str]:
    """What Dagster, and every process we start, needs to find this deployment's run storage, warehouse and company."""
    return {
        "DAGSTER_HOME": str(ROOT),
        "LIFECYCLE_DAGSTER_DIR": str(deployment.dagster_folder),
        "LIFECYCLE_COMPANY": deployment.company_name,
        "LIFECYCLE_STATE_DIR": deployment.state_folder,
        "LIFECYCLE_DATA_DIR": deployment.data_folder,
        "LIFECYCLE_COMPANIES_DIR": deployment.companies_folder,
        "LIFECYCLE_MEMORY_LIMIT": deployment.memory_limit,
    }


def point_dagster_at(deployment: Deployment) -> None:
    """Let Dagster and the processes we start find this deployment."""
    deployment.dagster_folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(dagster_environment(deployment))


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables for the processes started inside, then put the old values back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def git_commit() -> str:
    """The commit of the checkout, or `unknown` outside one (a container without git, a source archive)."""
    git = shutil.which("git")
    if git is None:
        return "unknown"
    result = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return result.stdout.strip() or "unknown"


@cache
def code_version() -> str:
    """Names the code that models are made of: equal files give the same 16 hex digits."""
    digest = hashlib.sha256()
    for package in ("feature_definitions", "ml"):
        for path in sorted((ROOT / package).rglob("*.py")):
            digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


class LeanDbt(DbtCliResource):
    """dbt's command line without two expensive courtesies of `DbtCliResource`.

    The parent asks `dbt --version` in a process of its own (3.5 CPU seconds and a call to the package index) and
    builds a dbt adapter inside this process (3 to 4 seconds, and a connection that can hold the warehouse's lock).
    We read the version from the installed package and build no adapter; row counts are read by us after dbt ended.
    """

    @property
    def _cli_version(self) -> Version:
        return Version(importlib.metadata.version("dbt-core"))

    def _initialize_dbt_core_adapter(self, args: Any) -> Any:  # noqa: ANN401, ARG002 - the parent's signature
        return None


def dbt_resource() -> LeanDbt:
    """The dbt of this interpreter's environment, whether or not that environment is activated."""
    return LeanDbt(
        project_dir=str(DBT_FOLDER),
        profiles_dir=str(DBT_FOLDER),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )
