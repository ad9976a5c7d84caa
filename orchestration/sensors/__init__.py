"""The sensors of a company: what starts when something arrives, changes or goes wrong.

Belongs here: the list of all sensors, one module each. Does not belong here: what starts by the clock
(`orchestration.schedules`), what a job does. No sensor opens the warehouse: a run may hold its lock.
"""

from collections.abc import Sequence

import dagster as dg

from orchestration.environment import alert_channels_from_environment
from orchestration.resources import Deployment
from orchestration.sensors.alerts import alert_on_failure, warnings_digest
from orchestration.sensors.chain import score_after_refresh
from orchestration.sensors.champions import champion_changed
from orchestration.sensors.dead_runs import dead_runs
from orchestration.sensors.freshness import watch_freshness
from orchestration.sensors.landing import new_files
from orchestration.sensors.retraining import retraining_due
from orchestration.sensors.reviews import watch_reviews


def sensors(deployment: Deployment) -> Sequence[dg.SensorDefinition]:
    """All sensors of a company's deployment."""
    channels = alert_channels_from_environment()
    return [
        new_files(deployment),
        score_after_refresh(deployment),
        retraining_due(deployment),
        watch_reviews(deployment),
        champion_changed(deployment),
        dead_runs(deployment),
        alert_on_failure(deployment, channels),
        warnings_digest(deployment, channels),
        watch_freshness(deployment, channels),
    ]
