"""The sensors of a company: what starts when something arrives, changes or goes wrong.

Belongs here: the list of all sensors, one module each. Does not belong here: what starts by the clock
(`orchestration.schedules`), what a job does. No sensor opens the warehouse: a run may hold its lock.
"""

from collections.abc import Sequence

import dagster as dg

from orchestration.resources import Deployment
from orchestration.sensors.chain import score_after_refresh
from orchestration.sensors.champions import champion_changed
from orchestration.sensors.dead_runs import dead_runs
from orchestration.sensors.landing import new_files
from orchestration.sensors.retraining import retraining_due
from orchestration.sensors.reviews import reviews


def sensors(deployment: Deployment) -> Sequence[dg.SensorDefinition]:
    """All sensors of a company's deployment."""
    return [
        new_files(deployment),
        score_after_refresh(deployment),
        retraining_due(deployment),
        reviews(deployment),
        champion_changed(deployment),
        dead_runs(deployment),
    ]
