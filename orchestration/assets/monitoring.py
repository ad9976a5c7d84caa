"""The deployed models over time as assets: drift by month, matured statements, advice to retrain.

Belongs here: what waits for what, and what a person sees of it. What is compared with what is
`orchestration.learning.watching`; whether it warns is `orchestration.checks.monitoring`.
"""

from collections.abc import Iterator

import dagster as dg
import duckdb

from orchestration import markdown
from orchestration.assets.models import OWNERS
from orchestration.learning import watching
from orchestration.learning.watching import WATCHED
from orchestration.looks import looks
from orchestration.partitions import as_of
from orchestration.resources import POOL, Deployment
from orchestration.tables import declared_columns

DESCRIPTIONS = {
    "drift": (
        "How far a month's features and scores are from the rows that the served model learned from (PSI and "
        "Kolmogorov-Smirnov, each beside what chance reaches). Grain: model, month and feature or score."
    ),
    "performance": (
        "What past statements were worth once their outcome was known, beside what the training promised; only "
        "statements without foresight count. Grain: model, version, span of months and metric."
    ),
    "retraining_advice": "Whether to train again, and why. Grain: model.",
}
# What is shown of each: the performance of all months first, then month by month.
ORDER = {"performance": "last_as_of desc, first_as_of, model, model_version desc, metric", "retraining_advice": "model"}


def monitoring_assets(partitions: dg.TimeWindowPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """Drift by month; performance and advice of all months."""
    return [_drift_asset(partitions), _performance_assets()]


def _spec(table: str, deps: list[dg.AssetKey], partitions: dg.PartitionsDefinition | None = None) -> dg.AssetSpec:
    return dg.AssetSpec(
        ["monitoring", table],
        deps=deps,
        description=DESCRIPTIONS[table],
        group_name="monitoring",
        owners=OWNERS,
        kinds={"python", "duckdb", "table"},
        partitions_def=partitions,
        tags={"layer": "monitoring", "cadence": "monthly"},
        metadata=declared_columns.metadata(["monitoring", table], declared_columns.MONITORING[table]),
    )


def _predictions() -> list[dg.AssetKey]:
    return [dg.AssetKey(["predictions", model]) for model in WATCHED]


def _drift_asset(partitions: dg.TimeWindowPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name="watch_drift",
        specs=[_spec("drift", _predictions(), partitions)],
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def watch_drift(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult[None]:
        from ml import registry
        from orchestration.learning.training_inputs import Champion

        store, counts = deployment.model_store(), dict.fromkeys(context.partition_keys, 0)
        shifted: list[tuple[object, ...]] = []
        with deployment.warehouse() as connection:
            for model in WATCHED:
                champion: Champion
                champion, version = registry.load_champion(store, model)
                of = watching.served(connection, model, version.version)
                if of is None:
                    continue
                for month in context.partition_keys:
                    shifts = watching.write_drift(connection, deployment.company, champion, of, as_of(month))
                    counts[month] += len(shifts)
                    shifted += [
                        (model, month, one.name, one.psi, one.limit)
                        for one in shifts
                        if one.is_shifted or one.name == watching.SCORE
                    ]
            for month, count in counts.items():
                own = {"dagster/partition_row_count": count, **looks.drift(connection, as_of(month))}
                context.add_asset_metadata(own, partition_key=month)
        # The newest months come first: of a whole history only those fit a page.
        told = markdown.table(["model", "month", "shifted, or score", "PSI", "limit"], _newest_first(shifted))
        return dg.MaterializeResult(metadata={"shifts": dg.MetadataValue.md(told)})

    return watch_drift


def _newest_first(shifted: list[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(shifted, key=lambda row: str(row[1]), reverse=True)


def _performance_assets() -> dg.AssetsDefinition:
    drift = dg.AssetKey(["monitoring", "drift"])
    specs = [
        _spec("performance", _predictions()),
        _spec("retraining_advice", [drift, dg.AssetKey(["monitoring", "performance"])]),
    ]

    @dg.multi_asset(name="watch_performance", specs=specs, pool=POOL)
    def watch_performance(
        context: dg.AssetExecutionContext, deployment: Deployment
    ) -> Iterator[dg.MaterializeResult[None]]:
        from ml import registry

        store = deployment.model_store()
        with deployment.warehouse() as connection:
            watching.create(connection)
            for model in WATCHED:
                watching.write_performance(connection, deployment.company, model)
                champion = registry.champion_info(store, model)
                of = watching.served(connection, model, champion.version) if champion else None
                if of is not None:
                    advice, reasons = watching.write_advice(connection, deployment.company, of)
                    context.log.info(f"{model}: {advice}. " + "; ".join(reasons))
            yield _result(connection, deployment.asset_key("monitoring", "performance"))
            told = dg.MetadataValue.json(watching.advised(connection))
            yield _result(connection, deployment.asset_key("monitoring", "retraining_advice"), advice=told)

    return watch_performance


def _result(
    connection: duckdb.DuckDBPyConnection, key: dg.AssetKey, **metadata: dg.JsonMetadataValue
) -> dg.MaterializeResult[None]:
    frame = connection.execute(f"from {watching.SCHEMA}.{key.path[-1]} order by {ORDER[key.path[-1]]}").df()
    rows = dg.MetadataValue.md(markdown.of_frame(frame))
    return dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": len(frame), "rows": rows, **metadata})
