from pathlib import Path

import duckdb
import pytest
from dagster_dbt import DbtCliResource

from orchestration import resources
from orchestration.lean_dbt import LeanDbt, dbt_resource
from orchestration.resources import Deployment, code_version, deployment_from_environment, environment


def test_the_environment_has_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable: the sample company, state beside the code; an empty variable counts as none."""
    for name in ("COMPANY", "STATE_DIR", "DATA_DIR", "COMPANIES_DIR"):
        monkeypatch.delenv(f"LIFECYCLE_{name}", raising=False)
    monkeypatch.setenv("LIFECYCLE_COMPANY", "")
    found = deployment_from_environment()
    assert found.company_name == "sample"
    assert found.state == resources.ROOT / "var" / "sample"
    assert found.company.name == "sample"


def test_a_named_folder_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A relative folder is made absolute at once: steps may run in another directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", "state")
    assert deployment_from_environment("cdnow").state == tmp_path / "state" / "cdnow"


def test_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values set for a child process are gone afterwards, and an old value is back."""
    monkeypatch.setenv("LIFECYCLE_TEST", "old")
    with environment(LIFECYCLE_TEST="new", LIFECYCLE_OTHER="x"):
        assert resources.os.environ["LIFECYCLE_OTHER"] == "x"
    assert resources.os.environ["LIFECYCLE_TEST"] == "old"
    assert "LIFECYCLE_OTHER" not in resources.os.environ


def test_a_lock_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short lock of another process delays the opening instead of failing it."""
    tries = []

    def connect(_path: str, *, read_only: bool) -> str:
        tries.append(read_only)
        if len(tries) < 3:
            raise duckdb.IOException("IO Error: Could not set lock on file")
        return "open"

    monkeypatch.setattr(resources.duckdb, "connect", connect)
    assert resources._connect(tmp_path / "w.duckdb", read_only=False) == "open"
    assert len(tries) == 3


def test_another_fault_is_not_waited_for(tmp_path: Path) -> None:
    """A file that is no warehouse fails at once."""
    (tmp_path / "w.duckdb").write_text("not a database " * 1000)
    with pytest.raises(duckdb.Error):
        resources._connect(tmp_path / "w.duckdb", read_only=False)


def test_the_warehouse_is_closed_after_a_fault(tmp_path: Path) -> None:
    """A fault inside the block frees the file for the next step."""
    deployment = Deployment(company_name="sample", state_folder=str(tmp_path), data_folder=str(tmp_path))

    def fail() -> None:
        with deployment.warehouse() as connection:
            connection.execute("select broken")

    with pytest.raises(duckdb.Error):
        fail()
    with deployment.warehouse(read_only=True) as connection:
        assert connection.execute("select current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_the_code_version_names_the_code() -> None:
    """The same files give the same short name."""
    assert len(code_version()) == 16
    assert code_version() == code_version.__wrapped__()


def test_the_hooks_of_dbt_still_exist() -> None:
    """The two private hooks that LeanDbt overrides are there in the pinned dagster-dbt; else it saves nothing."""
    for hook in ("_cli_version", "_initialize_dbt_core_adapter"):
        assert hook in vars(DbtCliResource), f"dagster-dbt no longer has {hook}"
        assert hook in vars(LeanDbt)
    assert dbt_resource()._cli_version.major == 1
