"""The sensors of a company: what starts when something arrives, changes or goes wrong.

Belongs here: the list of all sensors, one module each. Does not belong here: what starts by the clock
(`orchestration.schedules`), what a job does. No sensor opens the warehouse: a run may hold its lock.
"""

from collections.abc import Sequence

import dagster as dg

from orchestration.resources import Deployment
from orchestration.sensors.dead_runs import dead_runs


def sensors(deployment: Deployment) -> Sequence[dg.SensorDefinition]:
    """All sensors of a company's deployment."""
    return [dead_runs(deployment)]
