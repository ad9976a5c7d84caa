import traceback
from pathlib import Path

import pytest

from companies.settings import CompanyError
from orchestration import storage
from orchestration.storage import DatabaseUnreachableError, DeploymentError

SECRET = "hunter2"  # noqa: S105 - a test's password


@pytest.mark.parametrize("given", ["postgresql://u:p%40@db:5432/runs", "postgresql+psycopg2://u:p%40@db:5432/runs"])
def test_a_url_names_its_driver(given: str) -> None:
    """The driver that is installed is named, whether or not the person did, and the password is kept as it was."""
    assert storage.postgres_url("LIFECYCLE_DAGSTER_DATABASE", given) == "postgresql+psycopg2://u:p%40@db:5432/runs"


@pytest.mark.parametrize(
    "given",
    [
        f"mysql://u:{SECRET}@db/runs",
        f"u:{SECRET}@db/runs",
        f"postgresql://u:{SECRET}@db:port/runs",
        f"postgresql://u:{SECRET}@db",
        f"sqlite:///{SECRET}.db",
    ],
)
def test_a_wrong_url_is_answered_without_its_password(given: str) -> None:
    """The message names the variable and the form wanted, and neither it nor its cause repeats what was given."""
    with pytest.raises(DeploymentError, match=r"^LIFECYCLE_X is not the URL.*postgresql://user:password@host") as found:
        storage.postgres_url("LIFECYCLE_X", given)
    assert SECRET not in str(found.value)
    assert found.value.__cause__ is None
    assert found.value.__context__ is None
    assert isinstance(found.value, CompanyError)


def test_a_server_that_does_not_answer_is_told_at_once() -> None:
    """The message gives the server's address and the mend, and neither it nor its cause repeats the password."""
    url = storage.postgres_url("LIFECYCLE_X", f"postgresql://u:{SECRET}%40%2F%23@127.0.0.1:1/runs")
    with pytest.raises(DatabaseUnreachableError, match=r"LIFECYCLE_X: .*127\.0\.0\.1.*start the server") as found:
        storage.reach("LIFECYCLE_X", url)
    told = "".join(traceback.format_exception(found.value))
    assert SECRET not in told


def test_one_database_for_both_is_refused() -> None:
    """Dagster and MLflow would overwrite one another's schema version; another database on the server will do."""
    one = "postgresql+psycopg2://u:p@db/runs"
    with pytest.raises(DeploymentError, match="the same database"):
        storage.refuse_one_database_for_both(one, "postgresql+psycopg2://v:q@db:5432/runs")
    storage.refuse_one_database_for_both(one, "postgresql+psycopg2://u:p@db/models")
    storage.refuse_one_database_for_both(one, "")


def test_an_artifact_root_becomes_a_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is made absolute; a store that MLflow can write to stays as it is, without a slash at its end."""
    assert storage.artifact_root("X", str(tmp_path / "a folder")) == (tmp_path / "a folder").as_uri()
    monkeypatch.setattr(storage, "_is_installed", lambda _module: True)
    assert storage.artifact_root("X", "s3://bucket/models/") == "s3://bucket/models"


@pytest.mark.parametrize(
    ("given", "mend"),
    [("s4://bucket", "s4://, which is no artifact store"), ("gs://bucket", "pip install google-cloud-storage")],
)
def test_an_artifact_root_that_cannot_work_is_refused(given: str, mend: str) -> None:
    """A misspelt scheme or a missing package is told at the start, not after the first training."""
    with pytest.raises(DeploymentError, match=r"^LIFECYCLE_ARTIFACT_ROOT") as found:
        storage.artifact_root("LIFECYCLE_ARTIFACT_ROOT", given)
    assert mend in str(found.value)


def test_an_unknown_executor_is_refused() -> None:
    """The message lists those that there are."""
    assert storage.executor("X", "multiprocess") == "multiprocess"
    with pytest.raises(DeploymentError, match="in_process, multiprocess"):
        storage.executor("LIFECYCLE_EXECUTOR", "threads")


def test_companies_are_separated_by_commas() -> None:
    """Blanks, empty parts and repetitions do not matter; the order does."""
    assert storage.companies("X", " sample, olist,,sample ") == ["sample", "olist"]
    assert storage.companies("X", "") == []


@pytest.mark.parametrize("given", ["sample;olist", "sample,../other", "sample,dagster"])
def test_a_name_that_cannot_be_a_folder_is_refused(given: str) -> None:
    """A name is a file, a folder and part of a key at once; the folder they share is nobody's."""
    with pytest.raises(DeploymentError, match="with commas between them"):
        storage.companies("LIFECYCLE_COMPANIES", given)


def test_a_company_that_is_not_deployed_is_refused() -> None:
    """Its runs would be on record beside companies whose code cannot show them."""
    storage.one_of("X", "olist", [])
    storage.one_of("X", "olist", ["sample", "olist"])
    with pytest.raises(DeploymentError, match="'cdnow' is not deployed: LIFECYCLE_COMPANIES holds sample, olist"):
        storage.one_of("LIFECYCLE_COMPANIES", "cdnow", ["sample", "olist"])


def test_a_named_file_of_variables_must_be_there(tmp_path: Path) -> None:
    """A misspelt name would silently leave every variable at its default."""
    assert storage.file_of_variables("X", None, tmp_path / ".env") == tmp_path / ".env"
    with pytest.raises(DeploymentError, match="does not exist"):
        storage.file_of_variables("LIFECYCLE_ENV_FILE", str(tmp_path / "none"), tmp_path / ".env")
