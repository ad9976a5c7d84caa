"""Small companies for runs of the whole chain: settings as TOML, rows as CSV files, all made from a fixed seed.

Belongs here: what a small company's source looks like, and the deployment that reads it. Does not belong here: what a
run should do with it.
"""

import csv
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

from orchestration.resources import Deployment

Rows = list[dict[str, object]]
FIRST_DAY, LAST_DAY = date(2023, 1, 1), date(2024, 6, 30)
COLUMNS: Mapping[str, Sequence[str]] = {
    "accounts": ("account_id", "industry", "region", "created_at"),
    "leads": ("lead_id", "account_id", "lead_source", "industry", "created_at"),
    "lead_stage_events": ("event_id", "lead_id", "stage", "entered_at"),
    "deals": ("deal_id", "account_id", "lead_id", "amount", "created_at", "closed_at", "outcome"),
    "subscriptions": ("subscription_id", "account_id", "mrr", "started_on", "ended_on"),
    "transactions": ("transaction_id", "account_id", "amount", "kind", "occurred_at", "paid_at"),
    "product_usage": ("usage_id", "account_id", "used_on", "events"),
    "support_tickets": ("ticket_id", "account_id", "opened_at", "resolved_at"),
}


def contractual(accounts: int = 30, leads: int = 80, *, all_churned: bool = False) -> dict[str, Rows]:
    """Rows of a company with contracts; with `all_churned` every contract ended long before the last day."""
    made = random.Random(11)  # noqa: S311 - test data
    tables: dict[str, Rows] = {table: [] for table in COLUMNS if table != "transactions"}
    for number in range(accounts):
        _add_account(tables, made, number, all_churned=all_churned)
    for number in range(leads):
        _add_lead(tables, made, number, accounts)
    return tables


def transactional(buyers: int = 40) -> dict[str, Rows]:
    """Rows of a shop: orders with a few refunds."""
    made = random.Random(12)  # noqa: S311 - test data
    orders = [order for number in range(buyers) for order in _orders(made, number)]
    accounts: Rows = [
        {"account_id": f"b{number}", "industry": "", "region": "", "created_at": FIRST_DAY} for number in range(buyers)
    ]
    return {"accounts": accounts, "transactions": orders}


def deploy(folder: Path, name: str, business_model: str, tables: Mapping[str, Rows]) -> Deployment:
    """Write the company's settings and files below `folder`; its state goes there as well."""
    (folder / "companies").mkdir(parents=True, exist_ok=True)
    (folder / "companies" / f"{name}.toml").write_text(settings(business_model, list(tables)))
    (folder / "data" / "small").mkdir(parents=True, exist_ok=True)
    for table, rows in tables.items():
        write(folder / "data" / "small" / f"{table}.csv", table, rows)
    return Deployment(
        company_name=name,
        state_folder=str(folder / "state"),
        data_folder=str(folder / "data"),
        companies_folder=str(folder / "companies"),
    )


def deploy_in_environment(folder: Path, environment: pytest.MonkeyPatch) -> Deployment:
    """Deploy the smallest contractual company as `small`, and let the environment name it."""
    made = deploy(folder, "small", "contractual", contractual(2, 2))
    environment.setenv("LIFECYCLE_COMPANY", "small")
    environment.setenv("LIFECYCLE_STATE_DIR", made.state_folder)
    environment.setenv("LIFECYCLE_DATA_DIR", made.data_folder)
    environment.setenv("LIFECYCLE_COMPANIES_DIR", made.companies_folder)
    return made


def settings(business_model: str, tables: Sequence[str]) -> str:
    """The company's TOML: every table has a file of its own name and the raw columns' names."""
    head = f"""title = "A small company"
business_model = "{business_model}"
currency = "EUR"
history_starts_on = {FIRST_DAY}
data_until = {LAST_DAY}

[source]
kind = "files"
folder = "small"
system = "small"
get = "Ask Ann for the export."
"""
    return head + "".join(_mapping(table) for table in tables)


def write(path: Path, table: str, rows: Rows) -> None:
    """Write rows as CSV; without rows only the header line."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS[table])
        writer.writeheader()
        writer.writerows(rows)


def _mapping(table: str) -> str:
    columns = "\n".join(f'{column} = "{column}"' for column in COLUMNS[table])
    return f"""
[source.files.{table}]
path = "{table}.csv"

[[source.tables]]
table = "{table}"
file = "{table}"
[source.tables.columns]
{columns}
"""


def _add_account(tables: dict[str, Rows], made: random.Random, number: int, *, all_churned: bool) -> None:
    key = f"a{number}"
    started = FIRST_DAY + timedelta(days=made.randrange(240))
    length = made.randrange(60, 120) if all_churned else made.randrange(60, 900)
    ended = started + timedelta(days=length)
    is_over = ended <= LAST_DAY
    industry, region = made.choice(["retail", "health"]), made.choice(["north", "south"])
    tables["accounts"].append({"account_id": key, "industry": industry, "region": region, "created_at": started})
    contract = {"subscription_id": f"s{number}", "account_id": key, "mrr": 50 + made.randrange(200)}
    tables["subscriptions"].append(contract | {"started_on": started, "ended_on": ended if is_over else None})
    for at, day in enumerate(_days(started, min(ended, LAST_DAY), step=14)):
        usage = {"usage_id": f"u{number}-{at}", "account_id": key, "used_on": day, "events": made.randrange(1, 50)}
        tables["product_usage"].append(usage)
    if made.random() < 0.5:
        ticket = {"ticket_id": f"t{number}", "account_id": key, "opened_at": started + timedelta(days=20)}
        tables["support_tickets"].append(ticket | {"resolved_at": started + timedelta(days=22)})


def _add_lead(tables: dict[str, Rows], made: random.Random, number: int, accounts: int) -> None:
    key, account = f"l{number}", f"a{number}" if number < accounts else None
    created = FIRST_DAY + timedelta(days=made.randrange(500))
    source = made.choice(["website", "event"])
    lead = {"lead_id": key, "account_id": account, "lead_source": source, "industry": "retail", "created_at": created}
    tables["leads"].append(lead)
    if made.random() < 0.6:
        event = {"event_id": f"e{number}", "lead_id": key, "stage": "mql", "entered_at": created + timedelta(days=5)}
        tables["lead_stage_events"].append(event)
    if made.random() < 0.5:
        outcome = made.choice(["won", "lost", "open"])
        closed = None if outcome == "open" else created + timedelta(days=40)
        deal = {"deal_id": f"d{number}", "account_id": account, "lead_id": key, "amount": 100 + made.randrange(900)}
        opened = created + timedelta(days=9)
        tables["deals"].append(deal | {"created_at": opened, "closed_at": closed, "outcome": outcome})


def _orders(made: random.Random, number: int) -> Iterator[dict[str, object]]:
    step = made.randrange(20, 90)
    for at, day in enumerate(_days(FIRST_DAY + timedelta(days=made.randrange(120)), LAST_DAY, step=step)):
        kind = "refund" if made.random() < 0.05 else "order"
        order = {"transaction_id": f"o{number}-{at}", "account_id": f"b{number}", "amount": 10 + made.randrange(90)}
        yield order | {"kind": kind, "occurred_at": day, "paid_at": day}
        if made.random() < 0.1:
            return


def _days(first: date, last: date, step: int) -> Iterator[date]:
    return (first + timedelta(days=days) for days in range(0, (last - first).days + 1, step))
