"""One job per use.

`rebuild` is what `make run` launches first (history to champion), `score_and_publish` second; the others are the
parts that a data engineer launches alone.
"""

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from orchestration.checks.findings import finding_checks
from orchestration.checks.monitoring import monitoring_checks

RAW = dg.AssetSelection.groups("source", "raw", "quarantine", "control")
FEATURES = dg.AssetSelection.groups("features")
MODELS = dg.AssetSelection.groups("models")
MONITORING = dg.AssetSelection.groups("monitoring") | dg.AssetSelection.checks(monitoring_checks)
PREDICTIONS = dg.AssetSelection.groups("predictions")
PUBLISHED = dg.AssetSelection.groups("published")
REVENUE = dg.AssetSelection.assets(["models", "revenue"], ["predictions", "revenue"])
DOWNSTREAM = FEATURES | MODELS | PREDICTIONS | MONITORING | PUBLISHED
WAREHOUSE = dg.AssetSelection.all() - RAW - DOWNSTREAM


def jobs() -> Sequence[UnresolvedAssetJobDefinition]:
    """All jobs."""
    return [
        dg.define_asset_job(
            "land_source",
            # Findings are judged on the marts, which this job does not build.
            RAW - dg.AssetSelection.checks(finding_checks),
            description="Land the source: accept, quarantine, keep versions.",
        ),
        dg.define_asset_job(
            "refresh_warehouse", RAW | WAREHOUSE, description="Land the source and rebuild staging to marts."
        ),
        dg.define_asset_job(
            "refresh_features", RAW | WAREHOUSE | FEATURES, description="Land, rebuild to marts, features of months."
        ),
        dg.define_asset_job(
            "build_features", FEATURES, description="Feature tables of one or more monthly as_of partitions."
        ),
        dg.define_asset_job(
            "train_models", MODELS, description="Train, compare with baselines, gate and register the models."
        ),
        dg.define_asset_job(
            "rebuild",
            RAW | WAREHOUSE | FEATURES | MODELS,
            description="Everything up to the registered models, for a range of months.",
        ),
        dg.define_asset_job(
            "score_and_publish",
            PREDICTIONS | MONITORING | PUBLISHED,
            description="Predictions of one month, what became of older ones, then a new published snapshot.",
        ),
        dg.define_asset_job(
            "forecast_revenue",
            REVENUE | PUBLISHED,
            description="Train the revenue forecast, make that of one month, then a new published snapshot.",
        ),
        dg.define_asset_job(
            "publish_snapshot", PUBLISHED, description="A new published snapshot of what the warehouse holds."
        ),
    ]
