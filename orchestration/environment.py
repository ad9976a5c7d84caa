"""Variables of the environment that are no part of a deployment: those set for other processes, and secrets of alerts.

Belongs here: reading and setting them. Does not belong here: what makes a deployment (`orchestration.resources`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.alerting.alert_channels import AlertChannels

if TYPE_CHECKING:
    from orchestration.resources import Deployment


def mlflow_environment(deployment: "Deployment") -> dict[str, str]:
    """What MLflow's own commands need to find a company's store, to be handed to processes and never shown.

    By the environment: everybody on the machine sees a command line, and the URL may hold a password.
    """
    return {
        "MLFLOW_BACKEND_STORE_URI": deployment.tracking_uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": deployment.artifact_location,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def prepare_for_commands(deployment: "Deployment", programs: Path) -> None:
    """Let a command that takes our place find MLflow's store, and programs in our folder before others."""
    path = os.pathsep.join([str(programs), os.environ.get("PATH", os.defpath)])
    os.environ.update(mlflow_environment(deployment), PATH=path)


def hand_on(**values: str) -> None:
    """Set environment variables for this process and those it will start."""
    os.environ.update(values)


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables for the processes started inside, then put the old values back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def alert_channels_from_environment() -> AlertChannels:
    """Where the alerts of this deployment go.

    Raises:
        ValueError: a variable cannot be used; the message names it without its value.
    """
    recipients = os.environ.get("LIFECYCLE_ALERT_EMAIL", "").split(",")
    return AlertChannels(
        webhook=os.environ.get("LIFECYCLE_ALERT_WEBHOOK", ""),
        slack=os.environ.get("LIFECYCLE_ALERT_SLACK", ""),
        recipients=tuple(address.strip() for address in recipients if address.strip()),
        smtp=os.environ.get("LIFECYCLE_SMTP", ""),
        ui_url=(os.environ.get("LIFECYCLE_UI_URL") or "http://127.0.0.1:3000").rstrip("/"),
    )
