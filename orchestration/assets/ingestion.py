"""The source's files and the raw tables: what was found, what was accepted, what was quarantined.

Belongs here: calling the simulator and the landing, and reporting their figures. The rules are in `ingestion`.
"""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb

from ingestion import contents, contract, landing
from ingestion.loading import TableLoad
from orchestration import markdown
from orchestration.resources import POOL, Deployment
from orchestration.tables import landed_tables
from orchestration.tables.declared_columns import DATABASE
from orchestration.tables.table_schemas import PERSONAL

OWNERS = ["team:data-platform"]
CADENCE = {"cadence": "daily"}
CONTROL_TABLES = {
    "company_settings": "The company's settings, for SQL to read. Grain: one row.",
    "lead_ages": "Ages in days at which an open lead is scored. Grain: age.",
    "rule_points": "Points of the rule score. Grain: attribute and value.",
    "sales_targets": "Amount of deals to be won. Grain: month.",
    "stage_categories": "Forecast category of a deal stage. Grain: stage.",
    "health_weights": "Weights of the parts of the health score. Grain: part.",
    "loads": "What each landing read, accepted and quarantined. Grain: table and landing.",
}
# More than this share of a table's rows in quarantine is worth a person's look.
QUARANTINE_WARNING_RATIO = 0.01
FILES_SHOWN = 30
REASONS_SHOWN = 20
# A reason, the rows that have it, and where one of them lies: file and line.
Refused = tuple[str, int, str, int]


@dg.asset(
    key=["source", "files"],
    group_name="source",
    owners=OWNERS,
    kinds={"file"},
    tags={"layer": "source", **CADENCE},
    description=(
        "The files of the company's source: found, or written by the simulator for the sample company. Grain: file."
    ),
)
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
            "contents": _listing(files, folder),
            "megabytes": round(size / 1e6, 2),
        }
    )


def _listing(files: Sequence[Path], folder: Path) -> dg.MetadataValue:
    """The files with size and day, the newest first."""
    found = sorted(((path.stat(), path) for path in files), key=lambda one: one[0].st_mtime, reverse=True)
    rows = (
        (str(path.relative_to(folder)), f"{facts.st_size / 1e3:,.1f}", datetime.fromtimestamp(facts.st_mtime, UTC))
        for facts, path in found
    )
    return dg.MetadataValue.md(markdown.table(["file", "kB", "changed, UTC"], rows, most=FILES_SHOWN))


def _is_personal(table: str) -> bool:
    return any(column.startswith(f"raw.{table}.") for column in PERSONAL)


def _specs() -> list[dg.AssetSpec]:
    raw = [
        _spec("raw", name, f"{inspect.getdoc(table.schema)} Grain: {table.grain} and version.")
        for name, table in contract.TABLES.items()
    ]
    control = [_spec("control", name, text) for name, text in CONTROL_TABLES.items()]
    refused = "Rows for raw.{} that break the contract, with reasons. Grain: source row and load."
    return [*raw, *control, *(_spec("quarantine", name, refused.format(name)) for name in contract.TABLES)]


def _spec(layer: str, name: str, description: str) -> dg.AssetSpec:
    is_personal = layer == "raw" and _is_personal(name)
    return dg.AssetSpec(
        [layer, name],
        deps=[["source", "files"]],
        description=description,
        group_name=layer,
        owners=OWNERS,
        kinds={"duckdb", "table"},
        metadata=_metadata(f"{layer}.{name}"),
        tags={"layer": layer, **CADENCE, **({"personal": "direct"} if is_personal else {})},
    )


def _metadata(table: str) -> dict[str, object]:
    return {"dagster/column_schema": landed_tables.schema(table), "dagster/table_name": f"{DATABASE}.{table}"}


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
        rows = _counts(connection)
        refused = {name: _refused(connection, name) for name in contract.TABLES}
    landed = {table.table: table for table in report.tables}
    for name in contract.TABLES:
        # A table the source does not have is empty, and says so.
        table = landed.get(name, TableLoad(name, "", 0, 0, 0, 0, 0, 0))
        raw = deployment.asset_key("raw", name)
        yield dg.MaterializeResult(asset_key=raw, metadata=_figures(table, rows["raw", name], deployment))
        yield from _results(deployment, table, refused[name])
        yield dg.MaterializeResult(
            asset_key=deployment.asset_key("quarantine", name),
            metadata={
                "dagster/row_count": rows["quarantine", name],
                "quarantined_now": table.quarantined,
                "reasons": _as_table(refused[name]),
            },
        )
    for name in CONTROL_TABLES:
        # The sensor over the source's folder reads it: files that are landed need not be landed again.
        told = {"contents": found} if name == "loads" else {}
        key, count = deployment.asset_key("control", name), rows["control", name]
        yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": count, **told})


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


def _results(deployment: Deployment, table: TableLoad, refused: Sequence[Refused]) -> Iterator[dg.AssetCheckResult]:
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
        # What a later delivery of the same landing mended waits for nobody.
        description=_mend(table, refused) if table.quarantined and refused else None,
        metadata={
            "quarantined_ratio": round(ratio, 6),
            "limit": QUARANTINE_WARNING_RATIO,
            "reasons": _as_table(refused),
        },
    )


def _counts(connection: duckdb.DuckDBPyConnection) -> Mapping[tuple[str, str], int]:
    """Rows of every table of the landing, by schema and name."""
    names = [("raw", name) for name in contract.TABLES] + [("quarantine", name) for name in contract.TABLES]
    names += [("control", name) for name in CONTROL_TABLES]
    query = 'select count(*) from {}."{}"'
    return {one: int(connection.execute(query.format(*one)).fetchall()[0][0]) for one in names}


def _refused(connection: duckdb.DuckDBPyConnection, table: str) -> list[Refused]:
    """Why rows of a table wait in quarantine, the most frequent reason first, each with an example."""
    # A reason begins with its own row, which is told as the example; without it equal reasons are one.
    return connection.execute(
        "select regexp_replace(reason, '^row [0-9]+, ', '') as told, count(*), any_value(source_file), "  # noqa: S608
        f"min(source_row) from (select unnest(reasons) as reason, source_file, source_row from quarantine.{table} "
        "where mended_at is null) group by 1 order by 2 desc, 1 limit ?",
        [REASONS_SHOWN],
    ).fetchall()


def _as_table(refused: Sequence[Refused]) -> dg.MetadataValue:
    """A table, because a check's panel shows one as it is and hides text behind a click."""
    if not refused:
        return dg.MetadataValue.text("none")
    return dg.MetadataValue.table(
        [
            dg.TableRecord({"reason": reason, "rows": count, "for example": f"{file}, line {row}"})
            for reason, count, file, row in refused
        ]
    )


def _mend(table: TableLoad, refused: Sequence[Refused]) -> str:
    """What a person is told of refused rows: how many, the most frequent reason, and what to do."""
    reason, count, file, row = refused[0]
    return (
        f"{table.quarantined:,} of {table.read:,} rows of the newest landing break the contract and wait in "
        f"quarantine.{table.table}. Most often ({count:,}): {reason} (for example {file}, line {row}). "
        "Mend them in the source; the next landing takes them back."
    )
