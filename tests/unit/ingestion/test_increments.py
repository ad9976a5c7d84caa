"""Files that are deliveries of one table, one after the other in the order of their names."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingestion.landing import land
from ingestion.loading import TableLoad
from tests.factories import mapped_company

FIRST = datetime(2024, 6, 1, 12, tzinfo=UTC)
HEAD = "id,amount,state,opened\n"
COLUMNS = {"deal_id": "id", "amount": "amount", "outcome": "state", "created_at": "opened"}

Con = duckdb.DuckDBPyConnection
Landed = Callable[..., TableLoad]


@pytest.fixture
def con() -> Con:
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


@pytest.fixture
def landed(con: Con, tmp_path: Path) -> Landed:
    """Adds a file of rows `<id>,<amount>` to those that are there, and lands them all `day` days after the first."""
    file: dict[str, Any] = {"path": "deals-*.csv", "increments": True}
    company = mapped_company({"deals": file}, [{"table": "deals", "file": "deals", "columns": COLUMNS}])
    (tmp_path / "acme").mkdir()

    def run(day: int, *rows: str, name: str | None = None) -> TableLoad:
        text = HEAD + "".join(f"{row},open,2024-01-01\n" for row in rows)
        if rows:
            (tmp_path / "acme" / f"deals-{name or day}.csv").write_text(text)
        return land(con, company, tmp_path, FIRST + timedelta(days=day)).tables[0]

    return run


def versions(con: Con) -> list[tuple[str, int]]:
    query = "select deal_id, cast(amount as integer) from raw.deals order by deal_id, known_at"
    return con.execute(query).fetchall()


def test_a_later_file_brings_newer_versions(con: Con, landed: Landed) -> None:
    """The same key with other content in a later file is a version of a later day, not a contradiction."""
    landed(1, "1,10", "2,20")
    load = landed(2, "1,11")
    assert (load.inserted, load.updated, load.unchanged, load.quarantined) == (0, 1, 2, 0)
    assert versions(con) == [("1", 10), ("1", 11), ("2", 20)]
    assert con.execute("select count(distinct known_at) from raw.deals where deal_id = '1'").fetchall() == [(2,)]


def test_reading_all_deliveries_again_changes_nothing(landed: Landed) -> None:
    """Every landing reads the old files as well; what they said of a key does not come back."""
    landed(1, "1,10")
    landed(2, "1,11")
    load = landed(3)
    assert (load.inserted, load.updated, load.unchanged) == (0, 0, 2)


def test_content_that_comes_back_is_a_version(con: Con, landed: Landed) -> None:
    """A, then B, then A are three versions."""
    for day, amount in enumerate((10, 11, 10)):
        landed(day, f"1,{amount}")
    assert versions(con) == [("1", 10), ("1", 11), ("1", 10)]


def test_the_same_delivery_twice_is_one(landed: Landed) -> None:
    """A file that is sent again under another name adds nothing."""
    landed(1, "1,10", "2,20")
    load = landed(1, "1,10", "2,20", name="1-resent")
    assert (load.inserted, load.updated, load.unchanged, load.quarantined) == (0, 0, 4, 0)


def test_a_refused_row_replaces_nothing(con: Con, landed: Landed) -> None:
    """A bad row in the newest file goes to quarantine, and what was known of its key stays."""
    landed(1, "1,10")
    load = landed(2, "1,many")
    assert (load.unchanged, load.quarantined) == (1, 1)
    assert versions(con) == [("1", 10)]


def test_a_later_delivery_mends_a_refused_row(con: Con, landed: Landed) -> None:
    """A bad row is mended once a later file brings its key in order, although its own file is read every time."""
    landed(1, "1,many", "3,30")
    landed(2, "1,12")
    for day in (3, 4):
        landed(day)
        mended = con.execute("select source_file, mended_at is not null from quarantine.deals").fetchall()
        assert mended == [("deals-1.csv", True)]
    landed(5, "3,bad")
    assert con.execute("select mended_at is null from quarantine.deals order by 1").fetchall() == [(False,), (True,)]


def test_a_row_mended_before_it_was_landed_is_not_open(con: Con, tmp_path: Path, landed: Landed) -> None:
    """A first landing of all deliveries leaves the same as one landing a day: the refused row is on record, mended."""
    (tmp_path / "acme" / "deals-0.csv").write_text(f"{HEAD}1,many,open,2024-01-01\n")
    landed(1, "1,12")
    assert con.execute("select mended_at is not null from quarantine.deals").fetchall() == [(True,)]


def test_two_contents_within_a_delivery_contradict(landed: Landed) -> None:
    """Within one file the first row still counts, and the other is refused."""
    load = landed(1, "1,10", "1,11")
    assert (load.inserted, load.quarantined) == (1, 1)
