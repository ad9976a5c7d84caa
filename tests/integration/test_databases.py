import json
import subprocess
import sys
import traceback
from collections.abc import Iterator

import dagster as dg
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from ml import bundles, registry
from ml.registrations import RegistryError
from orchestration.assets.ingestion import raw_tables, source_files
from orchestration.assets.predictions import prediction_assets
from orchestration.deployment import shell
from orchestration.deployment.instance import point_dagster_at
from orchestration.diagnosis import stores
from orchestration.partitions import monthly_as_of
from orchestration.resources import ROOT, Deployment, deployment_from_environment
from orchestration.runs.passing_faults import may_pass
from tests import postgres, small_companies
from tests.runs import kept_environment, query
from tests.unit.ml.test_registry import PROVENANCE, Doubler, outcome

pytestmark = [
    pytest.mark.slow,  # starts PostgreSQL and a second process
    # MLflow's store asks SQLAlchemy 2.1 for a strategy that is deprecated there.
    pytest.mark.filterwarnings("ignore:.*noload.*"),
    # Assets are taken here without the assembly, which quietens this.
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]

LANDING = """
from orchestration.resources import deployment_from_environment
from orchestration.deployment.instance import point_dagster_at
from tests.integration.test_databases import land
deployment = deployment_from_environment()
point_dagster_at(deployment)
print(land(deployment))
"""


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A small company whose records lie in PostgreSQL, as its environment says; the environment is put back."""
    folder = tmp_path_factory.mktemp("databases")
    made = small_companies.deploy(folder, "small", "contractual", small_companies.contractual(2, 2))
    with postgres.server("dagster", "mlflow") as url, kept_environment() as environment:
        environment.update(
            LIFECYCLE_COMPANY="small",
            LIFECYCLE_STATE_DIR=made.state_folder,
            LIFECYCLE_DATA_DIR=made.data_folder,
            LIFECYCLE_COMPANIES_DIR=made.companies_folder,
            LIFECYCLE_DAGSTER_DATABASE=f"{url}/dagster",
            LIFECYCLE_MLFLOW_DATABASE=f"{url}/mlflow",
        )
        found = deployment_from_environment()
        point_dagster_at(found)
        yield found


def land(deployment: Deployment) -> str:
    """Land the source into the deployment's records; returns the run's id. Without dbt, which would take seconds."""
    with dg.DagsterInstance.get() as instance:
        resources = {"deployment": deployment}
        return dg.materialize([source_files, raw_tables], instance=instance, resources=resources).run_id


def test_two_processes_land_at_once(deployment: Deployment) -> None:
    """Both make the schema of the records, both land, one writes at a time, and both runs can be read back."""
    command = [sys.executable, "-c", LANDING]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as other:  # noqa: S603
        mine = land(deployment)
        said, errors = other.communicate(timeout=300)
    assert other.returncode == 0, errors
    with dg.DagsterInstance.get() as instance:
        runs = {run.run_id: run.status for run in instance.get_runs()}
        landed = instance.get_latest_materialization_event(dg.AssetKey(["raw", "accounts"]))
        pool = instance.event_log_storage.get_concurrency_info("duckdb_writer")
    assert runs == {mine: dg.DagsterRunStatus.SUCCESS, said.split()[-1]: dg.DagsterRunStatus.SUCCESS}
    assert landed is not None
    assert pool.slot_count == 1
    assert not pool.active_run_ids
    assert query(deployment, "select count(distinct load_id) from control.loads") == [(2,)]
    assert not list(deployment.dagster_folder.rglob("*.db"))


def test_companies_share_a_registry(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two companies register a model of the same name in one database; each loads, moves and lists its own."""
    monkeypatch.setattr(bundles, "TRUSTED", "")
    mine, other = deployment.model_store(), deployment_from_environment("other").model_store()
    registry.log_training(mine, outcome(factor=2.0), PROVENANCE)
    registry.log_training(other, outcome(factor=3.0), PROVENANCE)
    loaded = [registry.load_champion(store, "churn")[0] for store in (mine, other)]
    assert loaded == [Doubler(2.0), Doubler(3.0)]
    assert [one.name for one in registry.versions(mine)] == ["small.churn"]
    assert registry.promote(other, "churn", "1", approver="Ann", reason="seen").name == "other.churn"
    assert registry.versions(mine)[0].tags.get("approver") != "Ann"
    assert not (deployment.state / "mlflow.db").exists()


def test_no_password_is_told(
    deployment: Deployment, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failing run of a deployment with databases tells its password nowhere: events, logs, UI, mends, exports."""
    with dg.DagsterInstance.get() as instance:
        churn = prediction_assets(monthly_as_of(deployment.company))[0]
        failed = dg.materialize(
            [churn],
            instance=instance,
            resources={"deployment": deployment},
            partition_key="2024-05",
            raise_on_error=False,
        )
        events = [
            str(record.event_log_entry.to_json()) for record in instance.get_records_for_run(failed.run_id).records
        ]
        shown = [*events, instance.info_str(), json.dumps(instance.get_run_by_id(failed.run_id).run_config)]  # type: ignore[union-attr]  # it has just run
    assert not failed.success
    assert any("predictions__churn" in event and "rror" in event for event in events), (
        "the run failed before it asked the registry"
    )
    monkeypatch.setattr(stores, "mlflow_head", lambda: "another")
    finding = stores.registry_schema(deployment)
    assert "mlflow db upgrade" in finding.mend
    shown.append(str(finding))
    shell.main([])
    captured = capfd.readouterr()
    files = [path for path in deployment.state.rglob("*") if path.is_file() and path.suffix != ".duckdb"]
    shown += [captured.out, captured.err, *(path.read_text(errors="replace") for path in files)]
    assert files
    assert [text[:200] for text in shown if postgres.PASSWORD in text] == []


def test_a_database_that_refuses_is_told_without_its_password(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of a wrong password names the server and the user, and not what was tried."""
    import mlflow.store.db.utils

    monkeypatch.setattr(mlflow.store.db.utils, "MAX_RETRY_COUNT", 1)
    wrong = deployment.model_store().tracking_uri.replace(postgres.PASSWORD, "not-the-password")
    monkeypatch.setenv("LIFECYCLE_MLFLOW_DATABASE", wrong)
    with pytest.raises(Exception, match="password authentication failed") as found:
        registry.champion_info(deployment.model_store(), "churn")
    text = "".join(traceback.format_exception(found.value))
    assert not isinstance(found.value, RegistryError)
    assert "not-the-password" not in text


@pytest.mark.parametrize(
    ("statement", "passes"),
    [
        ("select pg_terminate_backend(pg_backend_pid())", True),
        ("do $$ begin raise sqlstate '40001'; end $$", True),
        ("do $$ begin raise sqlstate '53100'; end $$", False),
    ],
    ids=["shut down", "serialization", "disk full"],
)
def test_what_a_database_says_is_told_apart(deployment: Deployment, statement: str, passes: bool) -> None:
    """A step is tried again when the server goes or somebody else was first, not when its disk is full."""
    engine = create_engine(deployment.model_store().tracking_uri)
    with engine.connect() as connection, pytest.raises(OperationalError) as found:
        connection.execute(text(statement))
    assert may_pass(found.value) is passes


@pytest.mark.parametrize(("part", "wrong"), [(postgres.PASSWORD, "other"), ("/mlflow", "/nothing")])
def test_a_refused_user_is_no_passing_fault(deployment: Deployment, part: str, wrong: str) -> None:
    """A wrong password or the name of a database that is not there will be as wrong in a minute."""
    with pytest.raises(OperationalError) as found:
        create_engine(deployment.model_store().tracking_uri.replace(part, wrong)).connect()
    assert not may_pass(found.value)
