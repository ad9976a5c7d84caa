"""Open data-quality findings as checks of the raw tables that they are about.

Belongs here: the translation of the marts of findings into check results; they warn and never block, because a row
with a finding stays where it is. Does not belong here: the rules (dbt's `int_findings_*`).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import duckdb

from ingestion import contract
from orchestration.resources import POOL, Deployment

CHECK = "has_no_open_findings"
MARTS = ("fct_data_quality_by_rule", "fct_data_quality_scores")
# A finding of severity info is a hint to a person, nothing that should not be.
FAILING = ("error", "warning")
COLUMNS = {
    "rule": "string",
    "severity": "string",
    "open_findings_count": "int",
    "open_rows_count": "int",
    "owner": "string",
    "mend": "string",
    "example": "string",
}
SCHEMA = dg.TableSchema([dg.TableColumn(column, kind) for column, kind in COLUMNS.items()])


def _specs() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(
            CHECK,
            asset=["raw", table],
            additional_deps=[["marts", mart] for mart in MARTS],
            blocking=False,
            description="No open finding of severity warning or error; those of severity info are listed only.",
        )
        for table in contract.TABLES
    ]


@dg.multi_asset_check(name="data_quality_findings", specs=_specs(), can_subset=True, pool=POOL)
def finding_checks(context: dg.AssetCheckExecutionContext, deployment: Deployment) -> Iterator[dg.AssetCheckResult]:
    """One result per raw table, from the findings of the newest run of dbt."""
    with deployment.warehouse(read_only=True) as connection:
        is_built = _is_built(connection)
        for key in sorted(context.selected_asset_check_keys):
            yield _result(connection, key.asset_key) if is_built else _unjudged(key.asset_key)


def _is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    rows = connection.execute("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
    return set(MARTS) <= {name for (name,) in rows}


def _unjudged(key: dg.AssetKey) -> dg.AssetCheckResult:
    reason = "The marts are not built yet: run refresh_warehouse."
    return _told(key, passed=False, metadata={"reason": reason})


def _result(connection: duckdb.DuckDBPyConnection, key: dg.AssetKey) -> dg.AssetCheckResult:
    table = key.path[-1]
    names = ", ".join(COLUMNS)
    rows = connection.execute(
        f"select {names} from marts.fct_data_quality_by_rule "  # noqa: S608 - names of ours
        "where table_name = ? and open_findings_count > 0 order by weighted_rows_count desc, rule, source",
        [table],
    ).fetchall()
    found = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    metadata: dict[str, Any] = {
        "open_findings": sum(row["open_findings_count"] for row in found),
        "rules": dg.MetadataValue.table([dg.TableRecord(row) for row in found], schema=SCHEMA),
    }
    score = _score(connection, table)
    if score is not None:
        metadata["score"] = round(score, 2)
    return _told(key, passed=not any(row["severity"] in FAILING for row in found), metadata=metadata)


def _score(connection: duckdb.DuckDBPyConnection, table: str) -> float | None:
    """The table's score over all its sources; None without rows."""
    query = (
        "select 100 * (1 - sum(weighted_rows_count) / nullif(sum(rows_count), 0)) "
        "from marts.fct_data_quality_scores where table_name = ?"
    )
    value = connection.execute(query, [table]).fetchall()[0][0]
    return None if value is None else float(value)


def _told(key: dg.AssetKey, *, passed: bool, metadata: dict[str, Any]) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )
