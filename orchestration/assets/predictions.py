"""The predictions of each month end as assets: the champion's statements, appended to the ledger.

Belongs here: running the champion for the months of a partition and reporting what was appended. What a champion is
shown is `orchestration.learning.scoring`, how the ledger keeps it `orchestration.learning.ledger`.
"""

from datetime import UTC, datetime

import dagster as dg

from orchestration.assets.models import FACTS, OWNERS, PROMISES
from orchestration.learning import ledger
from orchestration.looks import figures, looks
from orchestration.partitions import as_of
from orchestration.resources import POOL, Deployment
from orchestration.runs.passing_faults import tried_again
from orchestration.tables import declared_columns


def prediction_assets(partitions: dg.TimeWindowPartitionsDefinition) -> list[dg.AssetsDefinition]:
    """One asset per model, by `as_of` month."""
    return [_prediction_asset(name, partitions) for name in FACTS]


def _prediction_asset(name: str, partitions: dg.TimeWindowPartitionsDefinition) -> dg.AssetsDefinition:
    @dg.asset(
        key=["predictions", name],
        group_name="predictions",
        owners=OWNERS,
        kinds={"python", "duckdb", "table"},
        description=f"Append-only ledger. {PROMISES[name]} Grain: what is predicted, as_of, model version, statement.",
        deps=[dg.AssetKey(["models", name])],
        tags={"layer": "predictions", "cadence": "monthly"},
        metadata=declared_columns.metadata(
            ["predictions", name], {**declared_columns.LEDGERS[name], **declared_columns.STAMPS}
        ),
        partitions_def=partitions,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool=POOL,
    )
    def predict(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult[None]:
        return _predict(name, context, deployment)

    return predict


def _predict(name: str, context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult[None]:
    from ml import registry
    from orchestration.learning.scoring import SCORINGS
    from orchestration.learning.training_inputs import Champion

    champion: Champion
    with tried_again():
        champion, version = registry.load_champion(deployment.model_store(), name)
    scoring, made_at = SCORINGS[name], datetime.now(UTC).replace(tzinfo=None)
    appended = 0
    with deployment.warehouse() as connection:
        for month in context.partition_keys:
            rows = scoring.rows(connection, deployment.company, champion, as_of(month))
            added = ledger.append(
                connection,
                name,
                rows,
                keys=scoring.keys,
                model_version=version.version,
                status=version.status,
                run_id=context.run.run_id,
                made_at=made_at,
            )
            appended += added
            # Each month's own figures: a range of months is one run, and what it returns stands at all of them.
            own = {} if name == "revenue" and len(rows) else looks.predictions(rows)
            counts = {"dagster/partition_row_count": len(rows), "appended": added}
            context.add_asset_metadata({**counts, **own}, partition_key=month)
        shown = figures.of_forecast(connection, rows, deployment.company.currency) if name == "revenue" else {}
    context.log.info(f"{name}: {len(rows):,} statements about {month}, {appended:,} of them new to the ledger")
    told = {"model_version": version.version, "model_status": version.status}
    return dg.MaterializeResult(metadata={**told, **shown})
