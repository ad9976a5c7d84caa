from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from companies.settings import Company
from ingestion.landing import land
from ingestion.quarantine import explain_quarantine
from ingestion.warehouse_schema import create_schemas
from tests.factories import mapped_company

FIRST = datetime(2024, 6, 1, 12)
HEAD = "id,amount,state,opened\n"
GOOD, BAD = "1,10,open,2024-01-01\n", "2,abc,open,2024-01-01\n"
COLUMNS = {"deal_id": "id", "amount": "amount", "outcome": "state", "created_at": "opened"}

Con = duckdb.DuckDBPyConnection
Landed = Callable[..., None]


@pytest.fixture
def con() -> Con:
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


@pytest.fixture
def landed(con: Con, tmp_path: Path) -> Landed:
    """Lands the files given by name, in place of those landed before; `day` counts the days since the first."""

    def run(day: int, **files: str) -> None:
        folder = tmp_path / "acme"
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for name, text in files.items():
            (folder / f"{name}.csv").write_text(HEAD + text)
        land(con, deals(), tmp_path, (FIRST + timedelta(days=day)).replace(tzinfo=UTC))

    return run


def deals() -> Company:
    return mapped_company({"deals": "*.csv"}, [{"table": "deals", "file": "deals", "columns": COLUMNS}])


def kept(con: Con) -> list[tuple[str, int, datetime | None]]:
    query = "select source_file, source_row, mended_at from quarantine.deals order by 1, 2"
    return con.execute(query).fetchall()


def test_refused_row_stays_while_its_file_repeats_it(con: Con, landed: Landed) -> None:
    """A second landing of the same fault keeps one row, not mended."""
    landed(0, deals=GOOD + BAD)
    landed(1, deals=GOOD + BAD)
    assert kept(con) == [("deals.csv", 3, None)]


def test_corrected_file_mends_the_refused_row(con: Con, landed: Landed) -> None:
    """The row stays in quarantine as a record, with the landing that brought its correction."""
    landed(0, deals=GOOD + BAD)
    landed(1, deals=GOOD + "2,20,open,2024-01-01\n")
    assert kept(con) == [("deals.csv", 3, FIRST + timedelta(days=1))]
    assert explain_quarantine(con) == []


def test_fault_that_returns_is_mended_no_more(con: Con, landed: Landed) -> None:
    """The same line refused again is the same row, open again."""
    for day, text in enumerate((BAD, "2,20,open,2024-01-01\n", BAD)):
        landed(day, deals=text)
    assert kept(con) == [("deals.csv", 2, None)]


def test_line_that_is_gone_from_its_file_is_mended(con: Con, landed: Landed) -> None:
    """A file without the line, even one without any line, says that there is nothing to correct."""
    landed(0, deals=BAD)
    landed(1, deals="")
    assert kept(con) == [("deals.csv", 2, FIRST + timedelta(days=1))]


def test_row_of_a_file_that_is_gone_waits_for_its_key(con: Con, landed: Landed) -> None:
    """A source that delivers only new files corrects a row in a later file; until then the row is missing."""
    landed(0, january=BAD)
    landed(1, february=GOOD)
    assert kept(con) == [("january.csv", 2, None)]
    landed(2, march="2,20,open,2024-01-01\n")
    assert kept(con) == [("january.csv", 2, FIRST + timedelta(days=2))]


def test_repeated_key_is_refused_until_it_is_corrected(con: Con, landed: Landed) -> None:
    """The accepted first row of a key does not mend the second one that contradicts it."""
    landed(0, deals=GOOD + "1,11,open,2024-01-01\n")
    landed(1, deals=GOOD + "1,11,open,2024-01-01\n")
    assert kept(con) == [("deals.csv", 3, None)]
    landed(2, deals=GOOD)
    assert kept(con) == [("deals.csv", 3, FIRST + timedelta(days=2))]


def test_older_warehouse_gets_the_columns_that_came_later(con: Con) -> None:
    """Tables made before a column existed are extended, and keep their rows."""
    create_schemas(con)
    con.execute("alter table quarantine.deals drop column mended_at")
    con.execute("alter table raw.accounts drop column is_churned")
    con.execute("insert into quarantine.deals values ('1', 'acme', 'deals.csv', 2, '2024-01-01', ['a'], '{}')")
    create_schemas(con)
    assert kept(con) == [("deals.csv", 2, None)]
    assert con.execute("select is_churned from raw.accounts").fetchall() == []
