import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.reports import warehouse_diff
from orchestration.reports.warehouse_diff import compare

DEALS = (
    "create table marts.fct_deals as select * from (values ('d1', 10, 0.1), ('d2', 20, null)) t(deal_id, amount, share)"
)
KEYS = {"fct_deals": ["deal_id"]}


def warehouse(path: Path, *statements: str) -> Path:
    with duckdb.connect(str(path)) as con:
        con.execute("create schema marts")
        for statement in statements:
            con.execute(statement)
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return warehouse(tmp_path / "old.duckdb", DEALS)


def test_equal_tables_are_equal(old: Path, tmp_path: Path) -> None:
    """The same rows in another order, with doubles that differ by rounding only, are the same mart."""
    rounded = "update marts.fct_deals set share = share * (1 + 1e-12::double)"
    cast = "alter table marts.fct_deals alter share type double"
    with duckdb.connect(str(old)) as con:
        con.execute(cast)
    new = warehouse(tmp_path / "new.duckdb", DEALS + " order by 1 desc", cast, rounded)
    assert [diff.is_equal for diff in compare(old, new, KEYS)] == [True]


def test_every_kind_of_difference_is_counted(old: Path, tmp_path: Path) -> None:
    """A changed cell, also to or from null, a row that is gone and one that came are told apart by the key."""
    new = warehouse(
        tmp_path / "new.duckdb",
        "create table marts.fct_deals as select * from "
        "(values ('d1', 11, null), ('d3', 20, null)) t(deal_id, amount, share)",
    )
    (diff,) = compare(old, new, KEYS)
    assert (diff.only_old, diff.only_new, diff.changed_rows) == (1, 1, 1)
    assert diff.changed_cells == {"amount": 1, "share": 1}
    assert not diff.is_equal


def test_columns_and_tables_come_and_go(old: Path, tmp_path: Path) -> None:
    """A renamed column is one gone and one added; a table of one side only counts all its rows."""
    new = warehouse(
        tmp_path / "new.duckdb",
        DEALS,
        "alter table marts.fct_deals rename amount to deal_amount",
        "create table marts.fct_new as select 1 as n",
    )
    deals, added = compare(old, new, KEYS)
    assert (list(deals.removed_columns), list(deals.added_columns)) == (["amount"], ["deal_amount"])
    assert (added.table, added.old_rows, added.only_new) == ("fct_new", 0, 1)


def test_table_without_key_is_a_bag(tmp_path: Path) -> None:
    """Without a key a row that occurs twice on one side only is a difference."""
    twice, once = (
        "create table marts.t as select unnest([1, 1, 2]) as n",
        "create table marts.t as select unnest([1, 2]) as n",
    )
    (diff,) = compare(warehouse(tmp_path / "a.duckdb", twice), warehouse(tmp_path / "b.duckdb", once), {})
    assert (diff.only_old, diff.only_new) == (1, 0)


def test_columns_may_be_left_out(old: Path, tmp_path: Path) -> None:
    """What is left out is no difference, whether its values differ or one side lacks it."""
    new = warehouse(tmp_path / "new.duckdb", DEALS, "update marts.fct_deals set amount = 1")
    without = warehouse(tmp_path / "without.duckdb", DEALS, "alter table marts.fct_deals drop column amount")
    assert [diff.is_equal for side in (new, without) for diff in compare(old, side, KEYS, without=["amount"])] == [
        True,
        True,
    ]


def test_command_says_whether_they_are_equal(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 0 for equal marts, 1 for a difference and 2 for a file that is not there."""
    new = warehouse(tmp_path / "new.duckdb", DEALS, "update marts.fct_deals set amount = 1")
    assert warehouse_diff.main([str(old), str(old)]) == 0
    assert warehouse_diff.main([str(old), str(new)]) == 1
    assert "amount 2" in capsys.readouterr().out
    assert warehouse_diff.main([str(old), str(tmp_path / "none.duckdb")]) == 2


def test_file_that_is_no_warehouse_is_told(old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A text file is refused in words, with exit code 2; a quote in a path is no part of a statement."""
    text = tmp_path / "o'brien.duckdb"
    text.write_text("no warehouse")
    assert warehouse_diff.main([str(old), str(text)]) == 2
    assert "not a valid DuckDB database" in capsys.readouterr().out
    copy = shutil.copyfile(old, tmp_path / "o'neill.duckdb")
    assert warehouse_diff.main([str(old), str(copy)]) == 0


def test_keys_are_those_that_dbt_tests() -> None:
    """Every mart of the project has a key on record."""
    keys = warehouse_diff.keys_on_record()
    assert keys["fct_mrr_movements"] == ["account_id", "month_start"]
