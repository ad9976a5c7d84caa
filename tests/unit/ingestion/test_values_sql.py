from datetime import date, datetime
from decimal import Decimal

import duckdb
import pytest

from ingestion.contract_fields import Kind
from ingestion.values_sql import Style, typed


def read(text: str, kind: Kind, style: Style) -> object:
    """The typed value of a text, or None."""
    con = duckdb.connect()
    con.execute("set TimeZone = 'UTC'")
    return con.execute(f"select {typed('t', kind, style)} from (select ? as t)", [text]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "decimal", "value"),
    [
        ("12.5", None, "12.50"),
        ("-1e3", None, "-1000.00"),
        ("1,234.50", None, "1234.50"),
        ("1.234,50", None, "1234.50"),
        ("1,234,567", None, "1234567.00"),
        ("1.234.567", None, "1234567.00"),
        ("1,234", None, None),
        ("12,5", None, None),
        ("1,234", ".", "1234.00"),
        ("12,5", ",", "12.50"),
        ("1.234", ",", "1234.00"),
        ("1.5", ",", None),
        ("12,34.5", None, None),
        ("abc", None, None),
        ("nan", None, None),
        ("inf", None, None),
        ("$5", None, None),
        ("1e20", None, None),
        ("0.005", None, "0.01"),
    ],
)
def test_money_is_read_only_where_there_is_one_way(text: str, decimal: str | None, value: str | None) -> None:
    """Groups and decimal signs are accepted where they are unambiguous or declared."""
    expected = None if value is None else Decimal(value)
    assert read(text, "money", Style("UTC", decimal)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.0", 3), ("1e2", 100), ("3.5", None), ("x", None)])
def test_counts_are_whole(text: str, value: int | None) -> None:
    """A fraction is no count."""
    assert read(text, "count", Style("UTC")) == value


@pytest.mark.parametrize(
    ("text", "value"), [("TRUE", True), ("yes", True), ("0", False), ("N", False), ("1.0", True), ("maybe", None)]
)
def test_flags_have_many_words(text: str, value: bool | None) -> None:
    """Truth values are read without regard to case."""
    assert read(text, "flag", Style("UTC")) is value


@pytest.mark.parametrize(
    ("text", "zone", "formats", "value"),
    [
        ("2018-02-26 19:58:54", "America/Sao_Paulo", (), datetime(2018, 2, 26, 22, 58, 54)),
        ("2018-02-26", "Europe/Berlin", (), datetime(2018, 2, 25, 23)),
        ("2018-07-01T10:00", "Europe/Berlin", (), datetime(2018, 7, 1, 8)),
        ("2018-07-01T10:00:00Z", "Europe/Berlin", (), datetime(2018, 7, 1, 10)),
        ("2018-07-01 10:00:00 UTC", "Europe/Berlin", (), datetime(2018, 7, 1, 10)),
        ("2018-07-01T10:00:00.5+0530", "Europe/Berlin", (), datetime(2018, 7, 1, 4, 30, 0, 500000)),
        ("2017-10-15", "America/Sao_Paulo", (), datetime(2017, 10, 15, 3)),
        ("1/7/2023 5:07 PM", "UTC", ("%m/%d/%Y %I:%M %p",), datetime(2023, 1, 7, 17, 7)),
        ("2023-01-07 10:00 +0200", "UTC", ("%Y-%m-%d %H:%M %z",), datetime(2023, 1, 7, 8)),
        ("1514764800000", "Asia/Tokyo", ("epoch_ms",), datetime(2018, 1, 1)),
        ("1514764800", "Asia/Tokyo", ("epoch_s",), datetime(2018, 1, 1)),
        ("07.01.2023", "UTC", (), None),
        ("2023-02-30", "UTC", (), None),
        ("20230101", "UTC", (), None),
    ],
)
def test_instants_are_utc(text: str, zone: str, formats: tuple[str, ...], value: datetime | None) -> None:
    """Local times are the company's, offsets are honoured, a day is its local midnight."""
    assert read(text, "instant", Style(zone, None, formats)) == value


@pytest.mark.parametrize(
    ("text", "zone", "value"),
    [
        ("2024-03-01", "Asia/Tokyo", date(2024, 3, 1)),
        ("2024-03-01 23:30:00", "Asia/Tokyo", date(2024, 3, 1)),
        ("2024-03-01T23:30:00Z", "Asia/Tokyo", date(2024, 3, 2)),
    ],
)
def test_days_are_the_companys_days(text: str, zone: str, value: date) -> None:
    """A day stays a day; an instant with an offset becomes the local day."""
    assert read(text, "day", Style(zone)) == value
