from datetime import UTC, datetime
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from companies.mapping import SourceFile, TableMapping
from ingestion import contract_sql
from ingestion.contract import TABLES
from ingestion.contract_fields import LONGEST_TEXT, RawColumn, RawTable
from ingestion.contract_sql import value_faults
from ingestion.mapping_sql import Plan, staging_query
from ingestion.sql_text import name
from ingestion.warehouse_schema import create_schemas

NOW = datetime(2262, 1, 1, tzinfo=UTC).replace(tzinfo=None)
WORDS = [
    "",
    "a",
    "EUR",
    "eur",
    "EURO",
    "open",
    "Open",
    "won",
    "invoice",
    "order",
    "nps",
    "csat",
    "lead",
    "mql",
    "é" * 255,
]
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "key": st.sampled_from([*WORDS, "k" * 256]),
    "text": st.sampled_from([*WORDS, "x" * LONGEST_TEXT, "x" * (LONGEST_TEXT + 1)]),
    "money": st.integers(-10_000, 10_000).map(lambda cents: f"{cents / 100:.2f}"),
    "instant": st.datetimes(datetime(1899, 12, 30), datetime(2262, 1, 1)).map(lambda t: t.isoformat()),
    "day": st.dates(datetime(1899, 12, 30).date(), datetime(2262, 1, 1).date()).map(str),
    "count": st.integers(-2, 3).map(str),
    "measure": st.floats(-2, 2).map(str),
    "flag": st.booleans().map(lambda value: str(value).lower()),
}


def row_of(table: RawTable) -> st.SearchStrategy[dict[str, str | None]]:
    """Texts of one row: every column right or wrong by chance."""
    return st.fixed_dictionaries({column.name: st.none() | VALUES[column.kind] for column in table.columns})


def staged(table: RawTable, rows: list[dict[str, str | None]]) -> pd.DataFrame:
    """The rows as the staging query types and judges them."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    columns = [column.name for column in table.columns]
    declared = ", ".join(f"{name(column)} VARCHAR" for column in columns)
    con.execute(f"create table s (file_no INTEGER, source_file VARCHAR, source_row BIGINT, {declared})")
    marks = ", ".join("?" for _ in columns)
    for number, row in enumerate(rows):
        con.execute(f"insert into s values (0, 'f', {number}, {marks})", [row[column] for column in columns])
    mapping = TableMapping(table=table.name, file="f", columns=dict(zip(columns, columns, strict=True)))
    plan = Plan(mapping, table, SourceFile(path="f"), 0, "s", {}, "UTC", NOW)
    return con.sql(staging_query(plan)).df().sort_values("source_row", ignore_index=True)


def refused_by_pandera(table: RawTable, frame: pd.DataFrame) -> set[int]:
    """Positions of the rows at fault according to the model itself."""
    columns = [column.name for column in table.columns]
    try:
        table.schema.validate(frame[columns], lazy=True)
    except SchemaErrors as errors:
        return {int(index) for index in errors.failure_cases["index"]}
    return set()


# Pandera concatenates its own frames of failures, which pandas warns about; it has no bearing on our rows.
@pytest.mark.filterwarnings("ignore:The behavior of DataFrame concatenation:FutureWarning")
@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_sql_refuses_exactly_the_rows_that_pandera_refuses(table: RawTable, data: st.DataObject) -> None:
    """The compiled checks and the Pandera model agree on every row."""
    rows = data.draw(st.lists(row_of(table), min_size=2, max_size=8))
    frame = staged(table, rows)
    by_sql = {position for position, reasons in enumerate(frame["reasons"]) if len(reasons) > 0}
    assert by_sql == refused_by_pandera(table, frame)


def test_check_without_translation_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that SQL cannot express stops the compilation; it never passes silently."""
    monkeypatch.setattr(contract_sql, "TRANSLATIONS", {})
    with pytest.raises(NotImplementedError, match=r"deals\.currency: check .* has no SQL translation"):
        value_faults(TABLES["deals"], "currency", "currency")


def test_every_table_names_its_key_and_event_time() -> None:
    """Key and event time are columns of the table; the key is never null."""
    for table in TABLES.values():
        columns: dict[str, RawColumn] = {column.name: column for column in table.columns}
        assert not columns[table.key].nullable
        assert columns[table.event_time].kind in ("instant", "day")
        assert all(column.description for column in table.columns)
        assert table.schema.__doc__


def test_schemas_are_created_once() -> None:
    """Creating the schemas twice changes nothing; 13 raw tables and as many quarantine tables exist."""
    con = duckdb.connect()
    create_schemas(con)
    create_schemas(con)
    count = "select table_schema, count(*) from information_schema.tables group by table_schema order by table_schema"
    assert con.execute(count).fetchall() == [("control", 1), ("quarantine", 13), ("raw", 13)]
