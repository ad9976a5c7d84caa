from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from companies.settings import load
from ingestion.landing import land

NOW = datetime(2026, 1, 15, tzinfo=UTC)
# Rows read and quarantined of each table; the 21 are usage rows whose id another row already has.
EXPECTED = {
    "olist": {"accounts": (842, 0), "leads": (8000, 0), "lead_stage_events": (8842, 0), "deals": (842, 0)},
    "cdnow": {"accounts": (23570, 0), "transactions": (69659, 0)},
    "original_poc": {
        "accounts": (481, 0),
        "leads": (1000, 0),
        "lead_stage_events": (4475, 0),
        "deals": (481, 0),
        "subscriptions": (481, 0),
    },
    "ravenstack": {
        "accounts": (500, 0),
        "leads": (500, 0),
        "lead_stage_events": (1100, 0),
        "subscriptions": (5000, 0),
        "product_usage": (25000, 21),
        "support_tickets": (2000, 0),
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_public_data_set_lands_exactly_and_once(name: str, data_dir: Path) -> None:
    """The known rows are read and accepted, and a second landing finds nothing new."""
    con = duckdb.connect()
    first = land(con, load(name), data_dir, NOW)
    second = land(con, load(name), data_dir, NOW + timedelta(days=1))
    assert {load.table: (load.read, load.quarantined) for load in first.tables} == EXPECTED[name]
    assert all(load.unchanged == load.accepted for load in second.tables)


def test_cdnow_keeps_repeated_lines_and_the_published_total(data_dir: Path) -> None:
    """All 69,659 purchases land, repeated lines as well, with the published sum."""
    con = duckdb.connect()
    land(con, load("cdnow"), data_dir, NOW)
    query = (
        "select count(distinct transaction_id), cast(sum(amount) as varchar), min(occurred_at) from raw.transactions"
    )
    assert con.execute(query).fetchall() == [(69659, "2500315.63", datetime(1997, 1, 1))]


def test_olist_history_is_known_when_it_happened(data_dir: Path) -> None:
    """A lead is known from its first contact, a deal from its win, both in UTC from local time."""
    con = duckdb.connect()
    land(con, load("olist"), data_dir, NOW)
    assert con.execute("select count(*) from raw.leads where known_at <> created_at").fetchall() == [(0,)]
    query = "select created_at from raw.deals where lead_id = '5420aad7fec3549a85876ba1c529bd84'"
    assert con.execute(query).fetchall() == [(datetime(2018, 2, 26, 22, 58, 54),)]


def test_original_poc_keeps_contradictions(data_dir: Path) -> None:
    """Dates that their flag denies land as such; expansion flags land without a date."""
    con = duckdb.connect()
    land(con, load("original_poc"), data_dir, NOW)
    query = """select count(*) filter (where stage = 'mql' and not is_reached and entered_at is not null),
        count(*) filter (where stage = 'expanded' and entered_at is null) from raw.lead_stage_events"""
    assert con.execute(query).fetchall() == [(500, 475)]
