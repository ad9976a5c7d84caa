"""One job per use.

`rebuild` is what `make run` launches first (history to champion), `score_and_publish` second. `refresh_features` is the
daily work of a company that runs by itself, `score_and_publish` what follows it; the others are the parts that a data
engineer launches alone. Every run of a job carries the company's name as a tag.
"""

from collections.abc import Sequence
from functools import cache

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orchestration.checks.findings import finding_checks
from orchestration.checks.monitoring import monitoring_checks
from orchestration.deployment import keys
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import COMPANY_TAG

RAW = dg.AssetSelection.groups("source", "raw", "quarantine", "control")
FEATURES = dg.AssetSelection.groups("features")
MODELS = dg.AssetSelection.groups("models")
MONITORING = dg.AssetSelection.groups("monitoring") | dg.AssetSelection.checks(monitoring_checks)
PREDICTIONS = dg.AssetSelection.groups("predictions")
PUBLISHED = dg.AssetSelection.groups("published")
FORECAST = dg.AssetSelection.assets(["models", "revenue"], ["predictions", "revenue"])
DOWNSTREAM = FEATURES | MODELS | PREDICTIONS | MONITORING | PUBLISHED
WAREHOUSE = dg.AssetSelection.all() - RAW - DOWNSTREAM
# Findings are judged on the marts, which landing alone does not build.
LANDED = RAW - dg.AssetSelection.checks(finding_checks)
SELECTIONS: dict[str, tuple[dg.AssetSelection, str]] = {
    "land_source": (
        LANDED,
        "Read the source's files: accept rows, quarantine what breaks the contract, keep a version of every change. "
        "Landing the same files again changes nothing.",
    ),
    "refresh_warehouse": (RAW | WAREHOUSE, "Land the source, then rebuild staging, intermediate, marts and metrics."),
    "refresh_features": (
        RAW | WAREHOUSE | FEATURES,
        "Land the source and rebuild everything up to the feature tables of a range of months; launch it over all "
        "months to take in late and corrected rows. The daily schedule runs it, the scores follow by themselves.",
    ),
    "build_features": (FEATURES, "Feature tables of one or more monthly as_of partitions from the marts as they are."),
    "train_models": (
        MODELS,
        "Train every model on the features there are, compare it with its baselines and the champion, and register "
        "what passes its gates.",
    ),
    "rebuild": (
        RAW | WAREHOUSE | FEATURES | MODELS,
        "Everything from the files to the registered models, for a range of months.",
    ),
    "score_and_publish": (
        PREDICTIONS | MONITORING | PUBLISHED,
        "The champions' predictions of a month, what became of older ones, and a new snapshot for readers.",
    ),
    "forecast_revenue": (
        FORECAST | PUBLISHED,
        "Fit the revenue forecast anew, state it for a month, and publish it; no other model is touched.",
    ),
    "publish_snapshot": (PUBLISHED, "A new snapshot for readers of what the warehouse holds."),
}


def jobs(deployment: Deployment) -> Sequence[UnresolvedAssetJobDefinition]:
    """All jobs of a company's deployment."""
    return [job(name, deployment) for name in SELECTIONS]


def job(name: str, deployment: Deployment) -> UnresolvedAssetJobDefinition:
    """One job of a company; always the same object, as Dagster wants of a job that a sensor names."""
    return _job(name, deployment.company_name, is_shared=deployment.is_shared)


@cache
def _job(name: str, company: str, *, is_shared: bool) -> UnresolvedAssetJobDefinition:
    selection, description = SELECTIONS[name]
    made = dg.define_asset_job(name, selection, description=description, tags={COMPANY_TAG: company})
    return keys.named_job(made, company) if is_shared else made
