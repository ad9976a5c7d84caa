"""dbt's models as assets: the warehouse layers, and the feature tables by monthly partition.

Belongs here: running dbt for a selection, attaching row counts, and withholding a table whose tests do not hold. What
the models compute is dbt's, what a check says of a test `orchestration.transformations.dbt_tests`.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt import DbtCliInvocation, DbtProject, dbt_assets
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY, get_manifest_and_translator_from_dbt_assets

from orchestration import coverage
from orchestration.environment import environment
from orchestration.looks import looks
from orchestration.partitions import as_of
from orchestration.resources import POOL, Deployment
from orchestration.runs.dead_runs import noted_dbt
from orchestration.runs.passing_faults import tried_again
from orchestration.tables.translator import LayerTranslator
from orchestration.transformations import dbt_results, dbt_tests
from orchestration.transformations.dbt_results import DbtResults
from orchestration.transformations.lean_dbt import LeanDbt
from orchestration.transformations.manifest import project

FEATURES = "path:models/features"
SELECTIONS = {"dbt_warehouse": ("--exclude", FEATURES), "dbt_features": ("--select", FEATURES)}
# What dbt says of every table: the definition names the model, the run whether it succeeded.
NOISE = ("unique_id", "invocation_id", "status")
# What the other tables of a step stand on: without it, there is nothing that could go on.
ANCHORS = {"dbt_warehouse": "int_observation_window", "dbt_features": "int_customer_as_of"}


def warehouse_assets(
    partitions: dg.TimeWindowPartitionsDefinition, prefix: Sequence[str] = ()
) -> tuple[list[dg.AssetsDefinition], list[dg.AssetChecksDefinition]]:
    """All dbt models, staging to marts without partitions, features by `as_of` month; and the end check of each step.

    Args:
        prefix: what comes first in every key.
    """
    dbt_project, translator = project(), LayerTranslator(prefix)
    steps = [_layers(dbt_project, translator), _features(dbt_project, translator, partitions)]
    return steps, [dbt_tests.end_check(step.op.name, _anchor(step)) for step in steps]


def _anchor(step: dg.AssetsDefinition) -> dg.AssetKey:
    return next(key for key in step.keys if key.path[-1] == ANCHORS[step.op.name])


def _layers(dbt_project: DbtProject, translator: LayerTranslator) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=dbt_project.manifest_path,
        exclude=FEATURES,
        project=dbt_project,
        name="dbt_warehouse",
        dagster_dbt_translator=translator,
        pool=POOL,
    )
    def build_warehouse(context: dg.AssetExecutionContext, dbt: LeanDbt, deployment: Deployment) -> Iterator[Any]:
        yield from _build(context, dbt, deployment)

    return build_warehouse


def _features(
    dbt_project: DbtProject, translator: LayerTranslator, partitions: dg.TimeWindowPartitionsDefinition
) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=dbt_project.manifest_path,
        select=FEATURES,
        project=dbt_project,
        name="dbt_features",
        dagster_dbt_translator=translator,
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
    """Run `dbt build` for what is asked for; its events come once dbt has ended and the file is free again.

    A table that a test of severity error denies is not yielded: Dagster skips what reads it, and the step's end check
    fails the run. Any other failure of dbt fails the step.
    """
    manifest, translator, dbt_project = get_manifest_and_translator_from_dbt_assets([context.assets_def])
    tests = dbt_tests.tests_by_table(manifest, translator, dbt_project or project())
    target = deployment.state / "dbt" / context.op_execution_context.op.name
    # Unit tests judge the SQL, not the data: the test suite runs them.
    arguments = ["build", "--exclude-resource-type", "unit_test", *_selection(context, manifest, tests)]
    with environment(LIFECYCLE_WAREHOUSE=str(deployment.warehouse_path), DO_NOT_TRACK="1", **variables):
        invocation = dbt.cli(
            arguments, manifest=manifest, dagster_dbt_translator=translator, target_path=target, raise_on_error=False
        )
        with _ended(invocation.process), noted_dbt(deployment.state, invocation.process.pid):
            found = _events(invocation, context)
    # With what dbt compiled: features are derived anew from both.
    shutil.copyfile((dbt_project or project()).manifest_path, target / "manifest.json")
    failure = invocation.get_error()
    denied = {key for key, of_table in tests.items() if _is_denied(of_table, found)}
    held = [output for output in found.outputs if _key(context, output) not in denied]
    yield from _with_row_counts(context, held, manifest["nodes"], deployment)
    yield from _checks(context, deployment, target, tests, found)
    if failure is not None and not (found.only_tests_failed and _is_told_later(context, held, denied)):
        with tried_again():
            raise failure


def _selection(
    context: dg.AssetExecutionContext, manifest: Mapping[str, Any], tests: Mapping[dg.AssetKey, Sequence[Any]]
) -> Sequence[str]:
    """What dbt is to build: the step's folders, or the tables and the tests of other tables that are asked for."""
    step = context.assets_def
    asked = context.selected_asset_keys
    if asked == set(step.node_keys_by_output_name.values()):
        return SELECTIONS[context.op_execution_context.op.name]
    tables = [step.get_asset_spec(key).metadata[DAGSTER_DBT_UNIQUE_ID_METADATA_KEY] for key in asked]
    checked = [key.asset_key for key in context.selected_asset_check_keys if key.asset_key not in asked]
    unique_ids = [*tables, *(test.unique_id for key in checked for test in tests[key])]
    return ["--select", " ".join(sorted(".".join(manifest["nodes"][unique_id]["fqn"]) for unique_id in unique_ids))]


def _events(invocation: DbtCliInvocation, context: dg.AssetExecutionContext) -> DbtResults:
    """All that dbt said, once it has ended: a failed test must still be seen as a failed check."""
    return dbt_results.read(
        invocation.stream_raw_events(),
        lambda event: event.to_default_asset_events(
            invocation.manifest, invocation.dagster_dbt_translator, context, invocation.target_path
        ),
    )


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Dbt does not outlive its step: where that fails, nobody reads what dbt says, and it would hold the warehouse."""
    try:
        yield
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _key(context: dg.AssetExecutionContext, output: dg.Output[None]) -> dg.AssetKey:
    key: dg.AssetKey = context.asset_key_for_output(output.output_name)
    return key


def _is_denied(tests: Sequence[dbt_tests.Test], found: DbtResults) -> bool:
    return any(test.unique_id in found.tests and found.tests[test.unique_id].stops for test in tests)


def _checks(
    context: dg.AssetExecutionContext,
    deployment: Deployment,
    target: Path,
    tests: Mapping[dg.AssetKey, Sequence[dbt_tests.Test]],
    found: DbtResults,
) -> Iterator[dg.AssetCheckResult]:
    """A result for each table that is to be checked and whose tests were run."""
    nodes = get_manifest_and_translator_from_dbt_assets([context.assets_def])[0]["nodes"]
    denied = [test.unique_id for test in found.tests.values() if test.status in (dbt_results.WARNS, dbt_results.FAILED)]
    with deployment.warehouse(read_only=True) as connection:
        rows = {each: dbt_results.denying_rows(connection, target, nodes[each]) for each in denied}
    for key in sorted(check.asset_key for check in context.selected_asset_check_keys):
        if any(test.unique_id in found.tests for test in tests[key]):
            yield dbt_tests.result(key, tests[key], found, rows)


def _is_told_later(
    context: dg.AssetExecutionContext, held: Sequence[dg.Output[None]], denied: set[dg.AssetKey]
) -> bool:
    """Whether the end check will be reached, and knows of every table that is withheld."""
    op = context.op_execution_context
    is_anchored = any(_key(context, output).path[-1] == ANCHORS[op.op.name] for output in held)
    checked = {check.asset_key for check in context.selected_asset_check_keys}
    return is_anchored and denied <= checked and op.job_def.has_node_named(dbt_tests.end_check_name(op.op.name))


def _with_row_counts(
    context: dg.AssetExecutionContext,
    outputs: Sequence[dg.Output[None]],
    nodes: Mapping[str, Any],
    deployment: Deployment,
) -> Iterator[dg.Output[None]]:
    """The tables with their rows and what they say now; a view is read by its tables, and not counted."""
    with deployment.warehouse(read_only=True) as connection:
        for output in outputs:
            node = nodes[str(output.metadata["unique_id"].value)]
            said = {name: output.metadata[name] for name in output.metadata if name not in NOISE}
            if node["config"]["materialized"] == "view":
                yield output.with_metadata(said)
                continue
            table = f"{node['schema']}.{node['alias']}"
            count = connection.execute(f"select count(*) from {table}").fetchall()[0][0]  # noqa: S608 - our names
            if context.assets_def.partitions_def is not None:
                _count_months(context, _key(context, output), table, connection)
            shown = looks.of_table(table, connection)
            # Schedules and sensors read it from here: they never open the warehouse.
            told = coverage.metadata(connection) if node["name"] == coverage.WINDOW else {}
            found = {"dagster/row_count": count, **shown, **_documentation(node, deployment), **told}
            yield output.with_metadata({**found, **said})


def _count_months(
    context: dg.AssetExecutionContext, key: dg.AssetKey, table: str, connection: duckdb.DuckDBPyConnection
) -> None:
    """Each month's own rows: none where the data do not reach, though the month is over."""
    query = f"select strftime(as_of, '%Y-%m'), count(*) from {table} group by 1"  # noqa: S608 - our names
    counts = dict(connection.execute(query).fetchall())
    for month in context.partition_keys:
        own = {"dagster/partition_row_count": counts.get(month, 0)}
        context.add_asset_metadata(own, asset_key=key, partition_key=month)


def _documentation(node: Mapping[str, Any], deployment: Deployment) -> dict[str, dg.MetadataValue]:
    """Where the table is described, once `make docs` made the page."""
    if not deployment.dbt_docs.exists():
        return {}
    return {"dbt_docs": dg.MetadataValue.path(f"{deployment.dbt_docs}#!/{node['resource_type']}/{node['unique_id']}")}
