"""Pandera schema checks on the feature tables, blocking, on the dbt assets themselves.

Belongs here: reading a feature table and reporting what its schema says. The schemas are in `feature_definitions`.
"""

from collections.abc import Sequence

import dagster as dg

from feature_definitions import registry
from feature_definitions.base import FeatureView
from orchestration.resources import POOL, Deployment

FAILURES_SHOWN = 20


def schema_checks() -> list[dg.AssetChecksDefinition]:
    """One blocking check per feature view."""
    return [_schema_check(view) for view in registry.VIEWS]


def _schema_check(view: FeatureView) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["features", view.name],
        name="matches_schema",
        blocking=True,
        pool=POOL,
        description=f"Every row fits the Pandera schema of {view.name}, version {view.version}.",
    )
    def matches_schema(deployment: Deployment) -> dg.AssetCheckResult:
        from feature_definitions import checks

        with deployment.warehouse(read_only=True) as connection:
            failures = checks.validate_table(connection, view)
        return dg.AssetCheckResult(
            passed=not failures,
            description=_told(failures) if failures else None,
            metadata={
                "failures": len(failures),
                "examples": dg.MetadataValue.json([str(failure) for failure in failures[:FAILURES_SHOWN]]),
            },
        )

    return matches_schema


def _told(failures: Sequence[object]) -> str:
    return (
        f"{len(failures):,} value(s) do not fit, the first: {failures[0]}. Models that read the view wait. Mend the "
        "feature's SQL, or its declaration where the values are right, then build the months anew (refresh_features)."
    )
