"""What starts by itself: whether a daemon lives, and when its running schedules tick next.

Belongs here: reading that from Dagster's records. Does not belong here: the schedules' definitions.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import ScheduleInstigatorData
from dagster._utils.schedules import schedule_execution_time_iterator

from orchestration.resources import Deployment

# A daemon beats every half minute; four beats missed are its end.
DAEMON_LIVES_SECONDS = 120.0


@dataclass(frozen=True)
class Tick:
    """The next tick of a running schedule; None for a sensor, which looks every half minute or so."""

    name: str
    kind: str
    next_at: datetime | None


def daemon_seen_at(instance: dg.DagsterInstance) -> datetime | None:
    """The newest heartbeat of a daemon; None where none ever ran."""
    beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    return datetime.fromtimestamp(max(beats), UTC) if beats else None


def daemon_lives(instance: dg.DagsterInstance) -> bool:
    """Whether a daemon beat lately."""
    seen = daemon_seen_at(instance)
    return seen is not None and time.time() - seen.timestamp() <= DAEMON_LIVES_SECONDS


def next_ticks(instance: dg.DagsterInstance, deployment: Deployment) -> Iterator[Tick]:
    """What of the company ticks next, soonest first; nothing without a living daemon."""
    if not daemon_lives(instance):
        return
    found = []
    for state in instance.all_instigator_state():
        location = state.origin.repository_origin.code_location_origin.location_name
        if not state.is_running or (deployment.is_shared and location != deployment.company_name):
            continue
        data, name = state.instigator_data, state.origin.instigator_name
        if state.instigator_type == InstigatorType.SCHEDULE and isinstance(data, ScheduleInstigatorData):
            times = schedule_execution_time_iterator(time.time(), data.cron_schedule, deployment.company.time_zone)
            found += [Tick(name, "schedule", moment) for moment in itertools.islice(times, 1)]
        elif state.instigator_type == InstigatorType.SENSOR:
            found.append(Tick(name, "sensor", None))
    yield from sorted(found, key=lambda tick: (tick.next_at is None, tick.next_at or datetime.now(UTC), tick.name))
