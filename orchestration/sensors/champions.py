"""A champion that is not the one of the newest predictions asks for new ones, and for a new snapshot.

Belongs here: comparing champions with what was scored. Does not belong here: how a champion changes
(`ml.registry_reviews`).
"""

import dagster as dg

from orchestration.assets.models import FACTS
from orchestration.coverage import newest_covered_month
from orchestration.resources import Deployment
from orchestration.sensors.requests import once
from orchestration.sensors.reviews import default_status, has_registry

MODEL_VERSION = "model_version"


def champion_changed(deployment: Deployment) -> dg.SensorDefinition:
    """The sensor on champions that are served but have not scored the newest month."""
    company = deployment.company

    @dg.sensor(
        name="champion_changed",
        job_name="score_and_publish",
        minimum_interval_seconds=company.automation.look_every_seconds,
        default_status=default_status(deployment, "champion_changed"),
        description=(
            "Compares the registry's champions with the versions that scored the newest month: after a review or a "
            "roll-back the month is scored again and published, once."
        ),
    )
    def look(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        month = newest_covered_month(context.instance, deployment)
        if month is None or not has_registry(deployment):
            return dg.SkipReason("Nothing is scored yet.")
        changed = _changed(deployment, context.instance, month)
        if not changed:
            return dg.SkipReason(f"The champions are those that scored {month}.")
        # Not tried again: a run that failed is on record and told of, and the next schedule scores anyway.
        return once(
            context.instance, "score_and_publish", company.name, [month, *changed], tries=1, partition_key=month
        )

    return look


def _changed(deployment: Deployment, instance: dg.DagsterInstance, month: str) -> list[str]:
    """One sentence per champion that is not the version of the month's newest predictions."""
    from ml import registry
    from ml.review_rules import refusal

    said = []
    for model in FACTS:
        scored = _scored(instance, deployment, model, month)
        champion = registry.champion_info(deployment.model_store(), model)
        if scored is not None and champion is not None and champion.version != scored:
            why_not = refusal(champion)
            said.append(why_not or f"{model}: version {champion.version} is champion, {scored} was scored")
    return said


def _scored(instance: dg.DagsterInstance, deployment: Deployment, model: str, month: str) -> str | None:
    """The version of the newest predictions about a month; None where there are none."""
    wanted = dg.AssetRecordsFilter(deployment.asset_key("predictions", model), asset_partitions=[month])
    records = instance.fetch_materializations(wanted, limit=1).records
    found = records[0].asset_materialization if records else None
    value = found.metadata.get(MODEL_VERSION) if found else None
    return str(value.value) if value is not None else None
