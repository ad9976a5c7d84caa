"""Whether a company's mapping fits the source contract, before a file is opened.

Belongs here: unknown tables and columns, columns the contract demands, rules that cannot apply. Does not belong
here: what a settings file must look like by itself (`companies.mapping`).
"""

import difflib
from collections.abc import Iterable

from companies.mapping import ColumnRule, TableMapping
from companies.settings import Company
from ingestion.contract import TABLES
from ingestion.contract_fields import RawTable
from ingestion.errors import SourceError


def check_mapping(company: Company) -> None:
    """Compare the mapping with the contract.

    Raises:
        SourceError: lists every fault with the key of the settings file.
    """
    faults = [fault for number, mapping in enumerate(company.source.tables, 1) for fault in _faults(number, mapping)]
    if faults:
        lines = "\n".join(f"  {fault}" for fault in faults)
        msg = f"{company.name}.toml does not fit the source contract:\n{lines}"
        raise SourceError(msg)


def _faults(number: int, mapping: TableMapping) -> list[str]:
    place = f"source.tables number {number} ('{mapping.table}')"
    if mapping.table not in TABLES:
        return [f"{place}: no such raw table{_nearest(mapping.table, TABLES)}. Known: {', '.join(TABLES)}"]
    table = TABLES[mapping.table]
    known = {column.name for column in table.columns}
    mapped = [dict(mapping.columns), *({**mapping.columns, **event.columns} for event in mapping.events)]
    unknown = sorted({column for columns in mapped for column in columns} - known)
    faults = [f"{place}: raw table has no column '{column}'{_nearest(column, known)}" for column in unknown]
    complete = mapped[1:] or mapped
    return faults + [f"{place}: {_needs(table, column)}" for column in _missing(table, complete)]


def _missing(table: RawTable, mapped: list[dict[str, ColumnRule]]) -> list[str]:
    needed = [column.name for column in table.columns if not column.nullable]
    return [column for column in needed if any(column not in columns for columns in mapped)]


def _needs(table: RawTable, column: str) -> str:
    if column == table.key:
        return f"needs its key '{column}'; where the source has none, write {column} = {{ hash = [...] }}"
    return f"needs column '{column}'"


def _nearest(word: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean '{nearest[0]}'?)" if nearest else ""
