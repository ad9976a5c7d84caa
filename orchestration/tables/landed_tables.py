"""Columns of the tables that landing writes, as the graph shows them and as lineage needs them.

Belongs here: names, types and descriptions of raw.*, quarantine.* and control.*, in Dagster's form. Does not belong
here: the tables themselves (`ingestion.warehouse_schema`), the source contract (`ingestion.contract`).
"""

from collections.abc import Mapping
from typing import Final

import dagster as dg

from ingestion import warehouse_schema
from ingestion.contract import TABLES

NOT_NULL: Final = " NOT NULL"
SYSTEM: Final = {
    "source": "System the row came from.",
    "known_at": "When the company could have known this version.",
    "loaded_at": "When it was landed.",
    "row_hash": "Hash of the row's content.",
    "source_file": "File it came from.",
    "source_row": "Line in that file.",
}
QUARANTINE: Final = {
    "load_id": "Landing that refused the row.",
    "source": SYSTEM["source"],
    "source_file": SYSTEM["source_file"],
    "source_row": SYSTEM["source_row"],
    "loaded_at": "When it was refused.",
    "reasons": "Every rule of the contract that the row breaks.",
    "row": "The row as it came, as JSON text.",
    "mended_at": "When a landing accepted the row after all; null while it is refused.",
}
CONTROL: Final[Mapping[str, Mapping[str, str]]] = {
    "company_settings": {
        "name": "Name of the company's settings.",
        "business_model": "Contractual, or transactional as a shop.",
        "currency": "ISO 4217 code of the company's currency.",
        "time_zone": "Time zone whose days are the company's days.",
        "history_starts_on": "First day of the history.",
        "data_until": "Last day that the source covers; null: the newest event in the data.",
        "grace_days": "Days after the end of a contract in which a renewal is no new beginning.",
        "inactivity_days": "Days without a purchase after which a buyer has left.",
        "open_lead_days": "Days after which an open lead is no longer scored.",
        "churn_horizon_days": "Days ahead in which a customer may leave.",
        "lead_horizon_days": "Days ahead in which a lead may convert.",
        "win_horizon_days": "Days ahead in which a deal may be won.",
        "mql_max_score": "Up to this score of the source a lead is not marketing-qualified.",
        "sql_min_score": "From this score of the source on a lead is sales-qualified.",
        "stale_mql_days": "Days without a touch after which a marketing-qualified lead is stale.",
        "stale_sql_days": "Days without a touch after which a sales-qualified lead is stale.",
        "gross_margin_ratio": "Share of revenue that is gross margin.",
        "leads_from": "First day on which leads are complete; null: from the start.",
        "customers_from": "First day on which customers are complete; null: from the start.",
        "implausible_money_factor": "Multiple of the usual amount above which an amount is doubted.",
        "stale_source_factor": "Multiple of the usual pause after which a table is late.",
        "stale_source_min_days": "Days of silence below which no table is late.",
        "incomplete_profile_min_missing": "Missing facts from which a profile is incomplete.",
        "commit_min_probability": "Probability of a stage from which a deal is committed.",
        "best_case_min_probability": "Probability of a stage from which a deal is best case.",
    },
    "lead_ages": {"age_days": "Age in days at which an open lead is scored."},
    "rule_points": {
        "attribute": "What is looked at.",
        "value": "Its value.",
        "points": "Points that the value gives.",
    },
    "sales_targets": {"month": "First day of the month.", "amount": "Amount of deals to be won."},
    "stage_categories": {"stage": "Stage of a deal, lower case.", "category": "Forecast category of the stage."},
    "health_weights": {"component": "Part of the health score.", "weight": "Its weight."},
    "loads": {
        "load_id": "Landing.",
        "table_name": "Raw table.",
        "source_file": "File it was read from.",
        "rows_read": "Rows read.",
        "rows_filtered": "Rows that the mapping leaves out.",
        "rows_inserted": "Rows with a new key.",
        "rows_updated": "Rows that are a new version of a known key.",
        "rows_unchanged": "Rows known already.",
        "rows_quarantined": "Rows refused.",
        "loaded_at": "When the table was landed.",
    },
}


def declared() -> dict[str, dict[str, str]]:
    """`schema.table` to its columns and their DuckDB types, of every table that landing writes."""
    raw = {f"raw.{name}": warehouse_schema.raw_columns(table) for name, table in TABLES.items()}
    refused = {f"quarantine.{name}": warehouse_schema.QUARANTINE_COLUMNS for name in TABLES}
    control = warehouse_schema.SETTINGS_TABLES | warehouse_schema.CONTROL_TABLES
    return raw | refused | {f"control.{name}": columns for name, columns in control.items()}


def schema(table: str) -> dg.TableSchema:
    """Columns of one table by its `schema.table` name."""
    layer, name = table.split(".")
    words = {"raw": _raw_words(name), "quarantine": QUARANTINE, "control": CONTROL.get(name, {})}[layer]
    key = TABLES[name].key if layer == "raw" else None
    return dg.TableSchema(
        [
            dg.TableColumn(
                column,
                kind.removesuffix(NOT_NULL).lower(),
                description=words[column],
                constraints=dg.TableColumnConstraints(
                    nullable=not kind.endswith(NOT_NULL), other=["key of the newest version"] if column == key else []
                ),
            )
            for column, kind in declared()[table].items()
        ]
    )


def _raw_words(name: str) -> Mapping[str, str]:
    columns = TABLES[name].columns if name in TABLES else ()
    return {column.name: column.description for column in columns} | SYSTEM
