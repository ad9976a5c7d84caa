"""The steps of one landing inside its transaction: files to text, text to staged rows, staged rows to versions.

Belongs here: which mapping reads which file, the rows counted as filtered, the record in control.loads. Does not
belong here: transactions (`ingestion.landing`) and the SQL of the steps.
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract or a validated settings file
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time

import duckdb

from companies.mapping import Lookup, TableMapping
from companies.settings import Company
from ingestion.contract import TABLES
from ingestion.contract_fields import RawTable
from ingestion.files import SourceFolder, SourceTable
from ingestion.mapping_sql import Plan, lookup_query, staged_columns, staging_query, wanted_columns
from ingestion.versions import STAGE, Arrival, create_stage, store
from ingestion.warehouse_schema import CONTROL_TABLES

Progress = Callable[[str, int], None]
Mappings = Sequence[tuple[int, TableMapping]]


@dataclass(frozen=True)
class TableLoad:
    """What became of the rows of one raw table; read = accepted + quarantined.

    Attributes:
        read: rows after the mapping's filters and events, and lines that are no records.
        filtered: source rows that gave no raw row.
        inserted: rows with a new key.
        updated: new versions of known keys.
        unchanged: rows that are already there.
    """

    table: str
    source_file: str
    read: int
    filtered: int
    inserted: int
    updated: int
    unchanged: int
    quarantined: int

    @property
    def accepted(self) -> int:
        """Rows that fulfil the contract."""
        return self.inserted + self.updated + self.unchanged


@dataclass(frozen=True)
class Loading:
    """One landing under way.

    Attributes:
        now: time of the landing, naive UTC.
        progress: called with the table's name and its rows when a table is done.
    """

    con: duckdb.DuckDBPyConnection
    company: Company
    folder: SourceFolder
    now: datetime
    load_id: str
    progress: Progress

    def run(self) -> tuple[TableLoad, ...]:
        """Load every mapped table, in the order of the contract."""
        sources = self._read_files()
        lookups = self._make_lookups(sources)
        loads = []
        for table in TABLES.values():
            mappings = [(n, m) for n, m in enumerate(self.company.source.tables) if m.table == table.name]
            if mappings:
                loads.append(self._load(table, mappings, sources, lookups))
                self.progress(table.name, loads[-1].read)
        return tuple(loads)

    def _read_files(self) -> dict[str, SourceTable]:
        files = self.company.source.files
        return {key: self.folder.load(self.con, key, files[key], wanted) for key, wanted in self._wanted().items()}

    def _wanted(self) -> dict[str, set[str]]:
        """The columns that are read of each file that is used."""
        wanted: dict[str, set[str]] = {}
        for mapping in self.company.source.tables:
            wanted.setdefault(mapping.file, set()).update(wanted_columns(mapping))
        for lookup in self._lookups():
            wanted.setdefault(lookup.file, set()).update((lookup.key, lookup.value))
        return wanted

    def _lookups(self) -> list[Lookup]:
        rules = (rule for mapping in self.company.source.tables for rule in mapping.rules)
        return list(dict.fromkeys(rule.lookup for rule in rules if rule.lookup))

    def _make_lookups(self, sources: dict[str, SourceTable]) -> dict[Lookup, str]:
        tables = {lookup: f"lookup_{number}" for number, lookup in enumerate(self._lookups())}
        for lookup, table in tables.items():
            query = lookup_query(lookup, sources[lookup.file].rows)
            self.con.execute(f"create or replace temp table {table} as {query}")
        return tables

    def _load(
        self, table: RawTable, mappings: Mappings, sources: dict[str, SourceTable], lookups: dict[Lookup, str]
    ) -> TableLoad:
        create_stage(self.con, table)
        filtered = sum(self._stage(n, mapping, sources[mapping.file], lookups) for n, mapping in mappings)
        keep_known = tuple(n for n, mapping in mappings if mapping.first_per_key)
        files = tuple(dict.fromkeys(file for _, mapping in mappings for file in sources[mapping.file].files))
        increments = tuple(n for n, mapping in mappings if self.company.source.files[mapping.file].increments)
        arrival = Arrival(
            table,
            self.company.source.system,
            self.load_id,
            self.now,
            self._undated(),
            keep_known,
            files,
            increments,
        )
        versions = store(self.con, arrival)
        load = TableLoad(
            table=table.name,
            source_file=", ".join(dict.fromkeys(self.company.source.files[m.file].path for _, m in mappings)),
            read=versions.inserted + versions.updated + versions.unchanged + versions.quarantined,
            filtered=filtered,
            inserted=versions.inserted,
            updated=versions.updated,
            unchanged=versions.unchanged,
            quarantined=versions.quarantined,
        )
        self._record(load)
        return load

    def _stage(self, position: int, mapping: TableMapping, source: SourceTable, lookups: dict[Lookup, str]) -> int:
        """Stage the rows of one mapping and the lines that are no records; returns the rows filtered out."""
        table, file = TABLES[mapping.table], self.company.source.files[mapping.file]
        plan = Plan(mapping, table, file, position, source.rows, lookups, self.company.time_zone, self.now)
        self.con.execute(f"insert into {STAGE} {staging_query(plan)}")
        rows = self._count(f"select count(*) from {source.rows}")
        used = f"select distinct file_no, source_row from {STAGE} where mapping_no = {position}"
        staged = self._count(f"select count(*) from ({used})")
        self.con.execute(f"insert into {STAGE} {_refused_lines(table, position, source)}")
        return rows - staged

    def _count(self, query: str) -> int:
        return int(self.con.execute(query).fetchall()[0][0])

    def _undated(self) -> datetime:
        """When a row without an event time was known at the latest: the last day the source covers."""
        if self.company.data_until is None:
            return self.now
        return datetime.combine(self.company.data_until, time(12))

    def _record(self, load: TableLoad) -> None:
        columns = CONTROL_TABLES["loads"]
        values = (self.load_id, load.table, load.source_file, load.read, load.filtered, load.inserted)
        values += (load.updated, load.unchanged, load.quarantined, self.now)  # type: ignore[assignment]
        self.con.execute(f"insert into control.loads values ({', '.join('?' for _ in columns)})", values)


def _refused_lines(table: RawTable, position: int, source: SourceTable) -> str:
    known = {
        "mapping_no": str(position),
        "file_no": "file_no",
        "source_file": "source_file",
        "source_row": "source_row",
        "reasons": "['row ' || source_row || ': ' || reason]",
        "row": "cast(json_object('line', line) as varchar)",
    }
    picked = ", ".join(known.get(column, "null") for column in staged_columns(table))
    return f"select {picked} from {source.rejects}"
