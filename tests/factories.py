"""Builders of small test inputs: a company without a file, a warehouse with a few raw rows."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from companies.settings import Company
from ingestion.contract import TABLES
from ingestion.contract_fields import RawTable
from ingestion.control import write_settings
from ingestion.warehouse_schema import SYSTEM_COLUMNS, create_schemas

Row = Mapping[str, Any]
LOADED_AT = datetime(2025, 1, 1, tzinfo=UTC).replace(tzinfo=None)
SMALLEST = {
    "stage": "lead",
    "outcome": "open",
    "mrr": 0,
    "amount": 0,
    "score": 0,
    "channel": "other",
    "kind": "other",
}
SMALLEST_KIND = {"transactions": "order", "survey_responses": "nps"}


def company(**overrides: Any) -> Company:  # noqa: ANN401 - settings of any kind
    """A contractual EUR company in UTC from 2023 to 2024, with `overrides` of any setting."""
    settings: dict[str, Any] = {
        "name": "acme",
        "title": "Acme",
        "business_model": "contractual",
        "currency": "EUR",
        "history_starts_on": "2023-01-01",
        "data_until": "2024-12-31",
        "source": {"kind": "files", "folder": "acme", "system": "acme", "files": {}, "tables": []},
    }
    return Company.model_validate(settings | overrides)


def raw_warehouse(
    path: Path | str,
    rows: Mapping[str, Sequence[Row]] | None = None,
    company: Company | None = None,
) -> Path:
    """Write a warehouse file with all raw, quarantine and control tables and the given raw rows.

    Args:
        path: the DuckDB file to create or add to.
        rows: table to rows. A row names any contract or system columns; the rest is null, except: the key counts
            up, a column that may not be null gets the smallest legal value, `known_at` is the row's event time,
            `source` is "test". Instants and days may be given as ISO text.
        company: its settings go to control.*; default `company()`.

    Returns:
        The path, for chaining.
    """
    with duckdb.connect(str(path)) as con:
        create_schemas(con)
        write_settings(con, company or _default_company())
        for name, given in (rows or {}).items():
            for number, row in enumerate(given, start=1):
                _insert(con, TABLES[name], row, number)
    return Path(path)


def _default_company() -> Company:
    return company()


def _insert(con: duckdb.DuckDBPyConnection, table: RawTable, row: Row, number: int) -> None:
    complete = _completed(table, row, number)
    names = ", ".join(f'"{name}"' for name in complete)
    marks = ", ".join("?" for _ in complete)
    con.execute(f"insert into raw.{table.name} ({names}) values ({marks})", list(complete.values()))


def _completed(table: RawTable, row: Row, number: int) -> dict[str, Any]:
    unknown = set(row) - {column.name for column in table.columns} - set(SYSTEM_COLUMNS)
    if unknown:
        msg = f"raw.{table.name} has no column {sorted(unknown)}"
        raise KeyError(msg)
    values = {
        column.name: None if column.nullable else _smallest(table, column.name, number) for column in table.columns
    }
    values |= dict(row)
    event_time = values[table.event_time] or LOADED_AT
    content = json.dumps({name: str(value) for name, value in values.items()}, sort_keys=True)
    system = {
        "source": "test",
        "known_at": event_time,
        "loaded_at": LOADED_AT,
        "row_hash": hashlib.md5(content.encode(), usedforsecurity=False).hexdigest(),
        "source_file": f"{table.name}.csv",
        "source_row": number,
    }
    return values | system | dict(row)


def _smallest(table: RawTable, column: str, number: int) -> object:
    if column == table.key:
        return f"{table.name}-{number}"
    if column == "kind":
        return SMALLEST_KIND.get(table.name, "other")
    if column == table.event_time:
        return "2023-01-01"
    return SMALLEST.get(column, f"unknown-{column}")


def mapped_company(
    files: Mapping[str, Any],
    tables: Sequence[Mapping[str, Any]],
    **overrides: Any,  # noqa: ANN401 - settings of any kind
) -> Company:
    """A company whose source reads `files` (as in TOML, a bare text is the path) from folder "acme" into `tables`."""
    declared = {key: {"path": file} if isinstance(file, str) else file for key, file in files.items()}
    source = {"kind": "files", "folder": "acme", "system": "acme", "get": "Ask Ann for the export."}
    return company(source=source | {"files": declared, "tables": list(tables)}, **overrides)
