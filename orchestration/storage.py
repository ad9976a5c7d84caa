"""What a deployment's environment may say about databases, files, processes and companies; each answer is checked here.

Belongs here: turning the text of a variable into a value, or refusing it with the variable's name and the mend; whether
a database answers. Does not belong here: reading the environment (`orchestration.resources`). No message repeats a URL:
it may hold a password.
"""

import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import NullPool, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from companies.settings import CompanyError

# SQLAlchemy 2.1 takes psycopg 3 where no driver is named; Dagster and MLflow are built for psycopg2.
DRIVER: Final = "postgresql+psycopg2"
EXECUTORS: Final = ("in_process", "multiprocess")
# Scheme of an artifact root -> the module that MLflow needs for it, and the package that brings it.
ARTIFACT_MODULES: Final = {
    "file": None,
    "s3": ("boto3", "boto3"),
    "gs": ("google.cloud.storage", "google-cloud-storage"),
    "wasbs": ("azure.storage.blob", "azure-storage-blob"),
    "abfss": ("azure.storage.filedatalake", "azure-storage-file-datalake"),
}
CONNECT_SECONDS: Final = 10
# The folder of a shared Dagster instance lies beside the companies' folders.
SHARED_FOLDER: Final = "dagster"


class DeploymentError(CompanyError):
    """A variable of the environment is wrong; the message names it and the mend, and never repeats a secret."""


class DatabaseUnreachableError(RuntimeError):
    """The server of a database does not answer or refuses the user; the message gives its reason and the mend."""

    mend = "start the server, or mend the URL (docs/how_to/deploy.md)"

    def __init__(self, variable: str, reason: str) -> None:
        super().__init__(f"{variable}: {reason}. To mend: {self.mend}.")
        self.said = f"{variable}: {reason}"


def file_of_variables(variable: str, value: str | None, default: Path) -> Path:
    """The file that holds variables; the default one need not be there.

    Raises:
        DeploymentError: a file was named and is not there.
    """
    if value and not Path(value).exists():
        msg = f"{variable} names {value}, which does not exist. Create it, or leave the variable empty."
        raise DeploymentError(msg)
    return Path(value) if value else default


def postgres_url(variable: str, value: str) -> str:
    """The URL with its driver named.

    Raises:
        DeploymentError: not a PostgreSQL URL with a database.
    """
    try:
        url = make_url(value)
    except (SQLAlchemyError, ValueError):
        url = None
    if url is None or url.get_backend_name() != "postgresql" or not url.database:
        msg = (
            f"{variable} is not the URL of a PostgreSQL database. Write postgresql://user:password@host:5432/database "
            "(special characters of a password as %XX), or leave it empty for SQLite."
        )
        raise DeploymentError(msg)
    return url.set(drivername=DRIVER).render_as_string(hide_password=False)


def reach(variable: str, url: str) -> None:
    """Connect once, without the minutes for which Dagster and MLflow try again.

    Raises:
        DatabaseUnreachableError: the server does not answer, or refuses the user.
    """
    engine = create_engine(url, connect_args={"connect_timeout": CONNECT_SECONDS}, poolclass=NullPool)
    try:
        engine.connect().close()
    except OperationalError as error:
        reason = " ".join(str(error.orig).split())
        raise DatabaseUnreachableError(variable, reason) from None


def refuse_one_database_for_both(dagster: str, mlflow: str) -> None:
    """Each keeps the version of its schema in a table of the same name, and would take the other's for its own.

    Raises:
        DeploymentError: both URLs name one database.
    """
    places = [(url.host, url.port or 5432, url.database) for url in map(make_url, filter(None, (dagster, mlflow)))]
    if len(places) > len(set(places)):
        msg = (
            "LIFECYCLE_DAGSTER_DATABASE and LIFECYCLE_MLFLOW_DATABASE name the same database. "
            "Create one for each (CREATE DATABASE mlflow) and name it."
        )
        raise DeploymentError(msg)


def artifact_root(variable: str, value: str) -> str:
    """The root as a URI without a slash at its end; a folder becomes `file://`.

    Raises:
        DeploymentError: a scheme that MLflow does not know or whose package is not installed.
    """
    scheme, separator, _ = value.partition("://")
    if not separator:
        return Path(value).expanduser().resolve().as_uri()
    if scheme not in ARTIFACT_MODULES:
        msg = f"{variable} starts with {scheme}://, which is no artifact store; use a folder or one of " + ", ".join(
            f"{known}://" for known in ARTIFACT_MODULES
        )
        raise DeploymentError(msg)
    needed = ARTIFACT_MODULES[scheme]
    if needed is not None and not _is_installed(needed[0]):
        msg = f"{variable} needs the package {needed[1]}, which is not installed: .venv/bin/pip install {needed[1]}"
        raise DeploymentError(msg)
    return value.rstrip("/")


def executor(variable: str, value: str) -> str:
    """The executor's name.

    Raises:
        DeploymentError: there is no such executor.
    """
    if value not in EXECUTORS:
        msg = f"{variable} is '{value}'; it must be one of {', '.join(EXECUTORS)}."
        raise DeploymentError(msg)
    return value


def companies(variable: str, value: str) -> list[str]:
    """The names, each once, in the order written.

    Raises:
        DeploymentError: a name that cannot be a file, a folder and part of a key at once.
    """
    names = list(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    wrong = [name for name in names if name == SHARED_FOLDER or not re.fullmatch(r"[A-Za-z0-9_-]+", name)]
    if wrong:
        msg = (
            f"{variable} cannot hold {', '.join(repr(name) for name in wrong)}: write names of companies/<name>.toml "
            f"(letters, digits, _ and -) with commas between them; '{SHARED_FOLDER}' is the folder they share."
        )
        raise DeploymentError(msg)
    return names


def one_of(variable: str, company: str, deployed: Sequence[str]) -> None:
    """Refuse a company that is not deployed: its runs would be on record where no code can show them.

    Raises:
        DeploymentError: it is not among them.
    """
    if deployed and company not in deployed:
        msg = f"company '{company}' is not deployed: {variable} holds {', '.join(deployed)}. Add it there."
        raise DeploymentError(msg)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
