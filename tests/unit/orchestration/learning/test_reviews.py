import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from ml import bundles, registry
from ml.registry_client import CHAMPION, client_of
from orchestration.build import build_defs
from orchestration.learning import reviews
from orchestration.resources import Deployment
from orchestration.sensors import champions
from orchestration.sensors.champions import champion_changed
from orchestration.sensors.reviews import watch_reviews
from tests import small_companies
from tests.runs import query
from tests.small_registry import PROVENANCE, outcome

# MLflow's store asks SQLAlchemy 2.1 for a strategy that is deprecated there.
pytestmark = pytest.mark.filterwarnings("ignore:.*noload.*")

TABLE = (
    "select version, number, decision, previous_version, champion_version, decided_by, reason "
    "from models.reviews order by decided_at"
)


BY_GATES = ("1", 1, "promoted", None, "1", "gates", "every gate passed")


@pytest.fixture
def deployment(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A company under review with a champion (version 1) and a version 2 that waits."""
    monkeypatch.setattr(bundles, "TRUSTED", "")
    deployed = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    settings = tmp_path / "companies" / "small.toml"
    settings.write_text(f'promotion = "review"\n{settings.read_text()}')
    deployed.state.mkdir(parents=True)
    shutil.copy(empty_database, deployed.state / "mlflow.db")
    for data, promotion in (("a", "automatic"), ("b", "review")):
        provenance = replace(PROVENANCE, content_hash=data, promotion=promotion)
        registry.log_training(deployed.model_store(), outcome(), provenance)
    with deployed.warehouse() as connection:
        assert reviews.record(connection, deployed.model_store()) == 1
    return deployed


def say(deployment: Deployment, version: str, **tags: str) -> None:
    """Set tags as a reviewer does in MLflow."""
    for name, value in tags.items():
        client_of(deployment.model_store()).set_model_version_tag("churn", version, name, value)


def tick(
    sensor: dg.SensorDefinition, instance: dg.DagsterInstance, repository: dg.RepositoryDefinition | None = None
) -> tuple[list[dg.RunRequest], str]:
    """One tick in a context of its own, as after a restart: what it asks for, or why not."""
    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        data = sensor.evaluate_tick(context)
    return list(data.run_requests or []), data.skip_message or ""


def execute(
    deployment: Deployment, instance: dg.DagsterInstance, job: dg.JobDefinition, request: dg.RunRequest | None = None
) -> dg.ExecuteInProcessResult:
    tags = {**request.tags, "dagster/run_key": str(request.run_key)} if request else {}
    return job.execute_in_process(
        instance=instance, resources={"deployment": deployment}, tags=tags, raise_on_error=False
    )


def test_an_approval_in_mlflow_becomes_champion_and_a_row(deployment: Deployment) -> None:
    """The sensor asks for one run, the run promotes and keeps who, when and why; then there is nothing more to do."""
    sensor = watch_reviews(deployment)
    with dg.DagsterInstance.ephemeral() as instance:
        assert tick(sensor, instance) == ([], "Waiting for a reviewer: churn version 2.")
        say(deployment, "2", review="approved")
        assert "add the tag review_comment" in tick(sensor, instance)[1]
        say(deployment, "2", reviewer="Ada", review_comment="better on new customers")
        [request] = tick(sensor, instance)[0]
        assert tick(sensor, instance)[0][0].run_key == request.run_key
        result = execute(deployment, instance, reviews.apply_reviews("small", "duckdb_writer"), request)
        assert result.success
        assert tick(sensor, instance) == ([], "Waiting for a reviewer: nothing.")
    assert query(deployment, TABLE) == [BY_GATES, ("2", 1, "promoted", "1", "2", "Ada", "better on new customers")]
    [(run,)] = query(deployment, "select dagster_run_id from models.reviews where version = '2'")
    assert run == result.run_id


def test_a_lost_warehouse_gets_its_decisions_back(deployment: Deployment) -> None:
    """The registry holds them all; what is removed in MLflow afterwards stays in the table, told by its time."""
    deployment.warehouse_path.unlink()
    store = deployment.model_store()
    with deployment.warehouse() as connection:
        assert reviews.record(connection, store) == 1
        client_of(store).delete_registered_model("churn")
        registry.log_training(store, outcome(), replace(PROVENANCE, content_hash="c"))
        assert reviews.record(connection, store) == 1
    assert query(deployment, TABLE) == [BY_GATES, BY_GATES]


def test_a_run_that_dies_before_the_row_is_repeated(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The champion has moved, the record has not: the next tick asks again, and the row is there once."""
    sensor, job = watch_reviews(deployment), reviews.apply_reviews("small", "duckdb_writer")
    say(deployment, "2", review_comment="better", review="approved")
    with dg.DagsterInstance.ephemeral() as instance:
        [first] = tick(sensor, instance)[0]
        with monkeypatch.context() as patched:
            patched.setattr(reviews, "write", lambda *_: 1 / 0)
            assert not execute(deployment, instance, job, first).success
        assert registry.champion_info(deployment.model_store(), "churn").version == "2"
        [again] = tick(sensor, instance)[0]
        assert again.run_key != first.run_key
        assert execute(deployment, instance, job, again).success
        assert execute(deployment, instance, job).success
        assert tick(sensor, instance)[0] == []
    assert [row[2] for row in query(deployment, TABLE) if row != BY_GATES] == ["promoted"]


def test_a_review_that_cannot_be_carried_out_is_not_tried_for_ever(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three failures the tick names the run instead of asking again; a change of the review asks anew."""
    sensor, job = watch_reviews(deployment), reviews.apply_reviews("small", "duckdb_writer")
    client_of(deployment.model_store()).set_registered_model_alias("churn", CHAMPION, "2")
    with dg.DagsterInstance.ephemeral() as instance, monkeypatch.context() as patched:
        patched.setattr(registry, "apply_reviews", lambda *_: 1 / 0)
        for _ in range(3):
            assert not execute(deployment, instance, job, tick(sensor, instance)[0][0]).success
        assert "failed 3 times" in tick(sensor, instance)[1]
        say(deployment, "2", review_comment="no", review="rejected")
        assert len(tick(sensor, instance)[0]) == 1


def test_people_decide_in_dagster_too(deployment: Deployment) -> None:
    """Promote, roll back and reject are jobs; each leaves its row, and a wrong one says why without a retry."""
    decided = [
        ("promote_model", "promote", {"version": "2", "reason": "better"}),
        ("roll_back_model", "roll_back", {"reason": "worse in March"}),
        ("reject_model", "reject", {"version": "2", "reason": "for good"}),
    ]
    with dg.DagsterInstance.ephemeral() as instance:
        defs = build_defs(deployment)
        for name, op, config in decided:
            full = {"ops": {op: {"config": {"model": "churn", "approver": "Ada", **config}}}}
            assert defs.resolve_job_def(name).execute_in_process(instance=instance, run_config=full).success
        wrong = defs.resolve_job_def("roll_back_model").execute_in_process(
            instance=instance,
            run_config={"ops": {"roll_back": {"config": {"model": "churn", "reason": "again"}}}},
            raise_on_error=False,
        )
    [failure] = [event.step_failure_data for event in wrong.all_events if event.is_step_failure]
    assert "no earlier champion" in failure.user_failure_data.description
    assert query(deployment, TABLE) == [
        BY_GATES,
        ("2", 1, "promoted", "1", "2", "Ada", "better"),
        ("2", 2, "rolled_back", "2", "1", "Ada", "worse in March"),
        ("2", 3, "rejected", "1", "1", "Ada", "for good"),
    ]


def test_a_moved_champion_is_scored_and_published_once(deployment: Deployment) -> None:
    """The newest covered month is asked for once per change of champion, and not before anything was scored."""
    repository = build_defs(deployment).get_repository_def()
    sensor = repository.get_sensor_def("champion_changed")
    window, predictions = dg.AssetKey(["intermediate", "int_observation_window"]), dg.AssetKey(["predictions", "churn"])

    def scored(instance: dg.DagsterInstance, month: str, version: str) -> None:
        facts = {champions.MODEL_VERSION: version}
        instance.report_runless_asset_event(dg.AssetMaterialization(predictions, partition=month, metadata=facts))

    with dg.DagsterInstance.ephemeral() as instance:
        assert tick(sensor, instance, repository) == ([], "Nothing is scored yet.")
        instance.report_runless_asset_event(dg.AssetMaterialization(window, metadata={"last_as_of": "2024-06-30"}))
        scored(instance, "2024-06", "1")
        assert tick(sensor, instance, repository) == ([], "The champions are those that scored 2024-06.")
        registry.promote(deployment.model_store(), "churn", "2", approver="Ada", reason="better")
        [request] = tick(sensor, instance, repository)[0]
        assert (request.partition_key, tick(sensor, instance, repository)[0][0].run_key) == ("2024-06", request.run_key)
        scored(instance, "2024-05", "2")
        assert len(tick(sensor, instance, repository)[0]) == 1
        scored(instance, "2024-06", "2")
        assert tick(sensor, instance, repository)[0] == []


def test_sensors_of_reviews_run_from_the_start_where_people_review(deployment: Deployment, tmp_path: Path) -> None:
    """Elsewhere they wait until somebody switches them on."""
    other = small_companies.deploy(tmp_path, "other", "contractual", small_companies.contractual(2, 2))
    for sensor in (watch_reviews, champion_changed):
        assert sensor(deployment).default_status == dg.DefaultSensorStatus.RUNNING
        assert sensor(other).default_status == dg.DefaultSensorStatus.STOPPED
    with dg.DagsterInstance.ephemeral() as instance:
        assert tick(watch_reviews(other), instance) == ([], "Nothing is trained yet.")
    assert not (other.state / "mlflow.db").exists()
