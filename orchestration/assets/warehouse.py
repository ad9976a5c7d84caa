"""dbt's models as assets: the warehouse layers, and the feature tables by monthly partition.

Belongs here: running dbt for a selection and attaching row counts. What the models compute is dbt's.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliInvocation, DbtProject, dbt_assets
from dagster_dbt.errors import DagsterDbtCliRuntimeError

from orchestration.dead_runs import noted_dbt
from orchestration.manifest import project
from orchestration.partitions import as_of
from orchestration.passing_faults import tried_again
from orchestration.resources import POOL, Deployment, LeanDbt, environment
from orchestration.translator import LayerTranslator

FEATURES = "path:models/features"


def warehouse_assets(partitions: dg.TimeWindowPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """All dbt models: staging to marts without partitions, features by `as_of` month."""
    dbt_project = project()
    return [_layers(dbt_project), _features(dbt_project, partitions)]


def _layers(dbt_project: DbtProject) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=dbt_project.manifest_path,
        exclude=FEATURES,
        project=dbt_project,
        name="dbt_warehouse",
        dagster_dbt_translator=LayerTranslator(),
        pool=POOL,
    )
    def build_warehouse(context: dg.AssetExecutionContext, dbt: LeanDbt, deployment: Deployment) -> Iterator[Any]:
        yield from _build(context, dbt, deployment)

    return build_warehouse


def _features(dbt_project: DbtProject, partitions: dg.TimeWindowPartitionsDefinition) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=dbt_project.manifest_path,
        select=FEATURES,
        project=dbt_project,
        name="dbt_features",
        dagster_dbt_translator=LayerTranslator(),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def build_features(context: dg.AssetExecutionContext, dbt: LeanDbt, deployment: Deployment) -> Iterator[Any]:
        months = context.partition_key_range
        yield from _build(
            context,
            dbt,
            deployment,
            LIFECYCLE_AS_OF_START=as_of(months.start).isoformat(),
            LIFECYCLE_AS_OF_END=as_of(months.end).isoformat(),
        )

    return build_features


def _build(context: dg.AssetExecutionContext, dbt: LeanDbt, deployment: Deployment, **variables: str) -> Iterator[Any]:
    """Run `dbt build` for the selected assets; its events come once dbt has ended and the file is free again."""
    target = deployment.state / "dbt" / context.op_execution_context.op.name
    with environment(LIFECYCLE_WAREHOUSE=str(deployment.warehouse_path), DO_NOT_TRACK="1", **variables):
        # Unit tests judge the SQL, not the data: the test suite runs them.
        invocation = dbt.cli(["build", "--exclude-resource-type", "unit_test"], context=context, target_path=target)
        with noted_dbt(deployment.state, invocation.process.pid):
            events, failure = _events(invocation)
    yield from _with_row_counts(events, invocation.manifest["nodes"], deployment)
    if failure is not None:
        with tried_again():
            raise failure


def _events(invocation: DbtCliInvocation) -> tuple[list[Any], DagsterDbtCliRuntimeError | None]:
    """All events of a dbt run, and its failure if it failed: a failed test must still be seen as a failed check."""
    events: list[Any] = []
    try:
        events.extend(invocation.stream())
    except DagsterDbtCliRuntimeError as failure:
        return events, failure
    return events, None


def _with_row_counts(events: list[Any], nodes: Mapping[str, Any], deployment: Deployment) -> Iterator[Any]:
    with deployment.warehouse(read_only=True) as connection:
        for event in events:
            node = _table(event, nodes)
            if node is None:
                yield event
                continue
            query = f'select count(*) from "{node["schema"]}"."{node["alias"]}"'  # noqa: S608 - names from the manifest
            count = connection.execute(query).fetchall()[0][0]
            found = {"dagster/row_count": count, **_documentation(node, deployment)}
            yield event.with_metadata({**event.metadata, **found})


def _documentation(node: Mapping[str, Any], deployment: Deployment) -> dict[str, dg.MetadataValue]:
    """Where the table is described, once `make docs` made the page."""
    if not deployment.dbt_docs.exists():
        return {}
    return {"dbt_docs": dg.MetadataValue.path(f"{deployment.dbt_docs}#!/{node['resource_type']}/{node['unique_id']}")}


def _table(event: Any, nodes: Mapping[str, Any]) -> Mapping[str, Any] | None:  # noqa: ANN401 - dagster-dbt's union
    """The manifest node of a materialized table's event; None for views and check results."""
    if not isinstance(event, (dg.Output, dg.AssetMaterialization)):
        return None
    unique_id = event.metadata.get("unique_id")
    node = nodes.get(str(getattr(unique_id, "value", None)))
    return None if node is None or node["config"]["materialized"] in ("view", "ephemeral") else node
