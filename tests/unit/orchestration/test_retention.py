import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration import retention, snapshot
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import COMPANY_TAG
from tests import small_companies

MONTHS = dg.StaticPartitionsDefinition(["2024-01", "2024-02"])
MUCH_LATER = datetime.now(UTC) + timedelta(days=1000)


@dg.asset(check_specs=[dg.AssetCheckSpec("holds", asset="table")])
def table() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """A table with a check."""
    yield dg.MaterializeResult()
    yield dg.AssetCheckResult(passed=True)


@dg.asset(partitions_def=MONTHS)
def by_month() -> None:
    """A table by month."""


@pytest.fixture
def deployment(empty_database: Path, tmp_path: Path) -> Deployment:
    """A company with an empty registry, which would else be made by every pruning."""
    made = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    made.state.mkdir(parents=True)
    shutil.copy(empty_database, made.state / "mlflow.db")
    return made


@pytest.fixture
def instance(deployment: Deployment) -> Iterator[dg.DagsterInstance]:
    deployment.dagster_folder.mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(deployment.dagster_folder)) as made:
        yield made


def _run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, month: str | None = None, **tags: str) -> str:
    return dg.materialize([asset], instance=instance, partition_key=month, tags=tags).run_id


@contextmanager
def _at(instance: dg.DagsterInstance, days: int) -> Iterator[None]:
    """Runs that are made within have been made so many days from now."""
    before = _left(instance)
    yield
    made = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=days)
    with sqlite3.connect(Path(instance.root_directory) / "history" / "runs.db") as connection:
        for run_id in _left(instance) - before:
            connection.execute("update runs set create_timestamp = ? where run_id = ?", [f"{made}", run_id])
    connection.close()


def _left(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_runs_that_hold_something_newest_stay(instance: dg.DagsterInstance, deployment: Deployment) -> None:
    """Of old runs go those whose every table, month and check was made again; nothing is shown as never made."""
    old, january = _run(instance, table), _run(instance, by_month, "2024-01")
    newest = {_run(instance, table), _run(instance, by_month, "2024-02")}
    (removed, *_) = retention.prune(instance, deployment, MUCH_LATER)
    assert removed.names == (old,)
    assert removed.bytes > 0
    assert _left(instance) == {january, *newest}
    assert instance.get_materialized_partitions(dg.AssetKey("by_month")) == {"2024-01", "2024-02"}
    assert not (deployment.dagster_folder / "history" / "runs" / f"{old}.db").exists()


def test_a_check_alone_keeps_its_run(instance: dg.DagsterInstance, deployment: Deployment) -> None:
    """The newest result of a check may be older than the newest rows that it was not asked about."""
    judged = _run(instance, table)
    unjudged = dg.asset(name="table")(lambda: None)
    made = _run(instance, unjudged)
    retention.prune(instance, deployment, MUCH_LATER)
    assert _left(instance) == {judged, made}


def test_unfinished_young_and_foreign_runs_stay(instance: dg.DagsterInstance, deployment: Deployment) -> None:
    """A run that is under way, one that is not old, and any of another company."""
    job = dg.GraphDefinition("job", node_defs=[]).to_job()
    waiting = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED).run_id
    foreign = _run(instance, table, **{COMPANY_TAG: "other"})
    ours, _ = _run(instance, table), _run(instance, table)
    retention.prune(instance, deployment, datetime.now(UTC))
    assert ours in _left(instance)
    (removed, *_) = retention.prune(instance, deployment, MUCH_LATER)
    assert removed.names == (ours,)
    assert {waiting, foreign} <= _left(instance)


def test_free_space_of_records_goes_back_to_the_disk(instance: dg.DagsterInstance, deployment: Deployment) -> None:
    """SQLite keeps the space of deleted rows; it is given back once it is a good part of the file."""
    path = deployment.dagster_folder / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("create table rows as select zeroblob(4000000) as content")
        connection.execute("delete from rows")
    connection.close()
    before = path.stat().st_size
    *_, removed = retention.prune(instance, deployment, datetime.now(UTC))
    assert removed.names == ("other.db",)
    assert path.stat().st_size < before / 10
    assert removed.bytes >= before * 0.9


def _prune_by_the_job(
    instance: dg.DagsterInstance, deployment: Deployment, monkeypatch: pytest.MonkeyPatch, days: int
) -> dict[str, str]:
    """Metadata of the job's step when the clock is so many days ahead."""
    later = datetime.now(UTC) + timedelta(days=days)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            del tz
            return later

    monkeypatch.setattr(retention, "datetime", Ahead)
    definitions = dg.Definitions(
        jobs=[retention.prune_job(deployment.company_name)], resources={"deployment": deployment}
    )
    result = definitions.resolve_job_def("prune_records").execute_in_process(instance=instance)
    (output,) = [event for event in result.all_events if event.is_successful_output]
    return {name: str(value.value) for name, value in output.step_output_data.metadata.items()}


def test_the_job_tells_what_went(
    instance: dg.DagsterInstance, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run as any other, by the company's own ages, with its outcome in the UI."""
    with (Path(deployment.companies_folder) / "small.toml").open("a") as settings:
        settings.write("\n[retention]\nrun_days = 30\n")
    old, newest = _run(instance, table), _run(instance, table)
    assert "runs of Dagster: 1 removed" in _prune_by_the_job(instance, deployment, monkeypatch, days=40)["removed"]
    assert old not in _left(instance)
    assert newest in _left(instance)


def test_two_at_once_prune_one_after_the_other(instance: dg.DagsterInstance, deployment: Deployment) -> None:
    """The schedule's run and a person's: the second waits for the company and finds nothing left to remove."""
    with _at(instance, -1000):
        old = _run(instance, table)
    _run(instance, table)
    with _at(instance, -20):
        _run(instance, table)
    job = dg.Definitions(
        jobs=[retention.prune_job(deployment.company_name)], resources={"deployment": deployment}
    ).resolve_job_def("prune_records")
    with ThreadPoolExecutor() as both:
        first, second = (both.submit(job.execute_in_process, instance=instance) for _ in range(2))
        removed = [
            str(event.step_output_data.metadata["removed"].value)
            for done in (first.result(60), second.result(60))
            for event in done.all_events
            if event.is_successful_output
        ]
    assert sorted("runs of Dagster: 1 removed" in text for text in removed) == [False, True]
    assert old not in _left(instance)


def test_a_clock_that_jumps_ahead_removes_nothing(
    instance: dg.DagsterInstance, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A year's pause is more likely a wrong clock; also where other runs came between the jump and the pruning."""
    with _at(instance, -1100):
        old = _run(instance, table)
        _run(instance, table)
    _run(instance, table)
    assert _prune_by_the_job(instance, deployment, monkeypatch, days=0) == {}
    assert old in _left(instance)
    with _at(instance, 10):
        _run(instance, table)
    assert "runs of Dagster: 2 removed" in _prune_by_the_job(instance, deployment, monkeypatch, days=20)["removed"]


def test_a_clock_that_once_stood_in_the_future_stops_no_pruning(
    instance: dg.DagsterInstance, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs on record with instants that are still to come say nothing about the clock of today."""
    with _at(instance, 2000):
        _run(instance, table)
    with _at(instance, -20):
        _run(instance, table)
    assert "removed" in _prune_by_the_job(instance, deployment, monkeypatch, days=0)


def test_a_version_that_readers_see_statements_of_stays(deployment: Deployment) -> None:
    """The model that spoke last is read from the published snapshot."""
    with duckdb.connect() as connection:
        connection.execute("create schema predictions")
        connection.execute(
            "create table predictions.churn_predictions as select * from "
            "(values ('2', timestamp '2024-02-01'), ('10', timestamp '2024-03-01')) as t(model_version, made_at)"
        )
        faces = [snapshot.Face("predictions", "churn_predictions")]
        snapshot.publish(connection, deployment.published, faces, version="v1", at="2024-03-01", as_of="2024-02-29")
    assert retention._spoke_last(deployment) == [("churn", "10")]
