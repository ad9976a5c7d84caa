"""How dbt's models look in the asset graph: key, group, owner and kinds.

Belongs here: names and labels only. The keys follow the warehouse (`marts/fct_deals`), a group is a layer or an area
of the marts, owners come from the model's own `meta.owner`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY

from orchestration.checks import dbt_tests


class LayerTranslator(DagsterDbtTranslator):
    """Group dbt's assets by layer, and the marts by area; tests on sources are checks of the raw tables."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The parent's spec with our group, owner and kinds."""
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        if unique_id.startswith("source."):
            return spec
        node = manifest["nodes"][unique_id]
        owner = node["config"].get("meta", {}).get("owner")
        return spec.replace_attributes(
            group_name=_group(node),
            owners=[f"team:{owner}"] if owner else [],
            kinds={"dbt", "duckdb", "view" if node["config"]["materialized"] == "view" else "table"},
        )

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """One check for all tests of a table; None for a test that belongs to another one."""
        of_test = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        table = asset_spec.metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY]
        return None if of_test is None else dbt_tests.spec(asset_spec.key, table)


def _group(node: Mapping[str, Any]) -> str:
    """`models/marts/revenue/...` is `marts_revenue`, any other model its first folder, a seed `seeds`."""
    if node["resource_type"] == "seed":
        return "seeds"
    folders = node["fqn"][1:-1]
    return "_".join(folders[:2]) if folders[0] == "marts" else str(folders[0])
