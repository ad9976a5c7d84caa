"""What a landing does with a warehouse that an earlier version of the contract made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from companies.settings import Company
from ingestion.contract import TABLES
from ingestion.landing import land
from ingestion.sql_text import name
from tests.factories import mapped_company

FIRST = datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "accounts.csv").write_text("id,region,gone\n1,North,\n2,,true\n")
    return tmp_path


def accounts(**columns: str) -> Company:
    mapped = {"account_id": "id", "region": "region"} | columns
    return mapped_company({"accounts": "accounts.csv"}, [{"table": "accounts", "file": "accounts", "columns": mapped}])


def older_hash() -> str:
    """A row's content as it was before any column came later."""
    columns = [name(column.name) for column in TABLES["accounts"].columns if not column.added_later]
    parts = ", ".join(f"coalesce(cast({column} as varchar), chr(30))" for column in columns)
    return f"md5(concat_ws(chr(31), {parts}))"


def test_unchanged_rows_get_no_new_version(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """A source that does not say what a later column holds has the content that it had before the column."""
    land(con, accounts(), folder, FIRST)
    assert con.execute(f"select bool_and(row_hash = {older_hash()}) from raw.accounts").fetchall() == [(True,)]
    con.execute("alter table raw.accounts drop column is_churned")
    land(con, accounts(), folder, FIRST + timedelta(days=1))
    assert con.execute("select count(*) from raw.accounts").fetchall() == [(2,)]


def test_later_column_makes_a_version_where_it_says_something(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Only the account for which the newly mapped column has a value gets a version with it."""
    land(con, accounts(), folder, FIRST)
    land(con, accounts(is_churned="gone"), folder, FIRST + timedelta(days=1))
    rows = con.execute("select account_id, is_churned from raw.accounts order by known_at, account_id").fetchall()
    assert rows == [("1", None), ("2", None), ("2", True)]
