import time
from pathlib import Path

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat

from orchestration.schedule_ticks import next_ticks
from tests import small_companies


def _running(instance: dg.DagsterInstance, location: str, cron: str) -> None:
    target = LoadableTargetOrigin(module_name="orchestration.locations", attribute=location)
    repository = RemoteRepositoryOrigin(InProcessCodeLocationOrigin(target, location_name=location), "__repository__")
    origin = RemoteInstigatorOrigin(repository, "daily_refresh")
    state = InstigatorState(
        origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, ScheduleInstigatorData(cron, time.time())
    )
    instance.add_instigator_state(state)


def test_only_the_companys_own_schedules_are_told(tmp_path: Path) -> None:
    """Of several companies in one Dagster each is told of its own schedules alone, and of none without a daemon."""
    one = small_companies.deploy(tmp_path, "one", "contractual", {"accounts": []})
    shared = one.model_copy(update={"companies": ["one", "other"]})
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        _running(instance, "one", "0 5 * * *")
        _running(instance, "other", "0 6 * * *")
        assert list(next_ticks(instance, shared)) == []
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SCHEDULER", "id", []))
        [tick] = next_ticks(instance, shared)
    assert tick.next_at is not None
    assert (tick.kind, tick.next_at.hour) == ("schedule", 5)
