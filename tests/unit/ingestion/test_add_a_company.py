import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from companies.mapping import ColumnRule, Condition, SourceFile, TableMapping
from companies.settings import load
from ingestion.landing import LandingReport, land

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how_to" / "add_a_company.md"
FILES = {
    "people.csv": (
        b"Id,Mail,Origin,Role,Met,Opt-in,Test,Modified,Mql date,Won\n"
        b"1,Ann@Example.com,G-Ads,boss,31.01.2024,yes,no,2024-02-01 08:00,15.02.2024,x\n"
        b"2,,,clerk,02/15/2024,no,no,2024-02-16 08:00,,\n"
        b"3,,fair,,01.01.2024,,yes,2024-02-16 08:00,,\n"
    ),
    "contracts.csv": (
        "Kunde;Nr;Tarif;Jahrespreis;Beginn;Ende;Region\n"
        "K1;1;groß;1.200,00;01.02.2024;9999-12-31;Süd\n"
        "K1;2;klein;99,9;01.03.2024;2024-04-30;Nord\n"
    ).encode("cp1252"),
    "orders-1.txt": b" buyer day cents\n K1 2024-01-05 1050\n K1 2024-01-05 1050\n",
    "orders-2.txt": b" buyer day cents\n K1 2024-01-04 99\n K2 2024-02-01 500\n",
    "clicks.jsonl": b'{"id": "c1", "person": "1", "ms": 1704067200000, "page": {"url": "/"}}\n',
}


@pytest.fixture
def landed(tmp_path: Path) -> tuple[duckdb.DuckDBPyConnection, LandingReport]:
    """The page's example, landed."""
    example = re.search(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    (tmp_path / "shop.toml").write_text(example.group(1), encoding="utf-8")
    (tmp_path / "shop").mkdir()
    for name, content in FILES.items():
        (tmp_path / "shop" / name).write_bytes(content)
    con = duckdb.connect()
    return con, land(con, load("shop", tmp_path), tmp_path, datetime(2024, 7, 1, tzinfo=UTC))


def test_example_lands_every_row(landed: tuple[duckdb.DuckDBPyConnection, LandingReport]) -> None:
    """The example of the page is complete: every table is filled and nothing is refused."""
    loads = {load.table: (load.read, load.filtered, load.quarantined) for load in landed[1].tables}
    assert loads == {
        "accounts": (2, 2, 0),
        "leads": (2, 1, 0),
        "lead_stage_events": (2, 2, 0),
        "touchpoints": (1, 0, 0),
        "subscriptions": (2, 0, 0),
        "transactions": (4, 0, 0),
    }


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select lead_source, seniority, country, consent from raw.leads order by lead_id",
         [("google_ads", "c_level", "DE", True), ("unknown", None, "DE", False)]),
        ("select created_at, known_at from raw.leads order by lead_id",
         [(datetime(2024, 1, 30, 23), datetime(2024, 2, 1, 7)), (datetime(2024, 2, 14, 23), datetime(2024, 2, 16, 7))]),
        ("select email_hash = sha256('ann@example.com') from raw.leads where lead_id = '1'", [(True,)]),
        ("select event_id, stage, entered_at from raw.lead_stage_events order by event_id",
         [("customer-1", "customer", None), ("mql-1", "mql", datetime(2024, 2, 14, 23))]),
        ("select subscription_id, plan, mrr, ended_on from raw.subscriptions order by 1",
         [("K1-1", "groß", Decimal("100.00"), None), ("K1-2", "klein", Decimal("8.33"), date(2024, 4, 30))]),
        ("select account_id, region, created_at from raw.accounts order by 1",
         [("K1", "Süd", datetime(2024, 1, 3, 23)), ("K2", None, datetime(2024, 1, 31, 23))]),
        ("select count(distinct transaction_id), sum(amount), min(known_at) from raw.transactions",
         [(4, Decimal("26.99"), datetime(2024, 1, 4, 23))]),
        ("select occurred_at, properties from raw.touchpoints", [(datetime(2024, 1, 1), '{"url":"/"}')]),
    ],
)  # fmt: skip
def test_example_does_what_the_page_says(
    landed: tuple[duckdb.DuckDBPyConnection, LandingReport], query: str, rows: list[tuple[Any, ...]]
) -> None:
    """Every rule of the example gives the value that its comment promises."""
    assert landed[0].execute(query).fetchall() == rows


@pytest.mark.parametrize("model", [SourceFile, TableMapping, ColumnRule, Condition])
def test_page_names_every_key_of_the_grammar(model: type[Any]) -> None:
    """No key of the grammar is missing from the page."""
    page = PAGE.read_text(encoding="utf-8")
    undocumented = [key for key in model.model_fields if f"`{key}`" not in page and f"{key} =" not in page]
    assert undocumented == []
