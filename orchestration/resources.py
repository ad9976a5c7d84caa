"""Where things lie and how they are opened: the deployment, the warehouse and the model registry.

The only module of this package that reads the environment; what its variables may say is `orchestration.storage`. Does
not belong here: anything about what the tables, features or models mean.
"""

import contextlib
import os
import re
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
import duckdb
from dotenv import load_dotenv

from companies import settings
from orchestration import storage
from orchestration.runs import exclusive
from orchestration.runs.dead_runs import alone
from orchestration.runs.passing_faults import is_held, tried_again

if TYPE_CHECKING:
    from ml.registrations import Store

ROOT = Path(__file__).resolve().parents[1]
DBT_FOLDER = ROOT / "dbt_project"
POOL = "duckdb_writer"
# Set for Dagster, which reads `.env` by itself and would find the URL there without its driver.
DAGSTER_URL = "LIFECYCLE_DAGSTER_URL"
# What DuckDB may hold in memory before it spills to disk; larger data take longer, not more.
MEMORY_LIMIT = "4GB"


class Deployment(dg.ConfigurableResource):  # type: ignore[type-arg]  # Dagster leaves the type parameter open
    """One company's place: its settings, the sources it reads and the folder that holds all its state.

    Attributes:
        companies: all companies of the deployment; with more than one they share Dagster's instance, and this one's
            name comes first in its asset keys. Empty: it is alone.
        has_dagster_database, has_mlflow_database: the records lie in the PostgreSQL that the environment names. The
            URLs are read where they are used and kept nowhere: fields of a resource are shown in the UI.
        artifact_root: URI below which each company has a folder for MLflow's files; empty: its state.
    """

    company_name: str
    state_folder: str
    data_folder: str
    companies_folder: str = str(settings.FOLDER)
    memory_limit: str = MEMORY_LIMIT
    companies: list[str] = []  # noqa: RUF012 - pydantic copies it
    has_dagster_database: bool = False
    has_mlflow_database: bool = False
    artifact_root: str = ""
    executor: str = "in_process"
    # Address of the MLflow UI beside this Dagster, for links; empty where none is known.
    mlflow_ui: str = ""

    def __hash__(self) -> int:
        """Equal deployments hash equal; the list of companies has no hash of its own."""
        return hash((self.company_name, self.state_folder))

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
    def is_shared(self) -> bool:
        """Whether other companies are deployed beside this one."""
        return len(self.companies) > 1

    def asset_key(self, *path: str) -> dg.AssetKey:
        """The key of an asset of this company; every result and every look-up of a record names its asset by it."""
        return dg.AssetKey([self.company_name, *path] if self.is_shared else path)

    @property
    def pool(self) -> str:
        """The pool of what writes this company's warehouse; other companies' steps do not wait for it."""
        return f"{POOL}_{self.company_name}" if self.is_shared else POOL

    @property
    def tracking_uri(self) -> str:
        """MLflow's store; the URL of a database may hold a password."""
        if self.has_mlflow_database:
            return _database("LIFECYCLE_MLFLOW_DATABASE")
        return f"sqlite:///{self.state / 'mlflow.db'}"

    @property
    def artifact_folder(self) -> Path:
        """Where MLflow keeps files unless another root is named."""
        return self.state / "mlartifacts"

    @property
    def artifact_location(self) -> str:
        """Where MLflow keeps files, as a URI."""
        if self.artifact_root:
            return f"{self.artifact_root}/{self.company_name}"
        return self.artifact_folder.resolve().as_uri()

    def model_store(self) -> "Store":
        """The company's model registry; in a database that companies may share, its models bear its name."""
        from ml.registrations import Store

        owner = self.company_name if self.has_mlflow_database else ""
        return Store(self.tracking_uri, self.artifact_location, experiment=self.company_name, owner=owner)

    def model_card(self, model: str) -> str:
        """The model's card from the docs, shown in the registry."""
        return (ROOT / "docs" / "model_cards" / f"{model}.md").read_text(encoding="utf-8")

    @property
    def source_folder(self) -> Path:
        """Parent of the source's folder: the company's state for the simulator, the data folder otherwise."""
        return self.state if self.company.source.kind == "simulator" else Path(self.data_folder)

    @property
    def dagster_folder(self) -> Path:
        """Run records and event logs; those of all companies where several are deployed."""
        return (Path(self.state_folder) if self.is_shared else self.state) / storage.SHARED_FOLDER

    @property
    def dagster_home(self) -> Path:
        """The folder whose `dagster.yaml` counts: ours as it stands, or one made from it."""
        return self.dagster_folder if self.is_shared or self.has_dagster_database else ROOT

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
    for attempt in range(tries - 1):
        try:
            return duckdb.connect(str(path), read_only=read_only)
        except duckdb.IOException as error:
            if not is_held(error):
                raise
            time.sleep(min(0.1 * 2**attempt, 2.0))
    return duckdb.connect(str(path), read_only=read_only)


def deployment_from_environment(company_name: str | None = None) -> Deployment:
    """The deployment that the environment names; every variable has a default (see `.env.example`).

    Variables of a file `.env` count where the environment does not have them.

    Args:
        company_name: instead of the one the environment names.

    Raises:
        DeploymentError: a variable is wrong.
    """
    load_dotenv(storage.file_of_variables("LIFECYCLE_ENV_FILE", os.environ.get("LIFECYCLE_ENV_FILE"), ROOT / ".env"))
    companies = storage.companies("LIFECYCLE_COMPANIES", os.environ.get("LIFECYCLE_COMPANIES", ""))
    company = company_name or os.environ.get("LIFECYCLE_COMPANY") or (companies[0] if companies else "sample")
    storage.one_of("LIFECYCLE_COMPANIES", company, companies)
    artifacts = os.environ.get("LIFECYCLE_ARTIFACT_ROOT")
    executor = os.environ.get("LIFECYCLE_EXECUTOR") or "in_process"
    dagster_url, mlflow_url = _database("LIFECYCLE_DAGSTER_DATABASE"), _database("LIFECYCLE_MLFLOW_DATABASE")
    storage.refuse_one_database_for_both(dagster_url, mlflow_url)
    return Deployment(
        company_name=company,
        state_folder=str(_folder("LIFECYCLE_STATE_DIR", ROOT / "var")),
        data_folder=str(_folder("LIFECYCLE_DATA_DIR", ROOT.parent / "shared" / "data")),
        companies_folder=str(_folder("LIFECYCLE_COMPANIES_DIR", settings.FOLDER)),
        memory_limit=os.environ.get("LIFECYCLE_MEMORY_LIMIT") or MEMORY_LIMIT,
        companies=companies,
        has_dagster_database=bool(dagster_url),
        has_mlflow_database=bool(mlflow_url),
        artifact_root=storage.artifact_root("LIFECYCLE_ARTIFACT_ROOT", artifacts) if artifacts else "",
        executor=storage.executor("LIFECYCLE_EXECUTOR", executor),
        mlflow_ui=(os.environ.get("LIFECYCLE_MLFLOW_UI") or "").rstrip("/"),
    )


def _database(variable: str) -> str:
    value = os.environ.get(variable)
    return storage.postgres_url(variable, value) if value else ""


def _folder(variable: str, default: Path) -> Path:
    return Path(os.environ.get(variable) or default).expanduser().resolve()


def dagster_environment(deployment: Deployment) -> dict[str, str]:
    """What Dagster, and every process we start, needs to find this deployment's run storage, warehouse and company.

    Without secrets, so that it can be printed.
    """
    file = os.environ.get("LIFECYCLE_ENV_FILE")
    return {
        "DAGSTER_HOME": str(deployment.dagster_home),
        "LIFECYCLE_DAGSTER_DIR": str(deployment.dagster_folder),
        "LIFECYCLE_COMPANY": deployment.company_name,
        "LIFECYCLE_COMPANIES": ",".join(deployment.companies),
        "LIFECYCLE_STATE_DIR": deployment.state_folder,
        "LIFECYCLE_DATA_DIR": deployment.data_folder,
        "LIFECYCLE_COMPANIES_DIR": deployment.companies_folder,
        "LIFECYCLE_MEMORY_LIMIT": deployment.memory_limit,
        "LIFECYCLE_ARTIFACT_ROOT": deployment.artifact_root,
        "LIFECYCLE_EXECUTOR": deployment.executor,
        # Absolute: what we start works in another folder.
        "LIFECYCLE_ENV_FILE": str(Path(file).resolve()) if file else "",
    }


def secret_environment(deployment: Deployment) -> dict[str, str]:
    """The URLs of the databases in use, to be handed to processes and never shown; one not in use is empty."""
    dagster = _database("LIFECYCLE_DAGSTER_DATABASE") if deployment.has_dagster_database else ""
    mlflow = _database("LIFECYCLE_MLFLOW_DATABASE") if deployment.has_mlflow_database else ""
    return {"LIFECYCLE_DAGSTER_DATABASE": dagster, DAGSTER_URL: dagster, "LIFECYCLE_MLFLOW_DATABASE": mlflow}
