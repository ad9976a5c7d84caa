from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from companies.settings import Company
from ingestion.landing import land
from ingestion.loading import TableLoad
from ingestion.quarantine import explain_quarantine
from tests.factories import mapped_company

FIRST = datetime(2024, 6, 1, 12, tzinfo=UTC)
SECOND = datetime(2024, 6, 2, 12, tzinfo=UTC)
DEALS = {"deal_id": "id", "amount": "amount", "outcome": "state", "created_at": "opened"}


Con = duckdb.DuckDBPyConnection
Put = Callable[[str, str], None]
Landed = Callable[..., TableLoad]


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"autoinstall_known_extensions": "false"})


@pytest.fixture
def put(tmp_path: Path) -> Callable[[str, str], None]:
    """Writes a file into the source's folder."""

    def write(name: str, text: str) -> None:
        (tmp_path / "acme").mkdir(exist_ok=True)
        (tmp_path / "acme" / name).write_text(text, encoding="utf-8")

    return write


@pytest.fixture
def landed(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> Callable[..., TableLoad]:
    """Lands a company and gives the load of its first table."""

    def run(company: Company, now: datetime = FIRST) -> TableLoad:
        return land(con, company, tmp_path, now).tables[0]

    return run


def deals(file: dict[str, Any] | str = "deals.csv", **mapping: Any) -> Company:  # noqa: ANN401
    columns = DEALS | mapping.pop("columns", {})
    overrides = mapping.pop("settings", {})
    return mapped_company(
        {"deals": file}, [{"table": "deals", "file": "deals", "columns": columns, **mapping}], **overrides
    )


def reasons(con: duckdb.DuckDBPyConnection, table: str = "deals") -> list[str]:
    rows = con.execute(f"select unnest(reasons) from quarantine.{table} order by source_row").fetchall()
    return [row[0] for row in rows]


def column(con: duckdb.DuckDBPyConnection, name: str, table: str = "deals") -> list[Any]:
    return [row[0] for row in con.execute(f"select {name} from raw.{table} order by source_row, known_at").fetchall()]


def test_same_input_twice_changes_nothing(con: Con, put: Put, landed: Landed) -> None:
    """A second landing of the same file adds no version and no quarantined row, and counts the rows as unchanged."""
    put("deals.csv", "id,amount,state,opened\n1,10,open,2024-01-01\n2,abc,open,2024-01-01\n")
    landed(deals())
    second = landed(deals(), SECOND)
    assert (second.inserted, second.updated, second.unchanged, second.quarantined) == (0, 0, 1, 1)
    assert len(column(con, "deal_id")) == 1
    assert len(reasons(con)) == 1


def test_changed_row_is_a_new_version_known_at_the_later_landing(con: Con, put: Put, landed: Landed) -> None:
    """A changed row keeps its old version; the new one is known from the landing that brought it."""
    put("deals.csv", "id,amount,state,opened\n1,10,open,2024-01-01\n")
    landed(deals())
    put("deals.csv", "id,amount,state,opened\n1,12,open,2024-01-01\n")
    assert landed(deals(), SECOND).updated == 1
    assert column(con, "amount") == [10, 12]
    assert column(con, "known_at") == [datetime(2024, 1, 1), datetime(2024, 6, 2, 12)]


def test_content_that_returns_is_a_version_again(con: Con, put: Put, landed: Landed) -> None:
    """A, then B, then A again gives three versions: the newest one counts for the comparison."""
    for number, amount in enumerate((10, 12, 10), start=1):
        put("deals.csv", f"id,amount,state,opened\n1,{amount},open,2024-01-01\n")
        landed(deals(), datetime(2024, 6, number, tzinfo=UTC))
    assert column(con, "amount") == [10, 12, 10]


def test_first_load_is_known_at_event_time_plus_delay_in_local_time(con: Con, put: Put, landed: Landed) -> None:
    """History is known from the event's local midnight plus the declared delay, not from the import."""
    put("deals.csv", "id,amount,state,opened\n1,10,open,2024-03-30\n")
    landed(deals(delay_days=2, settings={"time_zone": "Europe/Berlin"}))
    assert column(con, "created_at") == [datetime(2024, 3, 29, 23)]
    assert column(con, "known_at") == [datetime(2024, 3, 31, 22)]  # the clocks went forward that day


def test_delay_never_reaches_beyond_the_landing(con: Con, put: Put, landed: Landed) -> None:
    """A row that has been read is known, whatever delay its source is said to have."""
    put("deals.csv", "id,amount,state,opened\n1,10,open,2024-05-31\n")
    landed(deals(delay_days=30))
    assert column(con, "known_at") == [datetime(2024, 6, 1, 12)]


def test_new_row_of_a_later_load_is_known_at_landing(con: Con, put: Put, landed: Landed) -> None:
    """After the first load a new row is known from its landing, however old the event is."""
    put("deals.csv", "id,amount,state,opened\n1,10,open,2024-01-01\n")
    landed(deals())
    put("deals.csv", "id,amount,state,opened\n1,10,open,2024-01-01\n2,11,open,2024-01-01\n")
    assert landed(deals(), SECOND).inserted == 1
    assert column(con, "known_at")[1] == datetime(2024, 6, 2, 12)


def test_source_clock_gives_versions_of_one_key(con: Con, put: Put, landed: Landed) -> None:
    """With the source's own modified time the same key may come several times; every clock is one version."""
    put(
        "deals.csv", "id,amount,state,opened,changed\n1,10,open,2024-01-01,2024-01-05\n1,12,won,2024-01-01,2024-02-01\n"
    )
    first = landed(deals(known_at="changed"))
    assert (first.inserted, first.updated, first.quarantined) == (1, 1, 0)
    assert landed(deals(known_at="changed"), SECOND).unchanged == 2
    assert column(con, "known_at") == [datetime(2024, 1, 5), datetime(2024, 2, 1)]


def test_same_key_with_other_content_is_quarantined_naming_the_first_row(con: Con, put: Put, landed: Landed) -> None:
    """Without a source clock two contents for one key contradict; the first row counts."""
    put("deals.csv", "id,amount,state,opened\n1,10,open,2024-01-01\n1,10,open,2024-01-01\n1,99,open,2024-01-01\n")
    load = landed(deals())
    assert (load.read, load.inserted, load.unchanged, load.quarantined) == (3, 1, 1, 1)
    assert reasons(con) == ["row 4, column deal_id: '1' has other content in row 2 of deals.csv"]


def test_ragged_lines_are_quarantined_with_their_numbers(con: Con, put: Put, landed: Landed) -> None:
    """A line with too few or too many fields is kept whole; the numbers of the rows after it stay right."""
    put(
        "deals.csv", "id,amount,state,opened\n1,10,open,2024-01-01\n2,3\n3,1,open,2024-01-01,x,y\n4,z,open,2024-01-01\n"
    )
    load = landed(deals())
    assert (load.read, load.accepted, load.quarantined) == (4, 1, 3)
    assert [reason.split(":")[0] for reason in reasons(con)] == ["row 3", "row 4", "row 5, column amount"]
    lines = con.execute("select row from quarantine.deals where source_row = 3").fetchall()
    assert lines == [('{"line":"2,3"}',)]


def test_text_for_a_number_is_a_reason_with_row_column_and_value(con: Con, put: Put, landed: Landed) -> None:
    """Money that is no number sends the row to quarantine and says where it stands."""
    put("deals.csv", "id,amount,state,opened\n1,12 euros,open,2024-01-01\n2,5,open,2024-01-01\n")
    landed(deals())
    assert reasons(con) == ["row 2, column amount: '12 euros' is not a DECIMAL(18,2)"]


def test_every_fault_of_a_row_is_named(con: Con, put: Put, landed: Landed) -> None:
    """A row is refused once, with all its reasons."""
    put("deals.csv", "id,amount,state,opened\n,x,maybe,2024-13-01\n")
    landed(deals())
    assert reasons(con) == [
        "row 2, column deal_id: is missing",
        "row 2, column amount: 'x' is not a DECIMAL(18,2)",
        "row 2, column created_at: '2024-13-01' is not a TIMESTAMP",
        "row 2, column outcome: 'maybe' is not one of open, won, lost",
    ]


def test_event_in_the_future_is_quarantined(con: Con, put: Put, landed: Landed) -> None:
    """An event later than the landing (and a day of time zones) cannot have happened."""
    put("deals.csv", "id,amount,state,opened\n1,1,open,2024-06-02\n2,1,open,2024-07-01\n")
    assert landed(deals()).accepted == 1
    assert reasons(con) == ["row 3, column created_at: '2024-07-01' is in the future"]


def test_findings_are_not_contract_faults(put: Put, landed: Landed) -> None:
    """Negative money and a close before the opening are facts about the source and land."""
    put("deals.csv", "id,amount,state,opened,closed\n1,-5,won,2024-02-01,2024-01-01\n")
    assert landed(deals(columns={"closed_at": "closed"})).accepted == 1


def test_mixed_date_formats_are_tried_in_order(con: Con, put: Put, landed: Landed) -> None:
    """Each date is read by the first format that fits; one that fits none is refused."""
    put("deals.csv", "id,amount,state,opened\n1,1,open,31/12/2023\n2,1,open,12-31-2023\n3,1,open,Dec 2023\n")
    landed(deals(columns={"created_at": {"column": "opened", "format": ["%d/%m/%Y", "%m-%d-%Y"]}}))
    assert column(con, "created_at") == [datetime(2023, 12, 31)] * 2
    assert reasons(con) == ["row 4, column created_at: 'Dec 2023' is not a TIMESTAMP"]


def test_zero_rows_are_a_load_of_nothing(put: Put, landed: Landed) -> None:
    """A file with only its header lands as an empty table."""
    put("deals.csv", "id,amount,state,opened\n")
    load = landed(deals())
    assert (load.read, load.accepted, load.quarantined) == (0, 0, 0)


def test_failure_leaves_nothing_behind(con: Con, put: Put, landed: Landed, tmp_path: Path) -> None:
    """A landing that fails in its second file undoes the first one as well."""
    put("deals.csv", "id,amount,state,opened\n1,1,open,2024-01-01\n")
    company = mapped_company(
        {"deals": "deals.csv", "leads": "leads.csv"},
        [
            {"table": "deals", "file": "deals", "columns": DEALS},
            {"table": "leads", "file": "leads", "columns": {"lead_id": "id", "created_at": "at"}},
        ],
    )
    put("leads.csv", "id,at\n1,2024-01-01\n")

    def stop(table: str, _rows: int) -> None:
        if table == "deals":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        land(con, company, tmp_path, FIRST, stop)
    assert con.execute("select count(*) from information_schema.tables where table_schema = 'raw'").fetchall() == [(0,)]
    assert landed(company).inserted == 1


def test_loads_are_recorded_and_add_up(con: Con, put: Put, landed: Landed) -> None:
    """control.loads has a row per table and landing; read = inserted + updated + unchanged + quarantined."""
    put("deals.csv", "id,amount,state,opened\n1,1,open,2024-01-01\n2,x,open,2024-01-01\n3,1,lost,2024-01-01\n")
    landed(deals(where=[{"column": "state", "equals": "open"}]))
    query = """select rows_read, rows_filtered, rows_inserted, rows_updated, rows_unchanged, rows_quarantined
        from control.loads"""
    assert con.execute(query).fetchall() == [(2, 1, 1, 0, 0, 1)]


def test_quarantine_is_explained_by_kind_of_reason(con: Con, put: Put, landed: Landed) -> None:
    """Rows refused for the same reason are one line, with an example to look at."""
    put("deals.csv", "id,amount,state,opened\n1,a,open,2024-01-01\n2,b,open,2024-01-01\n3,1,won't,2024-01-01\n")
    landed(deals())
    told = [(r.table, r.reason, r.rows, r.example) for r in explain_quarantine(con)]
    assert told == [
        ("deals", "column amount: '…' is not a DECIMAL(18,2)", 2, "deals.csv:2"),
        ("deals", "column outcome: '…' is not one of open, won, lost", 1, "deals.csv:4"),
    ]
