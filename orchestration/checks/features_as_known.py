"""Stored features equal those derived anew from what was known at `as_of`; blocking, on the feature tables.

Belongs here: which month is compared and what the check reports. How features are derived anew is
`orchestration.transformations.rederivation`, how two frames are compared `ml.leakage`.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import dagster as dg

from feature_definitions import registry
from feature_definitions.base import FeatureView
from orchestration import markdown
from orchestration.resources import POOL, Deployment

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

CHECK = "is_as_known"
DIFFERENCES_SHOWN = 10


def as_known_checks() -> list[dg.AssetChecksDefinition]:
    """One blocking check per feature view, each a step of its own: a leak in a view stops only what reads that view."""
    return [_as_known_check(view) for view in registry.VIEWS]


def _as_known_check(view: FeatureView) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=["features", view.name],
        name=CHECK,
        blocking=True,
        pool=POOL,
        description="An old month derived anew from the raw rows known at its end gives the stored features.",
    )
    def is_as_known(context: dg.AssetCheckExecutionContext, deployment: Deployment) -> dg.AssetCheckResult:
        return _of_run(context.run.run_id, deployment)[view.name]

    return is_as_known


@lru_cache(maxsize=1)
def _of_run(_run_id: str, deployment: Deployment) -> dict[str, dg.AssetCheckResult]:
    """All views are derived anew together, once for the steps of a run that share a process."""
    return results(deployment)


def results(deployment: Deployment) -> dict[str, dg.AssetCheckResult]:
    """The check of every view for the month in the middle of the history, by the view's name."""
    from orchestration.transformations import rederivation

    views = registry.VIEWS
    with deployment.warehouse(read_only=True) as connection:
        month = rederivation.middle_month(connection, views)
        if month is None:
            return {view.name: _result(passed=True, reason="no feature table holds a row") for view in views}
        stored = {view.name: rederivation.stored_rows(connection, view, month) for view in views}
    derived = rederivation.derived_anew(deployment, views, month)
    return {view.name: _compared(view, stored[view.name], derived[view.name], month) for view in views}


def _compared(view: FeatureView, stored: "pd.DataFrame", derived: "pd.DataFrame", month: "date") -> dg.AssetCheckResult:
    from ml.leakage import are_as_known, differing_features

    names = [column.name for column in view.columns]
    differing = differing_features(stored, derived, [view.entity, "as_of"], names)
    gate = are_as_known(differing, len(stored), month)
    # As text: a difference may lie in the tenth digit.
    exact = differing.astype(dict.fromkeys({"stored", "derived"} & {*differing}, str))
    shown = markdown.of_frame(exact, DIFFERENCES_SHOWN) if len(exact) else "none"
    return _result(passed=gate.passed, reason=gate.reason, differences=dg.MetadataValue.md(shown))


def _result(*, passed: bool, reason: str, **metadata: dg.MarkdownMetadataValue) -> dg.AssetCheckResult:
    told = None if passed else f"{reason}. Models that read the view wait."
    return dg.AssetCheckResult(passed=passed, description=told, metadata={"reason": reason, **metadata})
