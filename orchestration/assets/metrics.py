"""The metrics layer as assets: what each metric means, and its values by month.

Belongs here: computing all values after the warehouse is built, and reporting them. The definitions are dbt's
(`dbt_project/models/metrics`), reading and computing them is `orchestration.metrics.metric_layer`.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from orchestration.markdown import table
from orchestration.metrics import metric_values
from orchestration.metrics.metric_layer import Definition, MetricLayer
from orchestration.metrics.metrics_report import as_text
from orchestration.resources import POOL, Deployment
from orchestration.tables import declared_columns

OWNERS = ["team:data-platform"]
DESCRIPTIONS = {
    "metric_definitions": "What each metric means: formula, grain, dimensions, owner, caveat, version. Grain: metric.",
    "metric_values": (
        "Every metric by month, of the whole company and by its dimensions, computed from its one definition. "
        "Grain: metric, month, dimension and dimension value."
    ),
}


def metric_assets() -> dg.AssetsDefinition:
    """Both tables, made together."""
    layer = MetricLayer()
    specs = [
        dg.AssetSpec(
            ["metrics", table],
            deps=[["marts", name] for name in sorted(layer.tables)],
            description=description,
            group_name="metrics",
            owners=OWNERS,
            kinds={"dbt", "duckdb", "table"},
            tags={"layer": "metrics", "cadence": "daily"},
            metadata=declared_columns.metadata(["metrics", table], declared_columns.METRICS[table]),
        )
        for table, description in DESCRIPTIONS.items()
    ]

    @dg.multi_asset(specs=specs, pool=POOL, name="compute_metrics")
    def compute_metrics(
        context: dg.AssetExecutionContext, deployment: Deployment
    ) -> Iterator[dg.MaterializeResult[None]]:
        with deployment.warehouse() as connection:
            rows = metric_values.write(connection, layer)
            newest = metric_values.newest(connection)
        context.log.info(f"{len(layer.definitions)} metrics, {rows:,} values")
        yield dg.MaterializeResult(
            asset_key=deployment.asset_key("metrics", "metric_definitions"),
            metadata={
                "dagster/row_count": len(layer.definitions),
                "definitions": dg.MetadataValue.md(_as_markdown(layer.definitions)),
            },
        )
        shown = f"Amounts in {deployment.company.currency}.\n\n{_newest_as_markdown(layer.definitions, newest)}"
        yield dg.MaterializeResult(
            asset_key=deployment.asset_key("metrics", "metric_values"),
            metadata={"dagster/row_count": rows, "newest": dg.MetadataValue.md(shown)},
        )

    return compute_metrics


def _newest_as_markdown(definitions: tuple[Definition, ...], newest: Mapping[str, metric_values.Newest]) -> str:
    """The company's value of each metric that has one, beside the one a year before."""
    rows = []
    for one in definitions:
        if one.name in newest:
            month, value, before = newest[one.name]
            rows.append((one.label, f"{month:%Y-%m}", as_text(value, one.unit), as_text(before, one.unit)))
    return table(["metric", "month", "value", "a year before"], rows, most=len(rows))


def _as_markdown(definitions: tuple[Definition, ...]) -> str:
    rows = [(one.name, one.formula, one.unit, one.owner, one.version) for one in definitions]
    return table(["metric", "formula", "unit", "owner", "version"], rows, most=len(rows))
