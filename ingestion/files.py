"""Source files into temporary tables of text, in bounded memory and without losing a line.

Belongs here: reading CSV, whitespace-separated text, JSON lines and Parquet (also gzipped, also as globs) through
DuckDB's streaming readers; every value as trimmed text with its file and row number; lines that are no records set
aside with their number. Does not belong here: what the columns mean (`ingestion.mapping_sql`).

The row number counts records with the header line as 1, as a spreadsheet shows them; without a header, and in
Parquet, the first record is 1. JSON lines and whitespace files count lines.
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract or a validated settings file
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from companies.mapping import SourceFile
from ingestion.errors import SourceError
from ingestion.source_columns import columns_of, matching_paths, opened, require, undecodable
from ingestion.sql_text import listed, literal, name

BLANKS = " \t\r\n\u00a0"
UTF8 = ("utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii")
CHUNK = 1 << 20
SHIFT = """
    with lines as (select distinct line from csv_rejects),
    refused as (select line, row_number() over (order by line) as shift from lines),
    gaps as (select line - shift + 1 as starts, max(shift) as shift from refused group by starts),
    shifts as (
        select r.source_row, gaps.shift
        from (select source_row from {rows} where {condition}) as r asof join gaps on r.source_row >= gaps.starts
    )
    update {rows} as r set source_row = r.source_row + shifts.shift
    from shifts where r.source_row = shifts.source_row and {condition}
"""
DISK_FULL = ("no space left", "max_temp_directory_size", "not enough disk")


@dataclass(frozen=True)
class SourceTable:
    """A file (or glob) of a source as two temporary tables.

    Attributes:
        rows: table of `file_no, source_file, source_row` and the wanted columns as text.
        rejects: table of `file_no, source_file, source_row, reason, line` for lines that are no records.
        files: every file that was read, also one without rows, by the name that `source_file` gives it.
    """

    rows: str
    rejects: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class SourceFolder:
    """Where a landing reads from.

    Attributes:
        folder: the folder that the files' paths are relative to.
        advice: what to say when a file is missing.
        scratch: folder for temporary copies; the caller removes it.
    """

    folder: Path
    advice: str
    scratch: Path

    def load(self, con: duckdb.DuckDBPyConnection, key: str, file: SourceFile, wanted: Iterable[str]) -> SourceTable:
        """Read the wanted columns of a source file (named `key` in the settings) into temporary tables.

        Raises:
            SourceError: a file is missing, empty, not in its format or encoding, or lacks a wanted column.
        """
        columns = sorted(set(wanted))
        paths = matching_paths(self.folder, file, self.advice)
        shown = tuple(path.relative_to(self.folder).as_posix() for path in paths)
        table = SourceTable(name(f"source_{key}"), name(f"rejects_{key}"), shown)
        place = "file_no INTEGER, source_file VARCHAR, source_row BIGINT"
        declared = "".join(f", {name(column)} VARCHAR" for column in columns)
        con.execute(f"create or replace temp table {table.rows} ({place}{declared})")
        con.execute(f"create or replace temp table {table.rejects} ({place}, reason VARCHAR, line VARCHAR)")
        for number, path in enumerate(paths):
            _Reader(con, table, file, columns, path, number, shown[number], self.scratch).read()
        return table


@dataclass(frozen=True)
class _Reader:
    """Reads one file; the attributes are what each format needs."""

    con: duckdb.DuckDBPyConnection
    table: SourceTable
    file: SourceFile
    columns: list[str]
    path: Path
    number: int
    shown: str
    scratch: Path

    def read(self) -> None:
        found = columns_of(self.con, self.path, self.file)
        if self.file.format != "jsonl":
            require(self.columns, found, self.path, self.file)
        try:
            getattr(self, f"_{self.file.format}")(found)
        except (duckdb.InvalidInputException, duckdb.IOException) as error:
            if any(sign in str(error).lower() for sign in DISK_FULL):
                raise
            msg = f"{self.path} cannot be read as {self.file.format}: {str(error).splitlines()[0]}"
            raise SourceError(msg) from error

    def _csv(self, found: list[str]) -> None:
        header = int(self.file.header)
        scan = self._scan(found, self.file.delimiter, self.file.quote, header=self.file.header)
        self._insert(f"select row_number() over () + {header} as source_row, * from {scan}")
        self._set_rejects_aside(self.table.rows, f"file_no = {self.number}")

    def _whitespace(self, found: list[str]) -> None:
        fields = f"regexp_split_to_array(trim(line, {literal(BLANKS)}), '\\s+')"
        self._lines(f"select source_row, line, {fields} as fields from numbered where trim(line) <> ''")
        if self.file.header:
            self.con.execute("delete from source_lines where source_row = (select min(source_row) from source_lines)")
        self._reject_lines(f"len(fields) <> {len(found)}", f"expected {len(found)} fields")
        picked = "".join(f", fields[{found.index(column) + 1}] as {name(column)}" for column in self.columns)
        self._insert(f"select source_row{picked} from source_lines where len(fields) = {len(found)}")

    def _jsonl(self, _: list[str]) -> None:
        self._lines("select source_row, line from numbered where trim(line) <> ''")
        an_object = "coalesce(json_valid(line) and json_type(try_cast(line as json)) = 'OBJECT', false)"
        self._reject_lines(f"not {an_object}", "is not a JSON object")
        keys = f"select distinct unnest(json_keys(line)) from source_lines where {an_object}"
        require(self.columns, sorted(row[0] for row in self.con.execute(keys).fetchall()), self.path, self.file)
        paths = {column: literal('$."' + column.replace('"', '\\"') + '"') for column in self.columns}
        picked = "".join(f", json_extract_string(line, {path}) as {name(column)}" for column, path in paths.items())
        self._insert(f"select source_row{picked} from source_lines where {an_object}")

    def _parquet(self, _: list[str]) -> None:
        picked = "".join(f", cast({name(column)} as varchar) as {name(column)}" for column in self.columns)
        scan = f"read_parquet({literal(self.path)}, file_row_number = true)"
        self._insert(f"select file_row_number + 1 as source_row{picked} from {scan}")

    def _lines(self, query: str) -> None:
        scan = self._scan(["line"], "\x1f", "", header=False)
        numbered = f"with numbered as (select row_number() over () as source_row, line from {scan})"
        self.con.execute(f"create or replace temp table source_lines as {numbered} {query}")
        self._set_rejects_aside("source_lines")

    def _scan(self, columns: list[str], delimiter: str, quote: str, *, header: bool) -> str:
        self.con.execute("drop table if exists csv_rejects; drop table if exists csv_scans")
        declared = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in columns)
        return (
            f"read_csv({literal(self._utf8())}, auto_detect = false, columns = {{{declared}}}, "
            f"header = {str(header).lower()}, delim = {literal(delimiter)}, quote = {literal(quote)}, "
            f"escape = {literal(quote)}, store_rejects = true, "
            "rejects_table = 'csv_rejects', rejects_scan = 'csv_scans')"
        )

    def _utf8(self) -> Path:
        """The file itself, or a UTF-8 copy of it if it is in another encoding."""
        if self.file.encoding.lower().replace("_", "-") in UTF8:
            return self.path
        copy = self.scratch / f"utf8_{self.number}_{self.path.stem}.txt"
        try:
            with opened(self.path, self.file.encoding) as text, copy.open("w", encoding="utf-8", newline="") as target:
                shutil.copyfileobj(text, target, CHUNK)
        except UnicodeError as error:
            raise SourceError(undecodable(self.path, self.file, None)) from error
        return copy

    def _insert(self, query: str) -> None:
        empty = listed(["", *self.file.null_values])
        cleaned = "".join(
            f", case when trim({name(column)}, {literal(BLANKS)}) in ({empty}) then null "
            f"else trim({name(column)}, {literal(BLANKS)}) end"
            for column in self.columns
        )
        self.con.execute(
            f"insert into {self.table.rows} "
            f"select {self.number}, {literal(self.shown)}, source_row{cleaned} from ({query})"
        )

    def _reject(self, rows: str) -> None:
        self.con.execute(
            f"insert into {self.table.rejects} select {self.number}, {literal(self.shown)}, * from ({rows})"
        )

    def _reject_lines(self, condition: str, reason: str) -> None:
        self._reject(f"select source_row, {literal(reason)}, line from source_lines where {condition}")

    def _set_rejects_aside(self, rows: str, condition: str = "true") -> None:
        """Keep the lines that the CSV reader refused, and count them in the numbers of the rows after them."""
        undecoded = "select min(line) from csv_rejects where error_type = 'INVALID ENCODING'"
        line = self.con.execute(undecoded).fetchall()[0][0]
        if line is not None:
            raise SourceError(undecodable(self.path, self.file, line))
        if self.con.execute("select count(*) from csv_rejects").fetchall()[0][0]:
            self._reject("select line, any_value(error_message), any_value(csv_line) from csv_rejects group by line")
            self.con.execute(SHIFT.format(rows=rows, condition=condition))
