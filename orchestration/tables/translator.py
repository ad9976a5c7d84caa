"""How dbt's models look in the asset graph: key, group, owner, kinds, tags, description, columns.

Belongs here: names and labels only. The keys follow the warehouse (`marts/fct_deals`), a group is a layer or an area of
the marts, owners come from the model's own `meta.owner`. What the columns say is `orchestration.tables.table_schemas`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY

from orchestration.tables.column_lineage import fresh_lineage
from orchestration.tables.table_schemas import TableSchemas
from orchestration.transformations import dbt_tests


class LayerTranslator(DagsterDbtTranslator):
    """Group dbt's assets by layer, and the marts by area; tests on sources are checks of the raw tables."""

    def __init__(self, prefix: Sequence[str] = ()) -> None:
        """A translator whose keys begin with `prefix`."""
        super().__init__(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True, enable_code_references=True))
        self._prefix = list(prefix)
        self._schemas: TableSchemas | None = None
        # dagster-dbt asks for a spec some ten times: for the asset, for each reader and for each test.
        self._specs: dict[str, dg.AssetSpec] = {}
        # Events of a run are translated without a project; the graph was made with one.
        self._project: DbtProject | None = None

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The parent's spec with our key, group, owner, kinds, tags and columns."""
        self._project = project or self._project
        if unique_id not in self._specs:
            self._specs[unique_id] = self._spec(manifest, unique_id, self._project)
        return self._specs[unique_id]

    def _spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        if self._prefix:
            spec = spec.replace_attributes(key=spec.key.with_prefix(self._prefix))
        if unique_id.startswith("source."):
            return spec
        node = manifest["nodes"][unique_id]
        owner = node["config"].get("meta", {}).get("owner")
        return spec.replace_attributes(
            group_name=_group(node),
            owners=[f"team:{owner}"] if owner else [],
            kinds={"dbt", "duckdb", "view" if node["config"]["materialized"] == "view" else "table"},
            tags={**spec.tags, **_tags(node)},
        ).merge_attributes(**self._columns(manifest, node, project))

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own words; its SQL is metadata, so that the grain stands last and in sight."""
        return str(dbt_resource_props["description"])

    def _columns(
        self, manifest: Mapping[str, Any], node: Mapping[str, Any], project: DbtProject | None
    ) -> dict[str, Any]:
        if project is None or node["resource_type"] not in ("model", "seed"):
            return {}
        if self._schemas is None:
            self._schemas = TableSchemas(manifest, fresh_lineage(project.manifest_path), self._prefix)
        metadata = {
            "dagster/column_schema": self._schemas.schema(node),
            "dagster/column_lineage": self._schemas.lineage(node),
            **({"sql": dg.MetadataValue.md(f"```sql\n{node['raw_code']}\n```")} if node["raw_code"] else {}),
        }
        return {"metadata": metadata, "tags": {"personal": "derived"} if self._schemas.is_personal(node) else {}}

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """One check for all tests of a table; None for a test that belongs to another one."""
        of_test = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        table = asset_spec.metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY]
        return None if of_test is None else dbt_tests.spec(asset_spec.key, table)


def _tags(node: Mapping[str, Any]) -> dict[str, str]:
    """Layer, the area it belongs to, and how often it is made."""
    folders = ["seeds"] if node["resource_type"] == "seed" else node["fqn"][1:-1]
    area = {"area": folders[1]} if len(folders) > 1 else {}
    return {"layer": folders[0], "cadence": "monthly" if folders[0] == "features" else "daily", **area}


def _group(node: Mapping[str, Any]) -> str:
    """`models/marts/revenue/...` is `marts_revenue`, any other model its first folder, a seed `seeds`."""
    if node["resource_type"] == "seed":
        return "seeds"
    folders = node["fqn"][1:-1]
    return "_".join(folders[:2]) if folders[0] == "marts" else str(folders[0])
