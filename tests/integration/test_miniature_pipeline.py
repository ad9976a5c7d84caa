"""Figures of the pipeline, computed by hand from the rows of tests/miniature.py.

Deals of the company with contracts (created, closed, days between; d5 is 1320 USD at 1.0837 in February 2024):
d1 8-10 Jan 24 (2), d2 5-15 Jan (10), d3 20 Jan-1 Feb (12), d4 25 Jan-1 Feb (7), d5 15 Feb-1 Mar (15), d6 1 Apr-1 May
(30), d7 2-15 May (13), d8 5 Sep-20 Nov, lost (76), d9 from 10 Mar 25, open, d10 1 Jun-1 Jul 24 (30), d11 10 Dec 24-20
Jan 25 (41), d12 from 10 Jun 25, open. Owner o1 sells software, o2 sells retail.
"""

import shutil
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from ingestion.control import write_settings
from orchestration.transformations.dbt_command import run_dbt
from tests import factories, miniature
from tests.dbt_builds import Query, reader

pytestmark = pytest.mark.slow  # two dbt builds

D5 = Decimal("1218.05")  # 1320 / 1.0837 = 1218.049...
MARTS = (
    "fct_deals",
    "fct_pipeline_monthly",
    "fct_pipeline_velocity",
    "fct_open_deals_monthly",
    "fct_pipeline_ageing",
    "fct_deal_stage_spells",
    "fct_deal_stage_flow",
    "fct_win_rates",
    "fct_deal_slippage",
    "fct_pipeline_coverage",
    "fct_pipeline_forecasts",
)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.fixture(scope="module")
def with_targets(miniature_contractual: Query, shared_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Query:
    """The company with contracts after it has set targets and called proposals committed."""
    assert miniature_contractual("select count(*) from marts.fct_pipeline_coverage") == [(0,)]
    folder = tmp_path_factory.mktemp("targets")
    warehouse = Path(shutil.copy(shared_folder / "contractual" / "warehouse.duckdb", folder))
    targets = {"2025-01": 2000, "2025-06": 1000, "2025-07": 4000}
    settings = {"targets": targets, "stage_categories": {"Proposal": "commit", "qualified": "best_case"}}
    with duckdb.connect(str(warehouse)) as con:
        write_settings(con, factories.company(**miniature.SETTINGS, pipeline=settings))
    run_dbt(
        "run",
        "--select",
        "fct_deals",
        "fct_open_deals_monthly",
        "fct_pipeline_coverage",
        warehouse=warehouse,
        target=folder / "target",
    )
    return reader(warehouse)


def test_deals_say_where_they_came_from_and_how_sure_they_are(miniature_contractual: Query) -> None:
    """The lead's source, and the category by the probability of the stage: proposals of 0.5 are the best case."""
    deals = miniature_contractual(
        "select deal_id, lead_source, forecast_category, age_days, region, segment, amount from marts.fct_deals"
        " order by created_on"
    )
    assert deals == [
        ("d2", "event", "closed", 10, "south", "retail", Decimal(2400)),
        ("d1", "ads", "closed", 2, "north", "software", Decimal(1200)),
        ("d3", "ads", "closed", 12, "south", "software", Decimal(960)),
        ("d4", "referral", "closed", 7, "north", "retail", Decimal(720)),
        ("d5", "event", "closed", 15, "north", "software", D5),
        ("d6", "ads", "closed", 30, "south", "retail", Decimal(1080)),
        ("d7", "referral", "closed", 13, "north", "software", Decimal(480)),
        ("d10", "unknown", "closed", 30, "north", "software", Decimal(606)),
        ("d8", "ads", "omitted", 76, "south", "retail", Decimal(3000)),
        ("d11", "unknown", "closed", 41, "south", "software", Decimal(1440)),
        ("d9", "event", "best_case", 112, "north", "software", Decimal(2000)),
        ("d12", "unknown", "pipeline", 20, "south", "retail", Decimal(500)),
    ]


def test_pipeline_holds_each_month_end_s_open_deals(miniature_contractual: Query) -> None:
    """Deals count in the stage of then; one that was created or closed on the first of the next month is told apart."""
    rows = miniature_contractual(
        "select as_of, stage, open_count, open_amount, weighted_amount, overdue_count, age_days_sum, mean_age_days"
        " from marts.fct_pipeline_monthly order by 1, 2"
    )
    expected = [
        ("2024-01-31", "proposal", Decimal(960), 480.0, 11),  # d3
        ("2024-01-31", "qualified", Decimal(720), 144.0, 6),  # d4
        ("2024-02-29", "negotiation", D5, 974.44, 14),  # d5: 1218.05 * 0.8
        ("2024-04-30", "proposal", Decimal(1080), 540.0, 29),  # d6
        ("2024-06-30", "proposal", Decimal(606), 303.0, 29),  # d10, due that day
        ("2024-09-30", "qualified", Decimal(3000), 600.0, 25),  # d8
        ("2024-10-31", "proposal", Decimal(3000), 1500.0, 56),
        ("2024-12-31", "qualified", Decimal(1440), 288.0, 21),  # d11
        ("2025-03-31", "qualified", Decimal(2000), 400.0, 21),  # d9
        ("2025-04-30", "proposal", Decimal(2000), 1000.0, 51),
        ("2025-05-31", "proposal", Decimal(2000), 1000.0, 82),  # due that day until the day before: pushed
        ("2025-06-30", "proposal", Decimal(2000), 1000.0, 112),
        ("2025-06-30", "qualified", Decimal(500), 100.0, 20),  # d12
    ]
    assert rows == [
        (day(as_of), stage, 1, amount, pytest.approx(weighted, rel=1e-12), 0, age, float(age))
        for as_of, stage, amount, weighted, age in expected
    ]


def test_velocity_is_money_per_day(miniature_contractual: Query) -> None:
    """Open deals x win rate x mean won amount / mean cycle, over the deals closed in twelve months."""
    rows = miniature_contractual("select * from marts.fct_pipeline_velocity order by as_of")
    # open, closed, won, amount won, days of the closed ones
    expected = [
        ("2024-01-31", 2, 2, 2, Decimal(3600), 12),  # d1, d2
        ("2024-02-29", 1, 4, 4, Decimal(5280), 31),  # + d3, d4
        ("2024-03-31", 0, 5, 5, 5280 + D5, 46),  # + d5
        ("2024-04-30", 1, 5, 5, 5280 + D5, 46),
        ("2024-05-31", 0, 7, 7, 6840 + D5, 89),  # + d6, d7
        ("2024-06-30", 1, 7, 7, 6840 + D5, 89),
        ("2024-07-31", 0, 8, 8, 7446 + D5, 119),  # + d10
        ("2024-08-31", 0, 8, 8, 7446 + D5, 119),
        ("2024-09-30", 1, 8, 8, 7446 + D5, 119),
        ("2024-10-31", 1, 8, 8, 7446 + D5, 119),
        ("2024-11-30", 0, 9, 8, 7446 + D5, 195),  # + d8, lost
        ("2024-12-31", 1, 9, 8, 7446 + D5, 195),
        ("2025-01-31", 0, 8, 7, 5286 + D5, 224),  # + d11 - d1, d2
        ("2025-02-28", 0, 6, 5, 3606 + D5, 205),  # - d3, d4
        ("2025-03-31", 1, 5, 4, Decimal(3606), 190),  # - d5
        ("2025-04-30", 1, 5, 4, Decimal(3606), 190),  # d6 closed on 1 May
        ("2025-05-31", 1, 3, 2, Decimal(2046), 147),  # - d6, d7
        ("2025-06-30", 2, 3, 2, Decimal(2046), 147),  # d10 closed on 1 July
    ]
    assert rows == [
        (
            day(as_of),
            open_count,
            closed,
            won,
            amount,
            days,
            won / closed,
            pytest.approx(float(amount) / won, rel=1e-12),
            days / closed,
            pytest.approx(open_count * (won / closed) * (float(amount) / won) / (days / closed), rel=1e-12),
        )
        for as_of, open_count, closed, won, amount, days in expected
    ]


def test_stage_spells_follow_every_deal(miniature_contractual: Query) -> None:
    """Each deal's stages with their days, next stage and end; skipping a stage is forward, too."""
    spells = miniature_contractual(
        "select deal_id, spell_number, stage, next_stage, spell_outcome, entered_on, left_on, stage_days"
        " from marts.fct_deal_stage_spells order by cast(substr(deal_id, 2) as integer), spell_number"
    )
    q, p, n = "qualified", "proposal", "negotiation"
    expected = [
        ("d1", 1, q, p, "forward", "2024-01-08", "2024-01-09", 1),
        ("d1", 2, p, None, "won", "2024-01-09", "2024-01-10", 1),
        ("d2", 1, q, p, "forward", "2024-01-05", "2024-01-10", 5),
        ("d2", 2, p, None, "won", "2024-01-10", "2024-01-15", 5),
        ("d3", 1, q, p, "forward", "2024-01-20", "2024-01-28", 8),
        ("d3", 2, p, None, "won", "2024-01-28", "2024-02-01", 4),
        ("d4", 1, q, None, "won", "2024-01-25", "2024-02-01", 7),
        ("d5", 1, q, p, "forward", "2024-02-15", "2024-02-20", 5),
        ("d5", 2, p, n, "forward", "2024-02-20", "2024-02-28", 8),
        ("d5", 3, n, None, "won", "2024-02-28", "2024-03-01", 2),
        ("d6", 1, q, p, "forward", "2024-04-01", "2024-04-20", 19),
        ("d6", 2, p, None, "won", "2024-04-20", "2024-05-01", 11),
        ("d7", 1, q, None, "won", "2024-05-02", "2024-05-15", 13),
        ("d8", 1, q, p, "forward", "2024-09-05", "2024-10-01", 26),
        ("d8", 2, p, None, "lost", "2024-10-01", "2024-11-20", 50),
        ("d9", 1, q, p, "forward", "2025-03-10", "2025-04-15", 36),
        ("d9", 2, p, None, "open", "2025-04-15", None, 76),
        ("d10", 1, p, None, "won", "2024-06-01", "2024-07-01", 30),
        ("d11", 1, q, n, "forward", "2024-12-10", "2025-01-10", 31),
        ("d11", 2, n, None, "won", "2025-01-10", "2025-01-20", 10),
        ("d12", 1, q, None, "open", "2025-06-10", None, 20),
    ]
    assert spells == [
        (*words, day(entered_on), day(left_on) if left_on else None, days)
        for *words, entered_on, left_on, days in expected
    ]


def test_stage_flow_counts_each_month(miniature_contractual: Query) -> None:
    """Opening, entered, left by kind, closing, and the days of those that left; quiet months have zeros."""
    rows = miniature_contractual(
        "select stage, month_start, opening_count, entered_count, left_forward_count, won_count, lost_count,"
        " closing_count, left_stage_days, median_stage_days from marts.fct_deal_stage_flow"
        " where opening_count + entered_count + left_count > 0 order by 1, 2"
    )
    expected = [
        ("negotiation", "2024-02-01", 0, 1, 0, 0, 0, 1, 0, None),  # d5
        ("negotiation", "2024-03-01", 1, 0, 0, 1, 0, 0, 2, 2.0),
        ("negotiation", "2025-01-01", 0, 1, 0, 1, 0, 0, 10, 10.0),  # d11
        ("proposal", "2024-01-01", 0, 3, 0, 2, 0, 1, 6, 3.0),  # d1 1, d2 5, d3 stays
        ("proposal", "2024-02-01", 1, 1, 1, 1, 0, 0, 12, 6.0),  # d3 4, d5 8
        ("proposal", "2024-04-01", 0, 1, 0, 0, 0, 1, 0, None),  # d6
        ("proposal", "2024-05-01", 1, 0, 0, 1, 0, 0, 11, 11.0),
        ("proposal", "2024-06-01", 0, 1, 0, 0, 0, 1, 0, None),  # d10
        ("proposal", "2024-07-01", 1, 0, 0, 1, 0, 0, 30, 30.0),
        ("proposal", "2024-10-01", 0, 1, 0, 0, 0, 1, 0, None),  # d8
        ("proposal", "2024-11-01", 1, 0, 0, 0, 1, 0, 50, 50.0),
        ("proposal", "2025-04-01", 0, 1, 0, 0, 0, 1, 0, None),  # d9
        ("proposal", "2025-05-01", 1, 0, 0, 0, 0, 1, 0, None),
        ("proposal", "2025-06-01", 1, 0, 0, 0, 0, 1, 0, None),
        ("qualified", "2024-01-01", 0, 4, 3, 0, 0, 1, 14, 5.0),  # d1 1, d2 5, d3 8, d4 stays
        ("qualified", "2024-02-01", 1, 1, 1, 1, 0, 0, 12, 6.0),  # d4 7, d5 5
        ("qualified", "2024-04-01", 0, 1, 1, 0, 0, 0, 19, 19.0),  # d6
        ("qualified", "2024-05-01", 0, 1, 0, 1, 0, 0, 13, 13.0),  # d7
        ("qualified", "2024-09-01", 0, 1, 0, 0, 0, 1, 0, None),  # d8
        ("qualified", "2024-10-01", 1, 0, 1, 0, 0, 0, 26, 26.0),
        ("qualified", "2024-12-01", 0, 1, 0, 0, 0, 1, 0, None),  # d11
        ("qualified", "2025-01-01", 1, 0, 1, 0, 0, 0, 31, 31.0),
        ("qualified", "2025-03-01", 0, 1, 0, 0, 0, 1, 0, None),  # d9
        ("qualified", "2025-04-01", 1, 0, 1, 0, 0, 0, 36, 36.0),
        ("qualified", "2025-06-01", 0, 1, 0, 0, 0, 1, 0, None),  # d12
    ]
    assert rows == [(stage, day(month), *figures) for stage, month, *figures in expected]
    kinds = "sum(left_backward_count), sum(reentered_count), count(*)"
    # eighteen months of qualified and proposal, seventeen of negotiation
    assert miniature_contractual(f"select {kinds} from marts.fct_deal_stage_flow") == [(0, 0, 53)]


def test_win_rates_of_each_dimension_hold_every_closed_deal(miniature_contractual: Query) -> None:
    """Over all months: nine won, one lost, whichever way they are grouped."""
    rows = miniature_contractual(
        "select dimension_name, dimension_value, sum(won_count), sum(lost_count), sum(won_amount), sum(lost_amount),"
        " sum(won_cycle_days), sum(closed_cycle_days) from marts.fct_win_rates group by 1, 2 order by 1, 2"
    )
    none, lost = Decimal(0), Decimal(3000)
    by_seller = [(6, 0, 4686 + D5, none, 113, 113), (3, 1, Decimal(4200), lost, 47, 123)]
    assert rows == [
        ("all", "all", 9, 1, 8886 + D5, lost, 160, 236),
        ("lead_source", "ads", 3, 1, Decimal(3240), lost, 44, 120),  # d1, d3, d6 and d8
        ("lead_source", "event", 2, 0, 2400 + D5, none, 25, 25),  # d2, d5
        ("lead_source", "referral", 2, 0, Decimal(1200), none, 20, 20),  # d4, d7
        ("lead_source", "unknown", 2, 0, Decimal(2046), none, 71, 71),  # d10, d11: of no lead
        ("owner", "o1", *by_seller[0]),  # d1, d3, d5, d7, d10, d11
        ("owner", "o2", *by_seller[1]),  # d2, d4, d6 and d8
        ("pipeline", "expansion", 1, 0, Decimal(606), none, 30, 30),  # d10
        ("pipeline", "new", 8, 1, 8280 + D5, lost, 130, 206),
        ("region", "north", 5, 0, 3006 + D5, none, 67, 67),  # d1, d4, d5, d7, d10
        ("region", "south", 4, 1, Decimal(5880), lost, 93, 169),  # d2, d3, d6, d11 and d8
        ("segment", "retail", *by_seller[1]),
        ("segment", "software", *by_seller[0]),
    ]


def test_win_rate_has_an_interval_of_its_twelve_months(miniature_contractual: Query) -> None:
    """Two of three won in the last twelve months: 67 %, between 21 and 94 % (Wilson); June itself closed nothing."""
    rows = miniature_contractual(
        "select dimension_name, dimension_value, closed_count, win_rate, trailing_won_count, trailing_lost_count,"
        " trailing_win_rate, round(trailing_win_rate_lower, 4), round(trailing_win_rate_upper, 4), trailing_won_amount,"
        " trailing_lost_amount, trailing_won_cycle_days, trailing_closed_cycle_days from marts.fct_win_rates"
        " where month_start = '2025-06-01' and dimension_name in ('all', 'region', 'segment') order by 1, 2"
    )
    none, lost = Decimal(0), Decimal(3000)
    assert rows == [
        ("all", "all", 0, None, 2, 1, 2 / 3, 0.2077, 0.9385, Decimal(2046), lost, 71, 147),
        ("region", "north", 0, None, 1, 0, 1.0, 0.2065, 1.0, Decimal(606), none, 30, 30),
        ("region", "south", 0, None, 1, 1, 0.5, 0.0945, 0.9055, Decimal(1440), lost, 41, 117),
        ("segment", "retail", 0, None, 0, 1, 0.0, 0.0, 0.7935, none, lost, 0, 76),
        ("segment", "software", 0, None, 2, 0, 1.0, 0.3424, 1.0, Decimal(2046), none, 71, 71),
    ]
    twelve_months = miniature_contractual(
        "select trailing_won_count, trailing_closed_count from marts.fct_win_rates"
        " where dimension_name = 'all' order by month_start"
    )
    first_year = [(2, 2), (4, 4), (5, 5), (5, 5), (7, 7), (7, 7), *[(8, 8)] * 4, (8, 9), (8, 9)]
    assert twelve_months == [*first_year, (7, 8), (5, 6), (4, 5), (4, 5), (2, 3), (2, 3)]


def test_open_deals_are_shown_as_they_were_known(miniature_contractual: Query) -> None:
    """Expected close and category of then, and the age against the median cycle of the deals won by then."""
    rows = miniature_contractual(
        "select as_of, deal_id, stage, forecast_category, expected_close_on, usual_cycle_days, age_bucket, stage_days,"
        " weighted_amount, age_cycle_ratio, is_overdue, owner_id, pipeline, region, segment, lead_source"
        " from marts.fct_open_deals_monthly order by 1, 2"
    )
    q, p = ("qualified", "pipeline"), ("proposal", "best_case")
    d4 = ("o2", "new", "north", "retail", "referral")
    d8 = ("o2", "new", "south", "retail", "ads")
    d9 = ("o1", "new", "north", "software", "event")
    d10, d12 = ("o1", "expansion", "north", "software"), ("o2", "expansion", "south", "retail")
    south = ("o1", "new", "south", "software")
    expected = [
        # usual cycle: the median of 2, 10; then of 2, 7, 10, 12; of 2, 7, 10, 12, 15; of 2, 7, 10, 12, 13, 15, 30
        ("2024-01-31", "d3", *p, "2024-02-15", 6.0, "under_twice", 3, 480.0, 11 / 6, *south, "ads"),
        ("2024-01-31", "d4", *q, "2024-02-15", 6.0, "under_twice", 6, 144.0, 1.0, *d4),
        ("2024-02-29", "d5", "negotiation", "commit", "2024-03-15", 8.5, "under_twice", 1, 974.44, 14 / 8.5, *d9),
        ("2024-04-30", "d6", *p, "2024-05-15", 10.0, "twice_or_more", 10, 540.0, 2.9, *d8),
        ("2024-06-30", "d10", *p, "2024-06-30", 12.0, "twice_or_more", 29, 303.0, 29 / 12, *d10, "unknown"),
        # 2, 7, 10, 12, 13, 15, 30, 30
        ("2024-09-30", "d8", *q, "2024-10-31", 12.5, "twice_or_more", 25, 600.0, 2.0, *d8),
        ("2024-10-31", "d8", *p, "2024-11-30", 12.5, "twice_or_more", 30, 1500.0, 4.48, *d8),
        ("2024-12-31", "d11", *q, "2025-01-31", 12.5, "under_twice", 21, 288.0, 1.68, *south, "unknown"),
        # 13, 30, 30, 41, then 30, 41
        ("2025-03-31", "d9", *q, "2025-05-31", 30.0, "under_usual", 21, 400.0, 0.7, *d9),
        ("2025-04-30", "d9", *p, "2025-05-31", 30.0, "under_twice", 15, 1000.0, 1.7, *d9),
        ("2025-05-31", "d9", *p, "2025-07-31", 35.5, "twice_or_more", 46, 1000.0, 82 / 35.5, *d9),
        ("2025-06-30", "d12", *q, None, 35.5, "under_usual", 20, 100.0, 20 / 35.5, *d12, "unknown"),
        ("2025-06-30", "d9", *p, "2025-07-31", 35.5, "twice_or_more", 76, 1000.0, 112 / 35.5, *d9),
    ]
    assert rows == [
        (
            *(day(as_of), deal, stage, category, day(expected_on) if expected_on else None, usual, bucket, days),
            *(pytest.approx(weighted, rel=1e-12), pytest.approx(ratio, rel=1e-12), False, *words),
        )
        for as_of, deal, stage, category, expected_on, usual, bucket, days, weighted, ratio, *words in expected
    ]


def test_ageing_sums_up_the_open_deals(miniature_contractual: Query) -> None:
    """At the end one deal of 2000 is over twice as old as deals that were won, and one of 500 is not."""
    rows = miniature_contractual(
        "select stage, age_bucket, open_count, open_amount, overdue_count, overdue_amount, age_days_sum, stage_days_sum"
        " from marts.fct_pipeline_ageing where as_of = '2025-06-30' order by 1"
    )
    assert rows == [
        ("proposal", "twice_or_more", 1, Decimal(2000), 0, Decimal(0), 112, 76),
        ("qualified", "under_usual", 1, Decimal(500), 0, Decimal(0), 20, 20),
    ]
    assert miniature_contractual(
        "select age_bucket, sum(open_count), sum(open_amount) from marts.fct_pipeline_ageing group by 1 order by 1"
    ) == [
        ("twice_or_more", 6, Decimal(11686)),  # d6, d10, twice d8, twice d9
        ("under_twice", 5, 5120 + D5),  # d3, d4, d5, d11, d9 in April
        ("under_usual", 2, Decimal(2500)),  # d9 in March, d12
    ]


def test_slippage_comes_from_the_versions(miniature_contractual: Query) -> None:
    """Three deals were pushed once; most were closed before the day first expected."""
    rows = miniature_contractual(
        "select deal_id, pushes_count, pushed_days, pulls_count, pulled_days, slippage_days, closed_late_days,"
        " is_slipped, has_expectation from marts.fct_deal_slippage order by cast(substr(deal_id, 2) as integer)"
    )
    kept = {"d1": -10, "d2": -16, "d3": -14, "d4": -14, "d6": -14, "d7": -16, "d10": 1, "d11": -11}
    pushed = {
        "d5": (1, 19, 0, 0, 19, 5, True, True),  # 25 February to 15 March; won on 1 March
        "d8": (1, 30, 0, 0, 30, 20, True, True),  # 31 October to 30 November; lost on 20 November
        "d9": (1, 61, 0, 0, 61, None, True, True),  # 31 May to 31 July; open
        "d12": (0, 0, 0, 0, None, None, False, False),
    }
    moved = {deal: (0, 0, 0, 0, 0, late, False, True) for deal, late in kept.items()} | pushed
    assert rows == [(f"d{number}", *moved[f"d{number}"]) for number in range(1, 13)]


def test_forecasts_stand_beside_what_came_of_them(miniature_contractual: Query) -> None:
    """Each window holds what was expected then, predictions know nothing later, the outcome is that of its deals."""
    rows = miniature_contractual(
        "select as_of, window_name, stage, forecast_category, open_amount, source_weighted_amount,"
        " historical_won_count, historical_closed_count, historical_weighted_amount, won_count, lost_count,"
        " still_open_count, won_amount, is_mature"
        " from marts.fct_pipeline_forecasts order by as_of, stage, window_days nulls last"
    )
    won, lost, still = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    all_windows, not_soon = ("30_days", "90_days", "ever"), ("90_days", "ever")
    # Closed deals that had passed the stage in the twelve months before; d5 is the first in negotiation: of all deals.
    expected = [
        ("2024-01-31", all_windows, "proposal", 960, 480, 2, 2, won),  # d3; d1, d2
        ("2024-01-31", all_windows, "qualified", 720, 144, 2, 2, won),  # d4; d1, d2
        ("2024-02-29", all_windows, "negotiation", D5, 974.44, 4, 4, won),  # d5; d1 to d4
        ("2024-04-30", all_windows, "proposal", 1080, 540, 4, 4, won),  # d6; d1, d2, d3, d5
        ("2024-06-30", all_windows, "proposal", 606, 303, 5, 5, won),  # d10; and d6
        ("2024-09-30", not_soon, "qualified", 3000, 600, 7, 7, lost),  # d8, expected on day 31; d1 to d7
        ("2024-10-31", all_windows, "proposal", 3000, 1500, 6, 6, lost),  # d8; and d10
        ("2024-12-31", not_soon, "qualified", 1440, 288, 7, 8, won),  # d11, expected on day 31; and d8
        ("2025-03-31", not_soon, "qualified", 2000, 400, 3, 4, still),  # d9; d6, d7, d8, d11
        ("2025-04-30", not_soon, "proposal", 2000, 1000, 2, 3, still),  # d9, expected on day 31; d6, d8, d10
        ("2025-05-31", not_soon, "proposal", 2000, 1000, 1, 2, still),  # d9, pushed the day before; d8, d10
        ("2025-06-30", not_soon, "proposal", 2000, 1000, 1, 2, still),
        ("2025-06-30", ("ever",), "qualified", 500, 100, 1, 2, still),  # d12, no expected day; d8, d11
    ]
    categories = {"proposal": "best_case", "qualified": "pipeline", "negotiation": "commit"}
    assert rows == [
        (
            *(day(as_of), window, stage, categories[stage], Decimal(amount), pytest.approx(weighted, rel=1e-12)),
            *(history_won, history_closed, pytest.approx(float(amount) * history_won / history_closed, rel=1e-12)),
            *(*outcome, Decimal(amount) if outcome == won else Decimal(0)),
            # ninety days after 31 March are 29 June; after 30 April they are not over
            outcome != still or (as_of == "2025-03-31" and window == "90_days"),
        )
        for as_of, windows, stage, amount, weighted, history_won, history_closed, outcome in expected
        for window in windows
    ]


def test_forecast_by_earlier_windows_learns_from_those_that_ended(miniature_contractual: Query) -> None:
    """The rate is that of the same stage and window in the windows that had ended in the twelve months before."""
    rows = miniature_contractual(
        "select as_of, window_name, stage, earlier_won_count, earlier_open_count, earlier_weighted_amount"
        " from marts.fct_pipeline_forecasts where earlier_open_count > 0 order by window_name, as_of"
    )
    expected = [
        ("2024-04-30", "30_days", "proposal", 1, 1, 1080.0),  # d3
        ("2024-06-30", "30_days", "proposal", 2, 2, 606.0),  # d3, d6
        ("2024-10-31", "30_days", "proposal", 3, 3, 3000.0),  # d3, d6, d10
        ("2024-04-30", "90_days", "proposal", 1, 1, 1080.0),  # d3, whose window ended that day
        ("2024-06-30", "90_days", "proposal", 1, 1, 606.0),  # d6's lasts until 29 July
        ("2024-09-30", "90_days", "qualified", 1, 1, 3000.0),  # d4
        ("2024-10-31", "90_days", "proposal", 3, 3, 3000.0),  # d3, d6, d10
        ("2024-12-31", "90_days", "qualified", 1, 2, 720.0),  # d4; d8, lost on 20 November
        ("2025-03-31", "90_days", "qualified", 2, 3, 4000 / 3),  # d4; d8; d11, whose window ended that day
        ("2025-04-30", "90_days", "proposal", 2, 3, 4000 / 3),  # d6, d10; d8: d3's ended on 30 April 2024
        ("2025-05-31", "90_days", "proposal", 2, 3, 4000 / 3),
        ("2025-06-30", "90_days", "proposal", 2, 3, 4000 / 3),  # d6's ended on 29 July 2024
    ]
    assert rows == [(day(as_of), *words, pytest.approx(amount, rel=1e-12)) for as_of, *words, amount in expected]


def test_predictions_need_nothing_known_later(
    miniature_contractual: Query, shared_folder: Path, tmp_path: Path
) -> None:
    """Forget what became known after 15 October 2024 (a push, a loss, three deals): September stays as it was."""
    warehouse = Path(shutil.copy(shared_folder / "contractual" / "warehouse.duckdb", tmp_path))
    with duckdb.connect(str(warehouse)) as con:
        for table in ("deals", "deal_stage_events"):
            con.execute(f"delete from raw.{table} where known_at > '2024-10-15'")
    run_dbt("run", "--select", "+fct_pipeline_forecasts", warehouse=warehouse, target=tmp_path / "target")
    predicted = (
        "select as_of, window_name, stage, forecast_category, open_count, open_amount, source_weighted_amount,"
        " historical_weighted_amount, earlier_weighted_amount from marts.fct_pipeline_forecasts"
        " where as_of <= '2024-09-30' order by as_of, window_name, stage"
    )
    shown = "select * from marts.fct_open_deals_monthly where as_of <= '2024-09-30' order by as_of, deal_id"
    then = reader(warehouse)
    assert then("select max(known_at) from raw.deals") < [(datetime(2024, 10, 15),)]
    assert then(predicted) == miniature_contractual(predicted) != []
    assert then(shown) == miniature_contractual(shown)


def test_coverage_compares_the_pipeline_with_targets(with_targets: Query) -> None:
    """January was reached to 72 %; July's target is covered by half, by a deal that April still expected in May."""
    rows = with_targets(
        "select as_of, target_month, target_amount, won_amount, remaining_amount, open_count, open_amount,"
        " commit_amount, best_case_amount, weighted_amount, attainment_ratio, coverage_ratio, weighted_coverage_ratio"
        " from marts.fct_pipeline_coverage where open_amount + won_amount > 0 order by 1, 2"
    )
    no = Decimal(0)
    january, july = (day("2025-01-01"), Decimal(2000)), (day("2025-07-01"), Decimal(4000))
    d9 = (no, Decimal(4000), 1, Decimal(2000), Decimal(2000), no, 1000.0, 0.0, 0.5, 0.25)
    assert rows == [
        (day("2024-12-31"), *january, no, Decimal(2000), 1, Decimal(1440), no, Decimal(1440), 288.0, 0.0, 0.72, 0.144),
        (day("2025-01-31"), *january, Decimal(1440), Decimal(560), 0, no, no, no, 0.0, 0.72, 0.0, 0.0),
        (day("2025-05-31"), *july, *d9),
        (day("2025-06-30"), *july, *d9),
    ]
    # 13 month ends up to January 2025, 18 up to June, and 18 that look ahead to July
    assert with_targets("select count(*) from marts.fct_pipeline_coverage") == [(49,)]


def test_category_of_a_stage_is_the_company_s_word(with_targets: Query) -> None:
    """A proposal is committed because the company says so, although its probability is half."""
    assert with_targets(
        "select deal_id, forecast_category from marts.fct_deals where is_open order by deal_id"
    ) == with_targets(
        "select deal_id, forecast_category from marts.fct_open_deals_monthly where as_of = '2025-06-30' order by 1"
    )
    assert with_targets("select deal_id, forecast_category from marts.fct_deals where is_open order by deal_id") == [
        ("d12", "best_case"),
        ("d9", "commit"),
    ]


@pytest.mark.parametrize("mart", MARTS)
def test_shop_has_no_pipeline(miniature_transactional: Query, mart: str) -> None:
    """A company without deals has every mart of the pipeline, without rows."""
    assert miniature_transactional(f"select count(*) from marts.{mart}") == [(0,)]
