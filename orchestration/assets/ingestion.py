"""The source's files and the raw tables: what was found, what was accepted, what was quarantined.

Belongs here: calling the simulator and the landing, and reporting their figures. The rules are in `ingestion`.
"""

import inspect
from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg
import duckdb

from ingestion import contents, contract, landing
from ingestion.contract_fields import RawTable
from ingestion.loading import TableLoad
from orchestration.resources import POOL, Deployment

GROUP = "raw"
OWNERS = ["team:data-platform"]
CONTROL_TABLES = {
    "company_settings": "The company's settings as one row, for SQL to read.",
    "lead_ages": "Ages in days at which an open lead is scored.",
    "rule_points": "Points of the rule score.",
    "sales_targets": "Amount of deals to be won by month.",
    "stage_categories": "Forecast category of a deal stage.",
    "health_weights": "Weights of the parts of the health score.",
    "loads": "One row per table and landing: read, accepted, quarantined.",
}
# More than this share of a table's rows in quarantine is worth a person's look.
QUARANTINE_WARNING_RATIO = 0.01


@dg.asset(key=["source", "files"], group_name="source", owners=OWNERS, kinds={"file"})
def source_files(context: dg.AssetExecutionContext, deployment: Deployment) -> dg.MaterializeResult[None]:
    """The files of the company's source: found, or written by the simulator for the sample company."""
    source = deployment.company.source
    folder = deployment.source_folder / source.folder
    if source.kind == "simulator":
        from ingestion.simulator.run import simulate
        from ingestion.simulator.settings import SimulatorSettings

        wanted = SimulatorSettings.model_validate(source.simulator)
        simulate(wanted, folder, deployment.state / "truth", progress=context.log.info)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    return dg.MaterializeResult(
        metadata={
            "folder": dg.MetadataValue.path(str(folder)),
            "files": len(files),
            "megabytes": round(size / 1e6, 2),
        }
    )


def _specs() -> list[dg.AssetSpec]:
    raw = [
        dg.AssetSpec(
            ["raw", name],
            deps=[["source", "files"]],
            description=f"{inspect.getdoc(table.schema)} Grain: {table.grain} and version.",
            group_name=GROUP,
            owners=OWNERS,
            kinds={"duckdb", "table"},
            metadata={"dagster/column_schema": _column_schema(table)},
        )
        for name, table in contract.TABLES.items()
    ]
    control = [
        dg.AssetSpec(
            ["control", name],
            deps=[["source", "files"]],
            description=text,
            group_name="control",
            owners=OWNERS,
            kinds={"duckdb", "table"},
        )
        for name, text in CONTROL_TABLES.items()
    ]
    quarantined = [
        dg.AssetSpec(
            ["quarantine", name],
            deps=[["source", "files"]],
            description=f"Rows for raw.{name} that break the contract, with reasons. Grain: source row and load.",
            group_name="quarantine",
            owners=OWNERS,
            kinds={"duckdb", "table"},
        )
        for name in contract.TABLES
    ]
    return raw + control + quarantined


def _column_schema(table: RawTable) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.kind,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=column.name == table.key),
            )
            for column in table.columns
        ]
    )


def _checks() -> list[dg.AssetCheckSpec]:
    accounted = [
        dg.AssetCheckSpec(
            "rows_are_accounted_for",
            asset=["raw", name],
            blocking=True,
            description="Rows read = rows accepted + rows quarantined.",
        )
        for name in contract.TABLES
    ]
    quarantined = [
        dg.AssetCheckSpec(
            "matches_contract",
            asset=["raw", name],
            description="Hardly any row of the newest landing breaks the source contract.",
        )
        for name in contract.TABLES
    ]
    return accounted + quarantined


@dg.multi_asset(specs=_specs(), check_specs=_checks(), pool=POOL, name="land_raw_tables")
def raw_tables(
    context: dg.AssetExecutionContext, deployment: Deployment
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Land every table of the source: accept, quarantine, keep versions; the same input twice changes nothing."""
    company = deployment.company
    now = datetime.now(UTC).replace(tzinfo=None)
    # Before the landing: what changes meanwhile has another content afterwards, and is landed again.
    found = _contents(deployment)
    with deployment.warehouse() as connection:
        report = landing.land(
            connection,
            company,
            deployment.source_folder,
            now,
            progress=lambda table, rows: context.log.info(f"{table}: {rows:,} rows"),
        )
        totals = {name: _count(connection, name) for name in contract.TABLES}
    landed = {table.table: table for table in report.tables}
    for name, total in totals.items():
        # A table the source does not have is empty, and says so.
        table = landed.get(name, TableLoad(name, "", 0, 0, 0, 0, 0, 0))
        raw = deployment.asset_key("raw", name)
        yield dg.MaterializeResult(asset_key=raw, metadata=_figures(table, total, deployment))
        yield from _results(deployment, table)
        quarantine = deployment.asset_key("quarantine", name)
        yield dg.MaterializeResult(asset_key=quarantine, metadata={"quarantined_now": table.quarantined})
    for name in CONTROL_TABLES:
        # The sensor over the source's folder reads it: files that are landed need not be landed again.
        metadata = {"contents": found} if name == "loads" else {}
        yield dg.MaterializeResult(asset_key=deployment.asset_key("control", name), metadata=metadata)


def _contents(deployment: Deployment) -> str:
    """One name for the content of all files of the source."""
    source = deployment.company.source
    folder = deployment.source_folder / source.folder
    files = contents.files_of(folder, source) if folder.is_dir() else {}
    return contents.digest_of({name: contents.content_hash(one.path) for name, one in files.items()})


def _figures(table: TableLoad, total: int, deployment: Deployment) -> dict[str, int | str | dg.MetadataValue]:
    return {
        "dagster/row_count": total,
        "source_file": table.source_file or "not in this source",
        "rows_read": table.read,
        "rows_inserted": table.inserted,
        "rows_updated": table.updated,
        "rows_unchanged": table.unchanged,
        "rows_quarantined": table.quarantined,
        "rows_filtered": table.filtered,
        # Written by the checks that follow the landing.
        "data_docs": dg.MetadataValue.path(str(deployment.data_docs / f"{table.table}.html")),
    }


def _results(deployment: Deployment, table: TableLoad) -> Iterator[dg.AssetCheckResult]:
    ratio = table.quarantined / table.read if table.read else 0.0
    yield dg.AssetCheckResult(
        asset_key=deployment.asset_key("raw", table.table),
        check_name="rows_are_accounted_for",
        passed=table.read == table.accepted + table.quarantined,
        metadata={"read": table.read, "accepted": table.accepted, "quarantined": table.quarantined},
    )
    yield dg.AssetCheckResult(
        asset_key=deployment.asset_key("raw", table.table),
        check_name="matches_contract",
        passed=ratio <= QUARANTINE_WARNING_RATIO,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"quarantined_ratio": ratio, "limit": QUARANTINE_WARNING_RATIO},
    )


def _count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    return int(connection.execute(f'select count(*) from raw."{table}"').fetchall()[0][0])  # noqa: S608
