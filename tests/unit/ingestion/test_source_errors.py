import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.errors import LandingError, SourceError
from ingestion.landing import LandingReport, land
from tests.factories import mapped_company

COLUMNS = {"account_id": "id", "name": "title"}
NOW = datetime(2024, 6, 1, tzinfo=UTC)


def land_accounts(
    folder: Path, file: dict[str, Any], content: bytes | None, columns: dict[str, Any] | None = None
) -> tuple[LandingReport, list[tuple[Any, ...]]]:
    """Land one file of accounts; returns the report and the rows (account_id, name, source_row)."""
    (folder / "acme").mkdir(exist_ok=True)
    if content is not None:
        (folder / "acme" / file["path"]).write_bytes(content)
    company = mapped_company(
        {"accounts": file}, [{"table": "accounts", "file": "accounts", "columns": columns or COLUMNS}]
    )
    with duckdb.connect(config={"autoinstall_known_extensions": "false"}) as con:
        report = land(con, company, folder, NOW)
        query = "select account_id, name, source_row from raw.accounts order by source_file, source_row"
        return report, con.execute(query).fetchall()


def message(folder: Path, file: dict[str, Any], content: bytes | None, columns: dict[str, Any] | None = None) -> str:
    """What a person reads when the landing refuses the source."""
    with pytest.raises(SourceError) as raised:
        land_accounts(folder, file, content, columns)
    return str(raised.value)


def test_missing_file_says_path_and_what_to_put_there(tmp_path: Path) -> None:
    """The full path and the settings' advice are in the message."""
    told = message(tmp_path, {"path": "accounts.csv"}, None)
    assert str(tmp_path / "acme" / "accounts.csv") in told
    assert "Ask Ann for the export." in told


def test_missing_folder_says_path_and_what_to_put_there(tmp_path: Path) -> None:
    """A missing source folder is told like a missing file."""
    with pytest.raises(SourceError, match=r"no folder .*acme\. Ask Ann"):
        land_accounts_in_nothing(tmp_path)


def land_accounts_in_nothing(folder: Path) -> None:
    company = mapped_company({"a": "a.csv"}, [{"table": "accounts", "file": "a", "columns": COLUMNS}])
    land(duckdb.connect(), company, folder, NOW)


def test_missing_column_lists_those_found_and_the_nearest(tmp_path: Path) -> None:
    """The column that is nearly spelled so is proposed."""
    told = message(tmp_path, {"path": "a.csv"}, b"id,Titel,x\n1,a,b\n")
    assert "no column 'title' (did you mean 'Titel'?)" in told
    assert "Columns found: id, Titel, x." in told


def test_wrong_delimiter_is_named(tmp_path: Path) -> None:
    """One column only, and a semicolon in it: the message proposes the semicolon."""
    told = message(tmp_path, {"path": "a.csv"}, b"id;title\n1;a\n")
    assert "a semicolon would split it: set delimiter = ';'" in told


@pytest.mark.parametrize("content", [b"", b"\n\n"])
def test_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file without even a header is no export."""
    assert "is empty" in message(tmp_path, {"path": "a.csv"}, content)


@pytest.mark.parametrize("file_format", ["csv", "whitespace", "jsonl"])
def test_bytes_in_another_encoding_name_the_setting(tmp_path: Path, file_format: str) -> None:
    """Bytes that are not UTF-8 stop the landing: a wrong encoding would garble every accented name."""
    rows = b'{"id": 1, "title": "b"}\n{"id": 2, "title": "\xe9"}\n' if file_format == "jsonl" else None
    delimiter = b"," if file_format == "csv" else b" "
    content = rows or delimiter.join([b"id", b"title\n1"]) + delimiter + b"b\n2" + delimiter + b"\xe9\n"
    told = message(tmp_path, {"path": "a.txt", "format": file_format}, content)
    assert "the bytes are not utf-8 text. Set `encoding`" in told


def test_wrong_encoding_setting_is_told(tmp_path: Path) -> None:
    """An encoding that does not fit the bytes is refused as well."""
    told = message(tmp_path, {"path": "a.csv", "encoding": "utf-16"}, b"id,title\n1,a\n")
    assert "not utf-16 text" in told


def test_parquet_that_is_none_is_refused(tmp_path: Path) -> None:
    """The message says that the file is not Parquet."""
    assert "is not a Parquet file" in message(tmp_path, {"path": "a.parquet", "format": "parquet"}, b"id,title\n")


def test_gzip_that_is_none_is_refused(tmp_path: Path) -> None:
    """The message names the file and its format."""
    assert "a.csv.gz cannot be read as csv" in message(tmp_path, {"path": "a.csv.gz"}, b"id,title\n")


def test_json_column_that_no_line_has_is_refused(tmp_path: Path) -> None:
    """A key may be absent from a line, but not from every line."""
    told = message(tmp_path, {"path": "a.jsonl", "format": "jsonl"}, b'{"id": 1, "titel": "a"}\n')
    assert "no column 'title' (did you mean 'titel'?)" in told


def test_mapping_that_does_not_fit_the_contract_lists_every_fault(tmp_path: Path) -> None:
    """Unknown tables and columns and missing keys are told before a file is opened."""
    company = mapped_company(
        {"a": "a.csv"},
        [
            {"table": "acounts", "file": "a", "columns": {}},
            {"table": "deals", "file": "a", "columns": {"ammount": "x", "outcome": "y", "created_at": "z"}},
        ],
    )
    with pytest.raises(SourceError) as raised:
        land(duckdb.connect(), company, tmp_path, NOW)
    told = str(raised.value)
    assert "no such raw table (did you mean 'accounts'?)" in told
    assert "no column 'ammount' (did you mean 'amount'?)" in told
    assert "deal_id = { hash = [...] }" in told


def test_full_disk_undoes_the_landing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Running out of memory or disk says that everything was undone and what to do."""

    def fail(*_: object) -> None:
        msg = "could not write block: No space left on device"
        raise duckdb.IOException(msg)

    monkeypatch.setattr("ingestion.loading.store", fail)
    with pytest.raises(LandingError, match=r"was undone: .*No space left.* Free disk space"):
        land_accounts(tmp_path, {"path": "a.csv"}, b"id,title\n1,a\n")


EXPECTED = [("1", "a b", 2), ("2", "é", 3)]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ({"path": "a.csv"}, "id,title\n1,a b\n2,é\n".encode()),
        ({"path": "b.csv"}, '\ufeffid,title\r\n1, a b \r\n2,"é"\r\n'.encode()),
        ({"path": "a.tsv", "delimiter": "\t"}, "id\ttitle\n1\ta b\n2\té\n".encode()),
        ({"path": "q.csv", "delimiter": ";", "quote": "'"}, "id;title\n1;'a b'\n2;é\n".encode()),
        ({"path": "l.csv", "encoding": "cp1252"}, "id,title\n1,a b\n2,é\n".encode("cp1252")),
        ({"path": "u.csv", "encoding": "utf-16"}, "id,title\n1,a b\n2,é\n".encode("utf-16")),
        ({"path": "a.csv.gz"}, gzip.compress("id,title\n1,a b\n2,é\n".encode())),
        ({"path": "l.csv.gz", "encoding": "latin-1"}, gzip.compress("id,title\n1,a b\n2,é\n".encode("latin-1"))),
    ],
    ids=lambda value: value["path"] if isinstance(value, dict) else "",
)
def test_text_files_of_many_kinds_give_the_same_rows(tmp_path: Path, file: dict[str, Any], content: bytes) -> None:
    """Delimiter, quotes, encoding, line ends, byte-order mark and gzip do not change what is read."""
    assert land_accounts(tmp_path, file, content)[1] == EXPECTED


def test_json_lines_are_read_and_broken_lines_set_aside(tmp_path: Path) -> None:
    """Values keep their text, an absent key is null, a line that is no object is quarantined with its number."""
    content = b'{"id": 1, "title": "a"}\n{"id": 2}\n{"id": 3,\n[4]\n\n{"id": 5, "title": {"x": 1}}\n'
    report, rows = land_accounts(tmp_path, {"path": "a.jsonl", "format": "jsonl"}, content)
    assert rows == [("1", "a", 1), ("2", None, 2), ("5", '{"x":1}', 6)]
    assert report.tables[0].quarantined == 2


def test_parquet_is_read_as_text(tmp_path: Path) -> None:
    """Typed Parquet columns pass the same rules as text."""
    (tmp_path / "acme").mkdir()
    target = tmp_path / "acme" / "a.parquet"
    duckdb.execute(f"copy (select 1 as id, date '2024-01-02' as title) to '{target}' (format parquet)")
    assert land_accounts(tmp_path, {"path": "a.parquet", "format": "parquet"}, None)[1] == [("1", "2024-01-02", 1)]


def test_whitespace_lines_with_other_fields_are_set_aside(tmp_path: Path) -> None:
    """A line that does not split into the header's fields is quarantined with its number."""
    content = b" id   title\n 1  a\n\n 2  b  c\n 3\td\n"
    report, rows = land_accounts(tmp_path, {"path": "a.txt", "format": "whitespace"}, content)
    assert rows == [("1", "a", 2), ("3", "d", 5)]
    assert report.tables[0].quarantined == 1


def test_header_less_file_uses_the_names_given(tmp_path: Path) -> None:
    """Without a header line the first record is row 1."""
    file = {"path": "a.csv", "header": False, "columns": ["id", "title"]}
    assert land_accounts(tmp_path, file, b"1,a\n")[1] == [("1", "a", 1)]


def test_glob_reads_every_file_with_its_own_row_numbers(tmp_path: Path) -> None:
    """The columns of each file may stand in their own order."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "2024-01.csv").write_text("id,title\n1,a\n")
    (tmp_path / "acme" / "2024-02.csv").write_text("title,id\nb,2\n")
    assert land_accounts(tmp_path, {"path": "2024-*.csv"}, None)[1] == [("1", "a", 2), ("2", "b", 2)]
