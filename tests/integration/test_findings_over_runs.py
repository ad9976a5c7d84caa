"""A fault that appears, is mended and returns, over several runs of dbt on one warehouse."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import duckdb
import pytest

from orchestration.transformations.dbt_command import run_dbt
from tests import factories
from tests.dbt_builds import FINDINGS, Query, reader

pytestmark = pytest.mark.slow  # five runs of dbt

FIRST = ("build", *FINDINGS)
# What a run changes of the findings below, without building the rest again.
LATER = ("run", "--select", "int_money_columns+", "int_findings_landing", "int_landed_rows")
LIFE = """
    select is_open, reopened_count, first_seen, last_seen, resolved_at from marts.fct_data_quality_findings
    where rule = '{rule}'
"""


def deal(amount: int, known_at: str) -> dict[str, object]:
    return {"deal_id": "d", "amount": amount, "currency": "EUR", "created_at": "2024-01-01", "known_at": known_at}


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[Any]], Query]:
    """The life of two findings after each of five runs: faulty, mended, mended, faulty again, full refresh."""
    folder = tmp_path_factory.mktemp("runs")
    warehouse = folder / "warehouse.duckdb"
    query = reader(warehouse)
    lives: dict[str, list[Any]] = {"negative_money": [], "quarantined_row": []}

    def run(arguments: Sequence[str], change: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        with duckdb.connect(str(warehouse)) as con:
            change(con)
        run_dbt(*arguments, warehouse=warehouse, target=folder / "target")
        for rule, found in lives.items():
            found.extend(query(LIFE.format(rule=rule)))

    factories.raw_warehouse(warehouse, {"deals": [deal(-5, "2024-01-01")]})
    refused = "insert into quarantine.deals values ('1', 'test', 'd.csv', 7, '2024-01-01', ['no id'], '{}', null)"
    run(FIRST, lambda con: con.execute(refused))
    factories.raw_warehouse(warehouse, {"deals": [deal(5, "2024-02-01")]})
    run(LATER, lambda con: con.execute("update quarantine.deals set mended_at = '2024-02-01'"))
    run(LATER, lambda _: None)
    factories.raw_warehouse(warehouse, {"deals": [deal(-6, "2024-03-01")]})
    run(LATER, lambda con: con.execute("update quarantine.deals set mended_at = null"))
    run((*LATER, "--full-refresh"), lambda _: None)
    return lives, query


@pytest.mark.parametrize("rule", ["negative_money", "quarantined_row"])
def test_finding_opens_resolves_and_reopens(lives: tuple[dict[str, list[Any]], Query], rule: str) -> None:
    """It is open with its fault, resolved once by the first run without it, and open again with its first day kept."""
    appeared, mended, still_mended, returned, refreshed = lives[0][rule]
    first_seen: datetime = appeared[2]
    assert appeared == (True, 0, first_seen, first_seen, None)
    assert mended[:4] == (False, 0, first_seen, first_seen)
    assert mended[4] > first_seen
    assert still_mended == mended
    assert returned == (True, 1, first_seen, returned[3], None)
    assert returned[3] > mended[4]
    assert refreshed == (True, 1, first_seen, refreshed[3], None)
    assert refreshed[3] > returned[3]


def test_finding_says_what_is_wrong_now(lives: tuple[dict[str, list[Any]], Query]) -> None:
    """A reopened finding has the message and the day of the fault that is there, under the key it always had."""
    query = lives[1]
    assert query(
        "select count(*), max(message), max(cast(happened_on as varchar)) from marts.fct_data_quality_findings"
        " where rule = 'negative_money'"
    ) == [(1, "amount is -6.00 EUR.", "2024-03-01")]


def test_history_keeps_one_score_a_day(lives: tuple[dict[str, list[Any]], Query]) -> None:
    """Runs of one day leave the score of the newest: one negative deal and one refused row, of two, are errors."""
    rows = lives[1](
        "select source, table_name, rows_count, error_rows_count, score from marts.fct_data_quality_score_history"
        " where scored_on = (select max(scored_on) from marts.fct_data_quality_score_history)"
    )
    assert rows == [("test", "deals", 2, 2, 0.0)]
