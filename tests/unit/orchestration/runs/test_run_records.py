import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration.resources import ROOT, dagster_environment, deployment_from_environment
from orchestration.runs.run_records import CONNECTIONS_KEPT, KeptConnections, RunRecords

TABLE = dg.AssetKey("table")


@dg.asset
def table() -> None:
    """An asset whose materialization is an event in the index and in the run's own file."""


def materialize(storage: KeptConnections, folder: Path) -> str:
    """Run the asset with our records; returns the run's id."""
    with dg.DagsterInstance.local_temp(str(folder)) as instance:
        result = dg.materialize([table], instance=instance)
        for log in instance.all_logs(result.run_id):
            storage.store_event(log)
    return result.run_id


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[KeptConnections]:
    records = RunRecords.from_local(str(tmp_path / "records"))
    found = records.event_log_storage
    assert isinstance(found, KeptConnections)
    yield found
    records.dispose()


def other(storage: KeptConnections) -> KeptConnections:
    """The same records as another process opens them."""
    return KeptConnections(storage._base_dir)


def test_another_process_reads_what_was_written(storage: KeptConnections, tmp_path: Path) -> None:
    """Events are there for others at once, though the writer's connections stay open."""
    reader = other(storage)
    run_id = materialize(storage, tmp_path)
    kinds = [log.dagster_event_type for log in reader.get_logs_for_run(run_id) if log.is_dagster_event]
    assert dg.DagsterEventType.ASSET_MATERIALIZATION in kinds
    assert kinds[-1] == dg.DagsterEventType.RUN_SUCCESS
    assert reader.has_asset_key(TABLE)
    reader.dispose()


def test_another_process_can_follow_a_run(storage: KeptConnections, tmp_path: Path) -> None:
    """A watcher of the run's file, as the UI has one, is told of a new event."""
    run_id = materialize(storage, tmp_path)
    last = list(storage.get_logs_for_run(run_id))[-1]
    watcher, seen = other(storage), threading.Event()
    cursor = watcher.get_records_for_run(run_id).cursor
    watcher.watch(run_id, cursor, lambda _log, _cursor: seen.set())
    storage.store_event(last._replace(level=logging.INFO))
    assert seen.wait(timeout=20)
    watcher.dispose()


def test_only_the_files_in_use_stay_open(storage: KeptConnections) -> None:
    """A process that looks at many runs, as the web server does, keeps the connections of the newest."""
    for number in range(CONNECTIONS_KEPT + 3):
        storage.get_logs_for_run(f"run-{number}")
    assert len(storage._engines) == CONNECTIONS_KEPT
    assert storage.get_logs_for_run("run-0") == []


def test_wiped_records_are_gone_and_new_ones_can_be_written(storage: KeptConnections, tmp_path: Path) -> None:
    """No connection leads to a deleted file."""
    materialize(storage, tmp_path)
    storage.wipe()
    assert not storage.has_asset_key(TABLE)
    run_id = materialize(storage, tmp_path)
    assert other(storage).get_logs_for_run(run_id)


def test_the_instance_uses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`dagster.yaml` names this storage, for our runs, the web server and the daemon alike."""
    deployment = deployment_from_environment().model_copy(update={"state_folder": str(tmp_path)})
    deployment.dagster_folder.mkdir(parents=True)
    for name, value in dagster_environment(deployment).items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(ROOT)) as instance:
        assert isinstance(instance.event_log_storage, KeptConnections)
