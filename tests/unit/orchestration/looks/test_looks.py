"""What a table's page says of its rows."""

import json
from collections.abc import Iterator
from datetime import date

import duckdb
import pandas as pd
import pytest

from orchestration.looks import looks

IMAGE = "data:image/png;base64,"


@pytest.fixture
def marts() -> Iterator[duckdb.DuckDBPyConnection]:
    """The columns of the tables that are looked at, without rows."""
    with duckdb.connect() as connection:
        connection.execute("create schema marts; create schema monitoring")
        connection.execute(
            "create table marts.fct_lead_funnel (cohort_month date, from_stage varchar, to_stage varchar, "
            "window_days integer, entered_count bigint, reached_count bigint, is_mature boolean)"
        )
        connection.execute(
            "create table marts.fct_mrr_movements (month_start date, opening_mrr decimal(18,2), new_mrr decimal(18,2), "
            "expansion_mrr decimal(18,2), reactivation_mrr decimal(18,2), contraction_mrr decimal(18,2), "
            "churn_mrr decimal(18,2), closing_mrr decimal(18,2), is_complete boolean)"
        )
        connection.execute(
            "create table marts.fct_deals (current_stage varchar, forecast_category varchar, amount decimal(18,2), "
            "age_days integer, is_open boolean)"
        )
        connection.execute(
            "create table monitoring.drift (model varchar, name varchar, psi double, psi_limit double, ks double, "
            "ks_noise double, reference_missing double, current_missing double, as_of date)"
        )
        yield connection


def shown(look: looks.Look, name: str) -> list[str]:
    """The lines of a table below its head."""
    return str(look[name].value).splitlines()[2:]


def test_a_funnel_counts_mature_cohorts_in_the_longest_window(marts: duckdb.DuckDBPyConnection) -> None:
    """A young cohort would look like a bad one; counts have separators, the conversion is a rate."""
    marts.execute(
        "insert into marts.fct_lead_funnel values ('2025-01-01', 'lead', 'mql', 90, 12000, 3000, true), "
        "('2025-01-01', 'lead', 'mql', 30, 12000, 1000, true), ('2025-06-01', 'lead', 'mql', 90, 500, 1, false)"
    )
    found = looks.of_table("marts.fct_lead_funnel", marts)
    assert shown(found, "last_12_cohorts") == ["| lead | mql | 90 | 12,000 | 3,000 | 0.250 |"]
    assert IMAGE in str(found["figure"].value)


def test_movements_run_from_the_oldest_month_to_the_newest_complete_one(marts: duckdb.DuckDBPyConnection) -> None:
    """Twelve months of all accounts together; a month under way is none of them."""
    marts.execute(
        "insert into marts.fct_mrr_movements select '2024-01-01'::date + to_months(n::integer), "
        "1000 + n, 1, 0, 0, 0, 0, 1001 + n, n < 13 from range(14) t(n), range(2)"
    )
    found = looks.of_table("marts.fct_mrr_movements", marts)
    lines = shown(found, "last_12_months")
    assert len(lines) == looks.MONTHS
    assert lines[0].startswith("| 2024-02-01 | 2,002 | 2.000 |")
    assert lines[-1].endswith("| 2,026 |")
    assert IMAGE in str(found["figure"].value)


def test_a_stage_of_the_source_breaks_no_table(marts: duckdb.DuckDBPyConnection) -> None:
    """Open deals by stage, the largest amount first; the name of a stage stays one cell, and may be missing."""
    marts.execute(
        "insert into marts.fct_deals values ('won | lost', 'commit', 2500000, 10, true), "
        "(null, 'pipeline', 10, 20, true), ('closed', 'closed', 1, 1, false)"
    )
    lines = shown(looks.of_table("marts.fct_deals", marts), "open_by_stage")
    assert lines == ["| won \\| lost | commit | 1 | 2,500,000 | 10.000 |", "| – | pipeline | 1 | 10 | 20.000 |"]


@pytest.mark.parametrize("table", looks.LOOKS)
def test_a_table_without_rows_says_so(marts: duckdb.DuckDBPyConnection, table: str) -> None:
    """A company without leads, contracts or deals has a page that says so, without a figure of nothing."""
    (said,) = looks.of_table(table, marts).values()
    assert said.value == "no rows"


def test_most_tables_have_no_look(marts: duckdb.DuckDBPyConnection) -> None:
    """A row count is enough for them."""
    assert looks.of_table("marts.dim_accounts", marts) == {}


def test_drift_shows_the_inputs_that_moved_most_against_their_limit(marts: duckdb.DuckDBPyConnection) -> None:
    """Of the month asked for, the farthest beyond its limit first; a distance that there is not is a dash."""
    marts.execute(
        "insert into monitoring.drift values ('churn', 'seats', 0.2, 0.1, 'nan', null, 0, 0, '2025-01-31'), "
        "('churn', 'score', 0.3, 0.3, 0.1, 0.05, 0, 0, '2025-01-31'), ('clv', 'old', 9, 0.1, 1, 1, 0, 0, '2024-12-31')"
    )
    lines = shown(looks.drift(marts, date(2025, 1, 31)), "most_shifted")
    assert [line.split(" | ")[0] for line in lines] == ["| churn: seats", "| churn: score"]
    assert "| 0.200 | 0.100 | – | – |" in lines[0]
    assert looks.drift(marts, date(2020, 1, 31)).keys() == {"most_shifted"}


def statements(count: int) -> pd.DataFrame:
    reasons = json.dumps([{"text": f"reason {at}"} for at in range(9)])
    return pd.DataFrame(
        {
            "account_id": [f"a{at}" for at in range(count)],
            "as_of": pd.Timestamp("2025-01-31"),
            "value": [at / count for at in range(count)],
            "reasons": reasons,
            "actions": [None] * count,
        }
    )


def test_predictions_show_the_highest_with_reasons_in_words() -> None:
    """Fifteen of many, the highest first, with their first reasons; what is the same in every row is left out."""
    lines = str(looks.predictions(statements(1000))["highest"].value).splitlines()
    assert lines[0] == "| account_id | value | reasons | actions |"
    assert lines[2] == "| a999 | 0.999 | reason 0; reason 1; reason 2 | – |"
    assert len(lines) == 2 + looks.ROWS


def test_a_month_without_predictions_says_so() -> None:
    """Nobody to speak of is no failure."""
    for nothing in (statements(1).iloc[:0], pd.DataFrame()):
        assert looks.predictions(nothing)["highest"].value == "no rows"
