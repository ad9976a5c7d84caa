"""The tables that landing writes: raw.*, quarantine.* and control.*, created from the contract.

Belongs here: DDL, run as often as one likes. Does not belong here: rows, or the schemas that dbt owns.
"""

import duckdb

from ingestion.contract import TABLES
from ingestion.contract_fields import RawTable

SYSTEM_COLUMNS: dict[str, str] = {
    "source": "VARCHAR NOT NULL",
    "known_at": "TIMESTAMP NOT NULL",
    "loaded_at": "TIMESTAMP NOT NULL",
    "row_hash": "VARCHAR NOT NULL",
    "source_file": "VARCHAR NOT NULL",
    "source_row": "BIGINT NOT NULL",
}

QUARANTINE_COLUMNS: dict[str, str] = {
    "load_id": "VARCHAR NOT NULL",
    "source": "VARCHAR NOT NULL",
    "source_file": "VARCHAR NOT NULL",
    "source_row": "BIGINT NOT NULL",
    "loaded_at": "TIMESTAMP NOT NULL",
    "reasons": "VARCHAR[] NOT NULL",
    "row": "VARCHAR NOT NULL",
    "mended_at": "TIMESTAMP",
}

SETTINGS_TABLES: dict[str, dict[str, str]] = {
    "company_settings": {
        "name": "VARCHAR NOT NULL",
        "business_model": "VARCHAR NOT NULL",
        "currency": "VARCHAR NOT NULL",
        "time_zone": "VARCHAR NOT NULL",
        "history_starts_on": "DATE NOT NULL",
        "data_until": "DATE",
        "grace_days": "INTEGER NOT NULL",
        "inactivity_days": "INTEGER NOT NULL",
        "open_lead_days": "INTEGER NOT NULL",
        "churn_horizon_days": "INTEGER NOT NULL",
        "lead_horizon_days": "INTEGER NOT NULL",
        "win_horizon_days": "INTEGER NOT NULL",
        "mql_max_score": "INTEGER NOT NULL",
        "sql_min_score": "INTEGER NOT NULL",
        "stale_mql_days": "INTEGER NOT NULL",
        "stale_sql_days": "INTEGER NOT NULL",
        "gross_margin_ratio": "DOUBLE NOT NULL",
        "leads_from": "DATE",
        "customers_from": "DATE",
        "implausible_money_factor": "DOUBLE NOT NULL",
        "stale_source_factor": "DOUBLE NOT NULL",
        "stale_source_min_days": "INTEGER NOT NULL",
        "incomplete_profile_min_missing": "INTEGER NOT NULL",
        "commit_min_probability": "DOUBLE NOT NULL",
        "best_case_min_probability": "DOUBLE NOT NULL",
    },
    "lead_ages": {"age_days": "INTEGER NOT NULL"},
    "rule_points": {"attribute": "VARCHAR NOT NULL", "value": "VARCHAR NOT NULL", "points": "INTEGER NOT NULL"},
    "sales_targets": {"month": "DATE NOT NULL", "amount": "DECIMAL(18,2) NOT NULL"},
    "stage_categories": {"stage": "VARCHAR NOT NULL", "category": "VARCHAR NOT NULL"},
    "health_weights": {"component": "VARCHAR NOT NULL", "weight": "DOUBLE NOT NULL"},
}

CONTROL_TABLES: dict[str, dict[str, str]] = {
    "loads": {
        "load_id": "VARCHAR NOT NULL",
        "table_name": "VARCHAR NOT NULL",
        "source_file": "VARCHAR NOT NULL",
        "rows_read": "BIGINT NOT NULL",
        "rows_filtered": "BIGINT NOT NULL",
        "rows_inserted": "BIGINT NOT NULL",
        "rows_updated": "BIGINT NOT NULL",
        "rows_unchanged": "BIGINT NOT NULL",
        "rows_quarantined": "BIGINT NOT NULL",
        "loaded_at": "TIMESTAMP NOT NULL",
    },
}


def raw_columns(table: RawTable) -> dict[str, str]:
    """Names and DuckDB types of a raw table: the contract's columns, then the system columns."""
    contract = {c.name: c.duckdb_type + ("" if c.nullable else " NOT NULL") for c in table.columns}
    return contract | SYSTEM_COLUMNS


def create_schemas(con: duckdb.DuckDBPyConnection) -> None:
    """Create the schemas, tables and columns of raw, quarantine and control that do not exist yet."""
    for schema in ("raw", "quarantine", "control"):
        con.execute(f"create schema if not exists {schema}")
    for name, table in TABLES.items():
        _create(con, f"raw.{name}", raw_columns(table))
        _create(con, f"quarantine.{name}", QUARANTINE_COLUMNS)
    for name, columns in CONTROL_TABLES.items():
        _create(con, f"control.{name}", columns)


def create_settings_table(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Create a table of settings anew and empty: it is no fact, and a later version may have more columns."""
    con.execute(f"create or replace table control.{name} ({_declared(SETTINGS_TABLES[name])})")


def _create(con: duckdb.DuckDBPyConnection, name: str, columns: dict[str, str]) -> None:
    """Create the table, or add the columns that came into the contract after the warehouse was made."""
    con.execute(f"create table if not exists {name} ({_declared(columns)})")
    known = {row[0] for row in con.execute(f"describe {name}").fetchall()}
    for column, kind in columns.items():
        if column not in known:
            con.execute(f'alter table {name} add column "{column}" {kind}')


def _declared(columns: dict[str, str]) -> str:
    return ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
