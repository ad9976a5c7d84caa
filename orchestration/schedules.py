"""The schedules of a company: which job starts by the clock, in the company's time zone.

Belongs here: cadences and what a tick asks for. Does not belong here: what happens when something arrives
(`orchestration.sensors`), what a job does.
"""

from collections.abc import Sequence

import dagster as dg

from orchestration.resources import Deployment


def schedules(deployment: Deployment) -> Sequence[dg.ScheduleDefinition]:  # noqa: ARG001 - each schedule reads it
    """All schedules of a company's deployment."""
    return []
