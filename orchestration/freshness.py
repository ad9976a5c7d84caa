"""How old what the pipeline makes may be: freshness policies by cadence, watched by Dagster's daemon.

Belongs here: the allowances, and to which assets they are given. Does not belong here: who is told of a late asset. A
company whose data end on a set day (`data_until`) is finished: nothing of it can be late.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import dagster as dg

from companies.settings import Company

# A day's allowance passes a run that took long or began late; the failing one passes a weekend without a run.
POLICIES: Final = {
    "daily": dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=30), fail_window=timedelta(hours=78)),
    "weekly": dg.FreshnessPolicy.time_window(warn_window=timedelta(days=9), fail_window=timedelta(days=16)),
    "monthly": dg.FreshnessPolicy.time_window(warn_window=timedelta(days=33), fail_window=timedelta(days=40)),
}
# What a person waits for. What stands between is as old as they are, and a mark on each would hide the cause.
WATCHED: Final = ("raw", "marts", "features", "metrics", "models", "predictions", "monitoring", "published")


def with_policies(assets: Sequence[dg.AssetsDefinition], company: Company) -> list[dg.AssetsDefinition]:
    """The assets, with a policy on those that are watched."""
    if company.data_until is not None:
        return list(assets)
    return [asset.map_asset_specs(_with_policy) for asset in assets]


def _with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
    policy = POLICIES.get(spec.tags.get("cadence", ""))
    if policy is None or spec.tags.get("layer") not in WATCHED:
        return spec
    return spec.replace_attributes(freshness_policy=policy)
