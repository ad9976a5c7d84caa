"""What a landing does when the machine's clock went back since the one before."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from ingestion.landing import land
from tests.factories import mapped_company

FIRST, EARLIER = datetime(2024, 6, 2, 12, tzinfo=UTC), datetime(2024, 6, 1, 12, tzinfo=UTC)
COLUMNS = {"account_id": "id", "region": "region"}


def test_the_row_landed_last_stays_the_newest(tmp_path: Path) -> None:
    """A changed row is the newer version, and each landing has a name and a time of its own, in their order."""
    company = mapped_company(
        {"accounts": "accounts.csv"}, [{"table": "accounts", "file": "accounts", "columns": COLUMNS}]
    )
    (tmp_path / "acme").mkdir()
    con = duckdb.connect()
    for at, region in ((FIRST, "North"), (EARLIER, "South"), (EARLIER, "West")):
        (tmp_path / "acme" / "accounts.csv").write_text(f"id,region\n1,{region}\n")
        land(con, company, tmp_path, at)
    rows = con.execute("select region from raw.accounts order by known_at, loaded_at").fetchall()
    assert rows == [("North",), ("South",), ("West",)]
    assert con.execute("select count(distinct load_id), count(distinct loaded_at) from control.loads").fetchall() == [
        (3, 3)
    ]
