"""The one mart that is built month by month gives what a full build gives, and computes no month without a reason."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.transformations.dbt_command import run_dbt
from tests import factories, miniature
from tests.dbt_builds import reader

pytestmark = pytest.mark.slow  # five dbt runs

TABLE = "marts.fct_account_usage_monthly"
LANDED_LATER = "2025-07-20"
TAMPERED = -1


def _use(key: str, account: str, used_on: str, **more: object) -> dict[str, Any]:
    landed = {"loaded_at": LANDED_LATER, "known_at": LANDED_LATER}
    return (
        {"usage_id": key, "account_id": account, "used_on": used_on, "feature": "reports", "events": 3} | landed | more
    )


LATE = [_use("late", "a2", "2024-09-20")]
CHANGED = [_use("a4-reports-2024-10-10", "a4", "2024-10-10", events=60, active_users=9)]
MOVED = [_use("a6-alerts-2024-06-03", "a6", "2024-08-03", feature="alerts")]
OLDER_FEATURE = [_use("older", "a1", "2024-04-02", feature="exports")]
NEW_MONTH = [_use("new", "a1", "2025-07-10", feature="alerts"), _use("beyond", "a1", "2025-07-16")]


def _build(warehouse: Path, *options: str) -> None:
    run_dbt(
        "run", "--select", f"+{TABLE.split('.')[1]}", *options, warehouse=warehouse, target=warehouse.parent / "target"
    )


def _land(warehouse: Path, rows: Sequence[Mapping[str, Any]], data_until: str = "2025-06-30") -> None:
    company = factories.company(**miniature.SETTINGS | {"data_until": data_until})
    factories.raw_warehouse(warehouse, {"product_usage": rows}, company)


def _rows(warehouse: Path) -> list[tuple[Any, ...]]:
    return reader(warehouse)(f"select * from {TABLE} order by account_id, month_start")


def _tamper(warehouse: Path) -> None:
    """Mark every row, so that a month that is built again shows."""
    with duckdb.connect(str(warehouse)) as con:
        con.execute(f"update {TABLE} set events_count = {TAMPERED}")


def _built_again(warehouse: Path) -> list[date]:
    months = reader(warehouse)(f"select distinct month_start from {TABLE} where events_count <> {TAMPERED} order by 1")
    return [month for (month,) in months]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with the usage of the miniature company, built once."""
    usage = {"product_usage": miniature.CONTRACTUAL["product_usage"]}
    company = factories.company(**miniature.SETTINGS)
    warehouse = factories.raw_warehouse(tmp_path_factory.mktemp("incremental") / "warehouse.duckdb", usage, company)
    _build(warehouse)
    return warehouse


@pytest.fixture
def warehouse(built: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copy(built, tmp_path / "warehouse.duckdb"))


def test_incremental_build_gives_what_a_full_build_gives(warehouse: Path) -> None:
    """Row by row, after late, changed, moved and new rows, an older feature and a month under way."""
    before = _rows(warehouse)
    _land(warehouse, [*LATE, *CHANGED, *MOVED, *OLDER_FEATURE, *NEW_MONTH], data_until="2025-07-15")

    _build(warehouse)
    incremental = _rows(warehouse)
    _build(warehouse, "--full-refresh")

    assert incremental == _rows(warehouse)
    assert incremental != before


def test_incremental_build_computes_only_months_that_changed(warehouse: Path) -> None:
    """The months of the rows and those whose trend reaches back to them; a month that lost its only row is gone.

    The late row of 20 September is in the 56 days up to 31 October. The change of 10 October is in those up to 30
    November (from 6 October). The row moved from June to 3 August leaves June empty and is older than those up to 30
    September (from 6 August); with it, alerts were first seen in August.
    """
    _tamper(warehouse)
    _land(warehouse, [*LATE, *CHANGED, *MOVED])

    _build(warehouse)

    assert _built_again(warehouse) == [date(2024, month, 1) for month in (8, 9, 10, 11)]
    assert reader(warehouse)(f"select count(*) from {TABLE} where month_start = '2024-06-01'") == [(0,)]


def test_incremental_build_without_news_computes_nothing(warehouse: Path) -> None:
    """Rows that landed after the end of the data, or not at all, leave every month as it was."""
    _tamper(warehouse)
    _land(warehouse, NEW_MONTH)

    _build(warehouse)

    assert _built_again(warehouse) == []
    assert reader(warehouse)(f"select count(*) from {TABLE}") == [(12,)]
