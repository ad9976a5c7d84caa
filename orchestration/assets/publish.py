"""The published snapshot as an asset: what readers see, switched atomically.

Belongs here: which tables are published and under which keys they are looked up. How a version is written and
switched is `orchestration.snapshot`.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb

from feature_definitions import registry
from feature_definitions.entities import ENTITIES
from feature_definitions.online import online_sql, online_table
from orchestration import snapshot
from orchestration.learning import records
from orchestration.looks import snapshot_looks
from orchestration.resources import POOL, Deployment
from orchestration.snapshot import Face

MODELS = ("churn", "clv", "lead_score", "win_probability", "revenue")
KEYS = ("account_id", "lead_id", "deal_id", "subscription_id")
# A handful of versions lets slow readers finish and a person compare yesterday with today.
VERSIONS_KEPT = 5
WHOLE_SCHEMAS = ("marts", "metrics", "models", "monitoring")
LANDING = (
    Face("control", "loads"),
    Face("control", "company_settings"),
)


def published_asset() -> dg.AssetsDefinition:
    """The snapshot asset; it waits for all predictions, which wait for everything else."""

    @dg.asset(
        key=["published", "snapshot"],
        group_name="published",
        owners=["team:data-platform"],
        kinds={"sqlite", "duckdb", "parquet"},
        tags={"layer": "published", "cadence": "daily"},
        metadata={"dagster/column_schema": dg.TableSchema(_columns())},
        description=(
            "One immutable version of marts, features, predictions and figures for readers; old versions are pruned. "
            "Grain: version."
        ),
        deps=[
            *(dg.AssetKey(["predictions", name]) for name in MODELS),
            dg.AssetKey(["metrics", "metric_values"]),
            dg.AssetKey(["monitoring", "retraining_advice"]),
        ],
        pool=POOL,
    )
    def published_snapshot(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult[None]:
        now = datetime.now(UTC)
        before = snapshot.current(deployment.published)
        with deployment.warehouse() as connection:
            records.create(connection)
            made = snapshot.publish(
                connection,
                deployment.published,
                faces(connection),
                version=snapshot.next_version(deployment.published, now),
                at=now.isoformat(timespec="seconds"),
                as_of=_last_as_of(connection),
            )
        changed = snapshot_looks.changes(deployment.published, before, made)
        pruned = snapshot.prune(deployment.published, VERSIONS_KEPT)
        context.log.info(f"published version {made.version}: {sum(made.rows.values())} rows in {len(made.rows)} tables")
        return _result(made, made.path(deployment.published), len(pruned), changed)

    return published_snapshot


def _columns() -> list[dg.TableColumn]:
    """What `snapshot.json` in a version's folder says of it."""
    return [
        dg.TableColumn("version", "varchar", description="Name of the version: when it was made, UTC."),
        dg.TableColumn("folder", "varchar", description="Folder with an SQLite, a DuckDB and Parquet files."),
        dg.TableColumn("published_at", "timestamp", description="When readers were switched to it."),
        dg.TableColumn("as_of", "date", description="Newest month end that the data cover."),
        dg.TableColumn("rows", "json", description="Rows of each published table."),
    ]


def _result(
    made: snapshot.Snapshot, folder: Path, pruned: int, changed: Mapping[str, dg.MetadataValue]
) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(
        metadata={
            "version": made.version,
            "folder": dg.MetadataValue.path(str(folder)),
            "as_of": made.as_of,
            **changed,
            "pruned_versions": pruned,
            "rows": dg.MetadataValue.json(made.rows),
            "dagster/row_count": sum(made.rows.values()),
        }
    )


def faces(connection: duckdb.DuckDBPyConnection) -> list[Face]:
    """Every mart, every ledger's newest statements, the newest features, the trainings and the landing's counts."""
    rows = connection.execute(
        "select table_schema, table_name, list(column_name) from information_schema.columns group by all order by 1, 2"
    ).fetchall()
    found = []
    for schema, table, columns in rows:
        keys = tuple(key for key in KEYS if key in columns)
        if schema in WHOLE_SCHEMAS:
            found.append(Face(schema, table, keys))
        elif schema == "predictions" and table.endswith("_latest"):
            name = f"{table.removesuffix('_latest')}_predictions"
            found.append(Face(schema, name, keys, query=f'select * from predictions."{table}"'))  # noqa: S608
    return [*found, *_online({f"{schema}.{table}" for schema, table, _ in rows}), *LANDING]


def _online(tables: Collection[str]) -> list[Face]:
    """The newest features of each entity whose views are all built."""
    views = {entity: registry.views_of(entity.key) for entity in ENTITIES}
    return [
        Face("features", online_table(entity), query=online_sql(views[entity]), primary_key=entity.key)
        for entity in ENTITIES
        if views[entity] and all(view.table in tables for view in views[entity])
    ]


def _last_as_of(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute("select last_as_of from intermediate.int_observation_window").fetchall()
    return str(rows[0][0]) if rows else ""
