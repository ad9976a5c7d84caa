"""Stored features equal those derived anew from what was known at `as_of`; blocking, on the feature tables.

Belongs here: which month is compared and what the check reports. How features are derived anew is
`orchestration.rederivation`, how two frames are compared `ml.leakage`.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from feature_definitions import registry
from feature_definitions.base import FeatureView
from orchestration.resources import POOL, Deployment

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

CHECK = "is_as_known"
DIFFERENCES_SHOWN = 10


def as_known_checks() -> dg.AssetChecksDefinition:
    """One blocking check per feature view, all answered by one derivation of one month."""

    @dg.multi_asset_check(
        name="features_are_as_known",
        specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=["features", view.name],
                blocking=True,
                description="An old month derived anew from the raw rows known at its end gives the stored features.",
            )
            for view in registry.VIEWS
        ],
        pool=POOL,
    )
    def features_are_as_known(deployment: Deployment) -> Iterator[dg.AssetCheckResult]:
        yield from results(deployment)

    return features_are_as_known


def results(deployment: Deployment) -> Iterator[dg.AssetCheckResult]:
    """The check of every view for the month in the middle of the history."""
    from orchestration import rederivation

    views = registry.VIEWS
    with deployment.warehouse(read_only=True) as connection:
        month = rederivation.middle_month(connection, views)
        stored = {view.name: rederivation.stored_rows(connection, view, month) for view in views} if month else {}
    derived = rederivation.derived_anew(deployment, views, month) if month else {}
    for view in views:
        key = deployment.asset_key("features", view.name)
        if month is None:
            yield _result(key, passed=True, reason="no feature table holds a row")
        else:
            yield _compared(key, view, stored[view.name], derived[view.name], month)


def _compared(
    key: dg.AssetKey, view: FeatureView, stored: "pd.DataFrame", derived: "pd.DataFrame", month: "date"
) -> dg.AssetCheckResult:
    from ml.leakage import are_as_known, differing_features

    names = [column.name for column in view.columns]
    differing = differing_features(stored, derived, [view.entity, "as_of"], names)
    gate = are_as_known(differing, len(stored), month)
    shown = differing.head(DIFFERENCES_SHOWN).to_markdown(index=False) if len(differing) else "none"
    return _result(key, passed=gate.passed, reason=gate.reason, differences=dg.MetadataValue.md(str(shown)))


def _result(
    key: dg.AssetKey, *, passed: bool, reason: str, **metadata: dg.MarkdownMetadataValue
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=passed,
        metadata={"reason": reason, **metadata},
    )
