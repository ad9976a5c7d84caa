"""Which columns a source file has, and what to tell a person when they are not the ones the settings name.

Belongs here: the header of each format, and the search for the likely mistake (spelling, delimiter, path). Does not
belong here: reading rows (`ingestion.files`).
"""

import csv
import difflib
import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import duckdb

from companies.mapping import SourceFile
from ingestion.errors import SourceError

DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


def matching_paths(folder: Path, file: SourceFile, advice: str) -> list[Path]:
    """The files that `file.path` names below `folder`, sorted.

    Raises:
        SourceError: there is none; the message says the full path and what to put there.
    """
    paths = sorted(path for path in folder.glob(file.path) if path.is_file())
    if paths:
        return paths
    msg = f"no file at {folder / file.path}. {advice or 'Put the file there or mend `path` in the settings.'}"
    raise SourceError(msg)


def columns_of(con: duckdb.DuckDBPyConnection, path: Path, file: SourceFile) -> list[str]:
    """Names of the columns of one file, trimmed; a repeated name gets a number.

    Raises:
        SourceError: the file is empty, not readable as its format, or its bytes are not in its encoding.
    """
    if file.format == "parquet":
        return _parquet_columns(con, path)
    if file.format == "jsonl":
        return _json_columns(path, file)
    if not file.header:
        return list(file.columns)
    first = _first_record(path, file)
    fields = first[0].split() if file.format == "whitespace" else first
    return _distinct([field.strip() or f"column_{i}" for i, field in enumerate(fields, start=1)])


def require(wanted: Iterable[str], found: list[str], path: Path, file: SourceFile) -> None:
    """Refuse a file that lacks a column the settings name.

    Raises:
        SourceError: lists the columns found, the nearest name of each missing one and a likelier delimiter.
    """
    missing = sorted(set(wanted) - set(found))
    if not missing:
        return
    named = "; ".join(_missing(column, found) for column in missing)
    msg = f"{path}: {named}. Columns found: {', '.join(found)}.{_delimiter_advice(found, file)}"
    raise SourceError(msg)


def _missing(column: str, found: list[str]) -> str:
    by_fold = {name.casefold(): name for name in found}
    nearest = difflib.get_close_matches(column.casefold(), by_fold, n=1, cutoff=0.6)
    hint = f" (did you mean '{by_fold[nearest[0]]}'?)" if nearest else ""
    return f"no column '{column}'{hint}"


def _delimiter_advice(found: list[str], file: SourceFile) -> str:
    if file.format != "csv" or len(found) != 1:
        return ""
    better = [sign for sign in DELIMITERS if sign != file.delimiter and sign in found[0]]
    if not better:
        return ""
    sign = max(better, key=found[0].count)
    return f" The header is one column; {DELIMITERS[sign]} would split it: set delimiter = {sign!r} for this file."


def _parquet_columns(con: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    try:
        described = con.execute("describe select * from read_parquet(?)", [str(path)]).fetchall()
    except duckdb.Error as error:
        msg = f"{path} is not a Parquet file ({str(error).splitlines()[0]}). Mend the file or its `format`."
        raise SourceError(msg) from error
    return [row[0] for row in described]


def _json_columns(path: Path, file: SourceFile) -> list[str]:
    if not _first_record(path, file):
        raise SourceError(_empty(path))
    return []


def _first_record(path: Path, file: SourceFile) -> list[str]:
    """The first record that is not blank; one field with the whole line unless the format is csv."""
    try:
        with opened(path, file.encoding) as lines:
            if file.format == "csv":
                return next(record for record in _records(lines, file) if any(record))
            return [next(line.strip() for line in lines if line.strip())]
    except StopIteration as error:
        raise SourceError(_empty(path)) from error
    except (UnicodeError, LookupError) as error:
        raise SourceError(undecodable(path, file, None)) from error
    except (csv.Error, gzip.BadGzipFile, EOFError) as error:
        msg = f"{path} cannot be read as {file.format}: {error}. Mend the file or its `format`."
        raise SourceError(msg) from error


def _records(lines: Iterable[str], file: SourceFile) -> Iterable[list[str]]:
    if not file.quote:
        return csv.reader(lines, delimiter=file.delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=file.delimiter, quotechar=file.quote)


def opened(path: Path, encoding: str) -> TextIO:
    """The file as text, line ends untouched; gzip is undone and a byte-order mark skipped."""
    named = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.GzipFile(path, "rb"), encoding=named, newline="")
    return path.open(encoding=named, newline="")


def undecodable(path: Path, file: SourceFile, line: int | None) -> str:
    """What to say about bytes that are not text in the file's encoding."""
    place = f"{path}, line {line}" if line else str(path)
    return (
        f"{place}: the bytes are not {file.encoding} text. "
        f'Set `encoding` of this file in the settings, for example encoding = "cp1252" or "utf-16".'
    )


def _empty(path: Path) -> str:
    return f"{path} is empty: not even a header line. Export it again or remove its mapping from the settings."


def _distinct(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for field in names:
        seen[field] = seen.get(field, 0) + 1
        result.append(field if seen[field] == 1 else f"{field}_{seen[field]}")
    return result
