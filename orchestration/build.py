"""One assembly of all definitions, used by the UI, the command line and the tests.

Belongs here: putting assets, checks, jobs, schedules, sensors and resources together, with overrides for tests.
Does not belong here: what any of them does.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.assets.ingestion import raw_tables, source_files
from orchestration.assets.metrics import metric_assets
from orchestration.assets.models import model_assets
from orchestration.assets.monitoring import monitoring_assets
from orchestration.assets.predictions import prediction_assets
from orchestration.assets.publish import published_asset
from orchestration.assets.warehouse import warehouse_assets
from orchestration.checks.expectations import expectation_checks
from orchestration.checks.features_as_known import as_known_checks
from orchestration.checks.findings import finding_checks
from orchestration.checks.monitoring import monitoring_checks
from orchestration.checks.schemas import schema_checks
from orchestration.deployment import keys
from orchestration.freshness import with_policies
from orchestration.jobs import jobs
from orchestration.learning.reviews import review_jobs
from orchestration.partitions import monthly_as_of
from orchestration.resources import Deployment
from orchestration.retention import prune_job
from orchestration.runs.executors import step_processes
from orchestration.runs.progress import progress_logger
from orchestration.schedules import schedules
from orchestration.sensors import sensors
from orchestration.transformations.lean_dbt import dbt_resource


def build_defs(deployment: Deployment, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """The definitions of one company's deployment.

    Args:
        overrides: resources that replace the default ones by name (`deployment`, `dbt`).
    """
    with warnings.catch_warnings():
        # Backfill policies of plain assets are still marked beta; the version is pinned and a test runs them.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return _assemble(deployment, overrides or {})


def _assemble(deployment: Deployment, overrides: Mapping[str, Any]) -> dg.Definitions:
    partitions = monthly_as_of(deployment.company)
    prefix = [deployment.company_name] if deployment.is_shared else []
    dbt_assets, end_checks = warehouse_assets(partitions, prefix)
    assets = [
        source_files,
        raw_tables,
        metric_assets(),
        *model_assets(prefix),
        *prediction_assets(partitions),
        *monitoring_assets(partitions),
        published_asset(),
    ]
    checks = [expectation_checks(), *schema_checks(), *as_known_checks(), finding_checks, monitoring_checks]
    for company in prefix:
        # dbt's assets bear the company's name already: dagster-dbt finds its models again by their keys.
        dbt_assets = [keys.in_own_pool(one, company) for one in dbt_assets]
        assets, checks = keys.named_assets(assets, company), keys.named_assets(checks, company)
    return dg.Definitions(
        assets=dg.with_source_code_references(with_policies([*dbt_assets, *assets], deployment.company)),
        asset_checks=[*checks, *end_checks],
        jobs=[*jobs(deployment), *review_jobs(deployment), prune_job(deployment.company_name)],
        schedules=schedules(deployment),
        sensors=sensors(deployment),
        resources={"deployment": deployment, "dbt": dbt_resource(), **overrides},
        loggers={"progress": progress_logger},
        # Imports dominate small runs: by default one process does all steps.
        executor=(
            step_processes(deployment.state) if deployment.executor == "multiprocess" else dg.in_process_executor
        ),
    )
