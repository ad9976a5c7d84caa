"""What reviewers said in MLflow asks for a run that carries it out.

Belongs here: looking at the registry. Does not belong here: what a decision does (`orchestration.learning.reviews`).
"""

from pathlib import Path

import dagster as dg

from orchestration.resources import Deployment
from orchestration.sensors.requests import once


def watch_reviews(deployment: Deployment) -> dg.SensorDefinition:
    """The sensor on decisions in the registry; it runs from the start where a person decides (`promotion = review`)."""
    company = deployment.company

    @dg.sensor(
        name="reviews",
        job_name="apply_reviews",
        minimum_interval_seconds=company.automation.look_every_seconds,
        default_status=default_status(deployment, "reviews"),
        description=(
            "Looks at MLflow: an approved, rejected or rolled back version (tag review, with review_comment) or an "
            "alias moved by hand is carried out by one run of apply_reviews."
        ),
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        from ml import registry_reviews

        if not has_registry(deployment):
            return dg.SkipReason("Nothing is trained yet.")
        found = registry_reviews.look(deployment.model_store())
        if found.outstanding:
            for sentence in found.outstanding:
                context.log.info(sentence)
            return once(context.instance, "apply_reviews", company.name, found.outstanding)
        waiting = [f"{info.name} version {info.version}" for info in found.waiting]
        return dg.SkipReason(
            "; ".join(found.questions) or f"Waiting for a reviewer: {', '.join(waiting) or 'nothing'}."
        )

    return look


def default_status(deployment: Deployment, name: str) -> dg.DefaultSensorStatus:
    """Running from the start where people review models, or where the company's settings switch the sensor on."""
    company = deployment.company
    is_on = company.promotion == "review" or name in company.automation.on
    return dg.DefaultSensorStatus.RUNNING if is_on else dg.DefaultSensorStatus.STOPPED


def has_registry(deployment: Deployment) -> bool:
    """Whether there is a registry to ask; asking one that is not there would make it, which costs seconds."""
    file = deployment.tracking_uri.removeprefix("sqlite:///")
    return file == deployment.tracking_uri or Path(file).exists()
