"""A small company whose source grows day by day: every row as the versions in which it came to be known.

Belongs here: which rows are delivered on which morning, with all that goes wrong in a week of deliveries. Does not
belong here: what a pipeline does with them (`tests.daily_ticks`).

Each file has the source's own clock (`modified_at`, 18:00 of the day on which the version came to be). A delivery in
the morning holds what was modified on the day before; the first one holds all history.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path

from orchestration.resources import Deployment
from tests import small_companies
from tests.small_companies import COLUMNS, Rows

Row = dict[str, object]
FIRST_DELIVERY = date(2024, 6, 26)
MORNINGS = [FIRST_DELIVERY + timedelta(days=days) for days in range(1, 8)]
WITHOUT_FILES, BROKEN, RESENT = date(2024, 7, 1), date(2024, 7, 2), date(2024, 6, 30)
TABLES = tuple(table for table in COLUMNS if table != "transactions")
# The day on which a row comes to be known, and the columns that are filled in on a later day.
BORN = {
    "accounts": "created_at",
    "leads": "created_at",
    "lead_stage_events": "entered_at",
    "deals": "created_at",
    "subscriptions": "started_on",
    "product_usage": "used_on",
    "support_tickets": "opened_at",
}
FILLED_IN = {"deals": "closed_at", "subscriptions": "ended_on", "support_tickets": "resolved_at"}


def deploy(folder: Path, *, accounts: int = 30, leads: int = 80) -> Deployment:
    """The company with its settings and an empty source folder; nothing is delivered yet."""
    deployment = small_companies.deploy(folder, "growing", "contractual", {})
    path = Path(deployment.companies_folder) / "growing.toml"
    text = small_companies.settings("contractual", TABLES).replace(f"data_until = {small_companies.LAST_DAY}\n", "")
    for table in TABLES:
        text = text.replace(f'path = "{table}.csv"', f'path = "{table}-*.csv"\nincrements = true')
        text = text.replace(f'file = "{table}"\n', f'file = "{table}"\nknown_at = "modified_at"\n')
    path.write_text(text + '\n[automation]\non = ["daily_refresh", "new_files"]\n')
    for table, rows in deliveries(accounts, leads)[FIRST_DELIVERY].items():
        _write(deployment, f"{table}-{FIRST_DELIVERY}", table, rows)
    return deployment


def deliver(deployment: Deployment, morning: date, *, accounts: int = 30, leads: int = 80) -> None:
    """Put the files of a morning into the source's folder: none on a day without, a broken one where it is due."""
    arrived = deliveries(accounts, leads)
    if morning == WITHOUT_FILES:
        return
    if morning == WITHOUT_FILES + timedelta(days=1):
        _put(deployment, WITHOUT_FILES, arrived[WITHOUT_FILES])
    _put(deployment, morning, arrived[morning])
    folder = deployment.source_folder / "small"
    if morning == RESENT:
        sent = f"product_usage-{morning - timedelta(days=1)}"
        (folder / f"{sent}-resent.csv").write_bytes((folder / f"{sent}.csv").read_bytes())
    if morning == BROKEN:
        broken = folder / f"leads-{morning}.csv"
        broken.write_text(broken.read_text().replace("lead_id", "id of lead"))


def mend(deployment: Deployment) -> None:
    """Send the broken file again as it should have been."""
    broken = deployment.source_folder / "small" / f"leads-{BROKEN}.csv"
    broken.write_text(broken.read_text().replace("id of lead", "lead_id"))


def deliveries(accounts: int, leads: int) -> Mapping[date, Mapping[str, Rows]]:
    """What arrives on each morning, by table."""
    arrived: dict[date, dict[str, Rows]] = {morning: defaultdict(list) for morning in [FIRST_DELIVERY, *MORNINGS]}
    for table in TABLES:
        arrived[FIRST_DELIVERY][table] = []
    for table, row in [*_versions(small_companies.contractual(accounts, leads)), *_week()]:
        known_at = row["modified_at"]
        assert isinstance(known_at, datetime)
        morning = max(known_at.date() + timedelta(days=1), FIRST_DELIVERY)
        if morning <= MORNINGS[-1]:
            arrived[morning][table].append(row)
    return arrived


def _versions(tables: Mapping[str, Rows]) -> Iterator[tuple[str, Row]]:
    """Each row as it was first known, and as it was after what came later."""
    for table, rows in tables.items():
        later = FILLED_IN.get(table)
        for row in rows:
            open_yet = {later: None} | ({"outcome": "open"} if table == "deals" else {}) if later else {}
            yield table, _known(row | open_yet, row[BORN[table]])
            if later and row[later]:
                yield table, _known(row, row[later])


def _week() -> Iterator[tuple[str, Row]]:
    """What the week brings beside the ordinary: new, late, corrected and bad rows."""
    june = date(2024, 6, 1)
    for day in (date(2024, 6, 26) + timedelta(days=days) for days in range(7)):
        for number in range(0, 10, 2):
            yield "product_usage", _known(_usage(f"week-{day}-{number}", number, day), day)
        yield "leads", _known(_lead(f"week-{day}", day), day)
    # Known four weeks after they happened: a month that was scored already must not learn of them.
    for number in range(8):
        happened = june - timedelta(days=3 * number + 1)
        yield "product_usage", _known(_usage(f"late-{number}", number, happened), date(2024, 6, 28))
    yield "leads", _known(_lead("late", date(2024, 4, 20)), date(2024, 6, 29))
    corrected = {"account_id": "a1", "industry": "finance", "region": "north", "created_at": small_companies.FIRST_DAY}
    yield "accounts", _known(corrected, date(2024, 6, 27))
    yield "accounts", _known(corrected | {"industry": "health"}, date(2024, 6, 29))
    # Refused first, and sent again in order.
    yield "product_usage", _known(_usage("bad", 3, june) | {"events": "many"}, date(2024, 6, 27))
    yield "product_usage", _known(_usage("bad", 3, june) | {"events": 7}, date(2024, 6, 29))


def _known(row: Row, day: object) -> Row:
    assert isinstance(day, date)
    return row | {"modified_at": datetime.combine(day, time(18))}


def _usage(key: str, account: int, day: date) -> Row:
    return {"usage_id": f"u-{key}", "account_id": f"a{account}", "used_on": day, "events": 5 + account}


def _lead(key: str, day: date) -> Row:
    described = {"account_id": None, "lead_source": "website", "industry": "retail"}
    return {"lead_id": f"l-{key}", "created_at": day} | described


def _put(deployment: Deployment, morning: date, tables: Mapping[str, Rows]) -> None:
    for table, rows in tables.items():
        _write(deployment, f"{table}-{morning}", table, rows)


def _write(deployment: Deployment, name: str, table: str, rows: Sequence[Row]) -> None:
    folder = deployment.source_folder / "small"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*COLUMNS[table], "modified_at"])
        writer.writeheader()
        writer.writerows(rows)
