import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from dagster_dbt import DbtCliResource

from orchestration import resources
from orchestration.deployment.code_identity import code_version
from orchestration.environment import environment
from orchestration.reports import features_report
from orchestration.resources import Deployment, dagster_environment, deployment_from_environment
from orchestration.runs import exclusive
from orchestration.transformations.lean_dbt import LeanDbt, dbt_resource
from tests import small_companies


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


def test_the_environment_counts_more_than_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable of `.env` fills what the environment does not say, and overrides nothing that it says."""
    file = tmp_path / ".env"
    file.write_text("LIFECYCLE_COMPANY=olist\nLIFECYCLE_MEMORY_LIMIT=1GB\n")
    monkeypatch.setenv("LIFECYCLE_ENV_FILE", str(file))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "cdnow")
    # Set and taken away again, so that what the file brings in is gone after the test.
    monkeypatch.setenv("LIFECYCLE_MEMORY_LIMIT", "")
    monkeypatch.delenv("LIFECYCLE_MEMORY_LIMIT")
    found = deployment_from_environment()
    assert (found.company_name, found.memory_limit) == ("cdnow", "1GB")


def test_several_companies_share_a_folder_of_records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The first company is the default one; each has its warehouse, all have one folder of run records."""
    monkeypatch.setenv("LIFECYCLE_COMPANIES", "olist, cdnow")
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("LIFECYCLE_COMPANY", raising=False)
    first, second = deployment_from_environment(), deployment_from_environment("cdnow")
    assert [one.warehouse_path.parent.name for one in (first, second)] == ["olist", "cdnow"]
    assert first.dagster_folder == second.dagster_folder == tmp_path / "dagster"
    assert second.asset_key("raw", "deals") == dg.AssetKey(["cdnow", "raw", "deals"])


def test_one_company_keeps_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of one company changes nothing but the default."""
    monkeypatch.setenv("LIFECYCLE_COMPANIES", "olist")
    monkeypatch.delenv("LIFECYCLE_COMPANY", raising=False)
    found = deployment_from_environment()
    assert found.dagster_folder == found.state / "dagster"
    assert found.asset_key("raw", "deals") == dg.AssetKey(["raw", "deals"])


def test_a_deployment_knows_no_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Fields of a resource are shown in the UI: they say that a database is used, and the URL stays where it was."""
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("LIFECYCLE_DAGSTER_DATABASE", "postgresql://u:hunter2@db/runs")
    monkeypatch.setenv("LIFECYCLE_MLFLOW_DATABASE", "postgresql://u:hunter2@db/models")
    monkeypatch.setenv("LIFECYCLE_ARTIFACT_ROOT", str(tmp_path / "files"))
    found = deployment_from_environment("olist")
    store = found.model_store()
    assert store.tracking_uri == "postgresql+psycopg2://u:hunter2@db/models"
    assert store.artifact_location == f"{(tmp_path / 'files').as_uri()}/olist"
    assert store.registered("churn") == "olist.churn"
    shown = [repr(found), repr(store), str(found.model_dump()), str(dagster_environment(found))]
    assert [text for text in shown if "hunter2" in text] == []


def test_a_held_warehouse_is_told_with_its_holder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that meets it reads which process has it open, or which run writes it, instead of DuckDB's words."""
    made = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    places = {"STATE": made.state_folder, "DATA": made.data_folder, "COMPANIES": made.companies_folder}
    for name, folder in places.items():
        monkeypatch.setenv(f"LIFECYCLE_{name}_DIR", folder)
    monkeypatch.setenv("LIFECYCLE_COMPANY", "small")
    monkeypatch.setitem(resources._connect.__kwdefaults__, "tries", 1)
    holds = "import duckdb, sys, time\nheld = duckdb.connect(sys.argv[1])\nprint(flush=True)\ntime.sleep(60)"
    made.state.mkdir(parents=True)
    command = [sys.executable, "-c", holds, str(made.warehouse_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:  # noqa: S603 - our own script
        assert other.stdout is not None
        other.stdout.readline()
        assert features_report.main() == 1
        assert f"(PID {other.pid}) has the warehouse of small open. Close it and try again." in _said(capsys)
        monkeypatch.setattr(exclusive, "is_held", lambda _: True)
        (made.state / exclusive.LOCK).write_text('{"process": 7, "what": "job rebuild, run", "run_id": "0123456789"}')
        assert features_report.main() == 1
        assert "A run is writing the warehouse of small (process 7, job rebuild, run 01234567)." in _said(capsys)
        other.kill()


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_a_run_holds_the_company_a_sensor_does_not(tmp_path: Path) -> None:
    """From before its first step to after its last one; what is not a run gets the deployment at once."""
    made = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    seen: list[exclusive.Holder | None] = []

    @dg.op
    def look(deployment: Deployment) -> None:
        seen.append(exclusive.holder(deployment.state))

    job = dg.GraphDefinition("rebuild", node_defs=[look]).to_job(resource_defs={"deployment": made})
    run_id = job.execute_in_process().run_id
    assert seen == [exclusive.Holder(os.getpid(), "job rebuild, run", run_id)]
    assert not exclusive.is_held(made.state)
    with dg.build_resources({"deployment": made}):
        assert not exclusive.is_held(made.state)
