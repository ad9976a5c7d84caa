"""Every figure of the lifecycle marts of the two miniature companies, computed by hand from `tests.miniature`."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.transformations.dbt_command import run_dbt
from tests import factories, miniature
from tests.dbt_builds import Query, reader

pytestmark = pytest.mark.slow  # two dbt builds, shared with the other tests on these companies, and two shorter ones

Row = tuple[Any, ...]
END = date(2025, 6, 30)


def day(text: str) -> date:
    """`08-15` is a day of 2024; another year is written out."""
    return date.fromisoformat(text if len(text) > len("08-15") else f"2024-{text}")


def stays(entity: str, path: str) -> list[Row]:
    """Stays written as `stage since`, each until the next one: entity, stage, entered, exited."""
    steps = [step.split() for step in path.split(", ")]
    days = [day(since) for _, since in steps]
    return [
        (entity, stage, entered, exited)
        for (stage, _), entered, exited in zip(steps, days, [*days[1:], None], strict=True)
    ]


def months(entity: str, first: str, runs: str) -> list[Row]:
    """States written as runs of months, `none 2, churned 3`: entity, month start, state."""
    index = int(first[:4]) * 12 + int(first[5:]) - 1
    lengths = [run.split() for run in runs.split(", ")]
    states = [None if state == "none" else state for state, count in lengths for _ in range(int(count))]
    return [(entity, date((index + n) // 12, (index + n) % 12 + 1, 1), state) for n, state in enumerate(states)]


# What each lead went through. Opportunities and wins are those of its deal; a stage entered on the day on which the
# next one is entered lasts no day.
LEAD_STAYS = [
    *stays("l1", "lead 01-02, mql 01-05, sql 01-08, opportunity 01-08, customer 01-10"),
    *stays("l10", "lead 2025-05-05"),
    *stays("l11", "lead 01-25, mql 02-01, sql 03-01, mql 04-01, sql 05-01"),
    *stays("l12", "lead 06-10, mql 06-20"),
    *stays("l2", "lead 01-03, mql 01-04, sql 01-05, opportunity 01-05, customer 01-15"),
    *stays("l3", "lead 01-15, mql 01-18, sql 01-20, opportunity 01-20, customer 02-01"),
    *stays("l4", "lead 01-20, sql 01-25, opportunity 01-25, customer 02-01"),
    *stays("l5", "lead 02-10, mql 02-12, sql 02-15, opportunity 02-15, customer 03-01"),
    *stays("l6", "lead 03-20, mql 03-25, sql 04-01, opportunity 04-01, customer 05-01"),
    *stays("l7", "lead 05-01, mql 05-01, sql 05-02, opportunity 05-02, customer 05-15"),
    *stays("l8", "lead 09-01, mql 09-03, sql 09-05, opportunity 09-05"),
    *stays("l9", "lead 2025-03-01, mql 2025-03-05, sql 2025-03-10, opportunity 2025-03-10"),
]

# a1 pays more from July on; a2 and a6 renew; a7 follows its first contract up after 20 days, within the grace; a8 lost
# its deal, but its lead has been an opportunity.
ACCOUNT_STAYS = [
    *stays("a1", "lead 01-02, mql 01-05, opportunity 01-08, customer 01-10, expanded 07-01"),
    *stays("a10", "lead 2025-05-05"),
    *stays("a2", "lead 01-03, mql 01-04, opportunity 01-05, customer 01-15, retained 2025-01-15"),
    *stays("a3", "lead 01-15, mql 01-18, opportunity 01-20, customer 02-01, churned 08-15, customer 2025-01-20"),
    *stays("a4", "lead 01-20, opportunity 01-25, customer 02-01, churned 12-15"),
    *stays("a5", "lead 02-10, mql 02-12, opportunity 02-15, customer 03-01"),
    *stays("a6", "lead 03-20, mql 03-25, opportunity 04-01, customer 05-01, retained 2025-05-01"),
    *stays("a7", "mql 05-01, opportunity 05-02, customer 05-15, retained 06-20"),
    *stays("a8", "lead 09-01, mql 09-03, opportunity 09-05"),
    *stays("a9", "lead 2025-03-01, mql 2025-03-05, opportunity 2025-03-10"),
]

# Ninety days without a purchase end a spell; the second day of purchase in a spell retains.
SHOP_STAYS = [
    *stays("b1", "lead 01-05, customer 01-10, retained 03-01, churned 05-30, customer 08-01, churned 10-30"),
    *stays("b2", "lead 01-08, customer 01-20, churned 04-19"),
    *stays("b3", "lead 02-01, customer 02-05, retained 04-05, churned 11-03"),
    *stays("b4", "lead 02-10, customer 02-15, churned 05-15, customer 2025-06-15"),
    *stays("b5", "lead 03-01, customer 03-31, retained 06-29, churned 09-27"),
    *stays("b6", "lead 2025-05-01, customer 2025-05-10, retained 2025-06-20"),
]

LEAD_SPELLS = (
    "select lead_id, stage, entered_on, exited_on from marts.fct_lead_stage_spells order by 1, sequence_number"
)
ACCOUNT_SPELLS = (
    "select account_id, stage, entered_on, exited_on from marts.fct_account_stage_spells order by 1, sequence_number"
)
STAGES = "select account_id, month_start, lifecycle_stage from marts.fct_account_months order by 1, 2"
STATES = "select account_id, month_start, retention_state from marts.fct_account_months order by 1, 2"


def test_lead_stages_are_dated_spells(miniature_contractual: Query) -> None:
    """Each stay has its entry and exit, and going back to marketing and coming again are stays of their own."""
    assert miniature_contractual(LEAD_SPELLS) == LEAD_STAYS


def test_lead_spells_have_days_from_entry_to_exit(miniature_contractual: Query) -> None:
    """A stay lasts from its entry to its exit, or to the end of the data, and only the last one is current."""
    spells = miniature_contractual(
        "select stage_days, is_current from marts.fct_lead_stage_spells order by lead_id, sequence_number"
    )
    assert spells == [
        ((exited or END).toordinal() - entered.toordinal(), not exited) for *_, entered, exited in LEAD_STAYS
    ]


def test_odd_lead_spells_are_marked(miniature_contractual: Query) -> None:
    """One lead skipped mql, one went back to it and came again, none has days out of order."""
    odd = miniature_contractual(
        "select lead_id, account_id, lead_source, previous_stage, stage, next_stage, spell_number, sequence_number,"
        " skipped_stages_count, stage_days, has_skipped_stage, is_reentry, is_step_back, is_out_of_order"
        " from marts.fct_lead_stage_spells"
        " where has_skipped_stage or is_reentry or is_step_back or is_out_of_order or skipped_stages_count > 0"
        " order by 1, sequence_number"
    )
    assert odd == [
        ("l11", None, "ads", "sql", "mql", "sql", 2, 4, 0, 30, False, True, True, False),
        ("l11", None, "ads", "mql", "sql", None, 2, 5, 0, 425, False, True, False, False),
        ("l4", "a4", "referral", "lead", "sql", "opportunity", 1, 2, 1, 0, True, False, False, False),
    ]


def test_account_stages_are_dated_spells(miniature_contractual: Query) -> None:
    """Before the first contract leads and deals decide, then the spell, the renewal and the recurring revenue."""
    assert miniature_contractual(ACCOUNT_SPELLS) == ACCOUNT_STAYS


def test_buyers_stages_are_dated_spells(miniature_transactional: Query) -> None:
    """A first purchase makes a customer, a second retains, the inactivity window ends the spell."""
    assert miniature_transactional(ACCOUNT_SPELLS) == SHOP_STAYS


def test_account_spells_have_days_from_entry_to_exit(
    miniature_contractual: Query, miniature_transactional: Query
) -> None:
    """A stay lasts from its entry to its exit, or to the end of the data, and only the last one is current."""
    days = "select stage_days, is_current from marts.fct_account_stage_spells order by account_id, sequence_number"
    spells = miniature_contractual(days) + miniature_transactional(days)
    expected = ACCOUNT_STAYS + SHOP_STAYS
    assert spells == [
        ((exited or END).toordinal() - entered.toordinal(), not exited) for *_, entered, exited in expected
    ]


def test_odd_account_spells_are_marked(miniature_contractual: Query, miniature_transactional: Query) -> None:
    """Who returned after churn is a reactivated customer; who has no lead that was an mql skipped that stage."""
    odd = (
        "select account_id, previous_stage, stage, next_stage, spell_number, sequence_number, customer_spell_number,"
        " skipped_stages_count, has_skipped_stage, is_reentry, is_step_back, is_reactivation"
        " from marts.fct_account_stage_spells"
        " where has_skipped_stage or is_reentry or is_step_back or is_reactivation or skipped_stages_count > 0"
        " order by 1, sequence_number"
    )
    assert miniature_contractual(odd) == [
        ("a3", "churned", "customer", None, 2, 6, 2, 0, False, True, False, True),
        ("a4", "lead", "opportunity", "customer", 1, 2, None, 1, True, False, False, False),
    ]
    assert miniature_transactional(odd) == [
        ("b1", "churned", "customer", "churned", 2, 5, 2, 0, False, True, False, True),
        ("b1", "customer", "churned", None, 2, 6, 2, 0, False, True, False, False),
        ("b4", "churned", "customer", None, 2, 4, 2, 0, False, True, False, True),
    ]


def test_account_months_have_the_stage_of_the_month_end(miniature_contractual: Query) -> None:
    """From its first month to June 2025 an account has a stage at every month end."""
    assert miniature_contractual(STAGES) == [
        *months("a1", "2024-01", "customer 6, expanded 12"),
        *months("a10", "2025-05", "lead 2"),
        *months("a2", "2024-01", "customer 12, retained 6"),
        *months("a3", "2024-01", "opportunity 1, customer 6, churned 5, customer 6"),
        *months("a4", "2024-01", "opportunity 1, customer 10, churned 7"),
        *months("a5", "2024-02", "opportunity 1, customer 16"),
        *months("a6", "2024-03", "mql 1, opportunity 1, customer 12, retained 2"),
        *months("a7", "2024-05", "customer 1, retained 13"),
        *months("a8", "2024-09", "opportunity 10"),
        *months("a9", "2025-03", "opportunity 4"),
    ]


def test_retention_states_of_contracts(miniature_contractual: Query) -> None:
    """Ninety days of onboarding, three months of expansion or contraction, and a contract that is overdue is a risk."""
    assert miniature_contractual(STATES) == [
        # 100 to June, 150.50 from July: above the level of three months before until September
        *months("a1", "2024-01", "onboarding 3, retained 3, expanding 3, retained 9"),
        *months("a10", "2025-05", "none 2"),
        # 200 to December, 150 from January
        *months("a2", "2024-01", "onboarding 3, retained 9, contracting 3, retained 3"),
        # day 89 of the spell is 30 April; it returns on 20 January, and day 90 of that spell is 20 April
        *months("a3", "2024-01", "none 1, onboarding 3, retained 3, churned 5, reactivated 3, retained 3"),
        *months("a4", "2024-01", "none 1, onboarding 3, retained 7, churned 7"),
        *months("a5", "2024-02", "none 1, onboarding 2, retained 14"),  # 31 May is day 91
        *months("a6", "2024-03", "none 2, onboarding 2, retained 12"),
        # no contract on 31 May, nor on 30 June of the year after; from zero there is no expansion in August
        *months("a7", "2024-05", "at_risk 1, onboarding 2, retained 10, at_risk 1"),
        *months("a8", "2024-09", "none 10"),
        *months("a9", "2025-03", "none 4"),
    ]


def test_retention_states_of_buyers(miniature_transactional: Query) -> None:
    """More than 45 days after a purchase the next one is due, after 90 the buyer has churned."""
    assert miniature_transactional(STATES) == [
        # days since the last purchase at the month ends: 21, 50, 30, 60; then 30 and 60 in the second spell
        *months(
            "b1",
            "2024-01",
            "onboarding 1, at_risk 1, onboarding 1, at_risk 1, churned 3, reactivated 1, at_risk 1, churned 9",
        ),
        *months("b2", "2024-01", "onboarding 2, at_risk 1, churned 15"),  # 11, 40, 71 days
        # 24, 55, 25, 56, 25, 56, 26, 56, 87 days; in August 120 + 130 of the last 90 days against 110 of those before
        *months(
            "b3",
            "2024-02",
            "onboarding 1, at_risk 1, onboarding 1, at_risk 1, retained 1, at_risk 1, expanding 1, at_risk 2,"
            " churned 8",
        ),
        # 31 March is exactly 45 days after the purchase
        *months("b4", "2024-02", "onboarding 2, at_risk 1, churned 13, reactivated 1"),
        *months("b5", "2024-03", "onboarding 2, at_risk 1, retained 2, at_risk 1, churned 10"),
        *months("b6", "2025-05", "onboarding 2"),
    ]


def test_account_month_in_full_of_a_contract(miniature_contractual: Query) -> None:
    """The month in which a contract grew has its revenue, its comparison and its place in time."""
    months_of_growth = miniature_contractual(
        "select * exclude (account_id) from marts.fct_account_months where account_id = 'a1'"
        " and month_start in ('2024-01-01', '2024-07-01') order by month_start"
    )
    # not churned, no drop of use, nothing overdue, nothing due; complete, settled
    flags = (False, False, False, False, True, True)
    january = ("customer", None, "onboarding", None, "software", "north", 1, 0, 0, Decimal(100), Decimal(1200))
    july = (
        "expanded",
        "customer",
        "expanding",
        "retained",
        "software",
        "north",
        1,
        6,
        6,
        Decimal("150.50"),
        Decimal(0),
    )
    assert months_of_growth == [
        (*january, Decimal(100), None, True, False, *flags, None, date(2024, 1, 1), date(2024, 1, 31)),
        (*july, Decimal("150.50"), Decimal(100), True, True, *flags, None, date(2024, 7, 1), date(2024, 7, 31)),
    ]


def test_account_month_in_full_of_a_buyer(miniature_transactional: Query) -> None:
    """Two full windows are compared once the spell reaches back over both; a refund counts against its month."""
    compared = miniature_transactional(
        "select account_id, month_start, customer_spell_number, known_months, spell_months, revenue_amount,"
        " current_amount, earlier_amount, is_active, is_purchase_due, days_since_purchase"
        " from marts.fct_account_months where earlier_amount is not null"
        " or (account_id = 'b1' and month_start in ('2024-03-01', '2024-05-01', '2024-08-01')) order by 1, 2"
    )
    assert compared == [
        # 20 + 30 + 30.50 - 10 of the 90 days to 31 March
        ("b1", date(2024, 3, 1), 1, 2, 2, Decimal("20.50"), Decimal("70.50"), None, True, False, 30),
        ("b1", date(2024, 5, 1), 1, 4, None, Decimal(0), None, None, False, False, None),
        ("b1", date(2024, 8, 1), 2, 7, 0, Decimal(40), Decimal(40), None, True, False, 30),
        ("b3", date(2024, 8, 1), 1, 6, 6, Decimal(130), Decimal(250), Decimal(110), True, False, 26),
        # 3 July to 30 September: 130; 4 April to 2 July: 110 + 120
        ("b3", date(2024, 9, 1), 1, 7, 7, Decimal(0), Decimal(130), Decimal(230), True, True, 56),
        # 3 August to 31 October: 130; 5 May to 2 August: 120
        ("b3", date(2024, 10, 1), 1, 8, 8, Decimal(0), Decimal(130), Decimal(120), True, True, 87),
    ]


def test_active_accounts_by_month(miniature_contractual: Query, miniature_transactional: Query) -> None:
    """The number of active accounts is that of the customers at each month end."""
    active = (
        "select cast(sum(case when is_active then 1 else 0 end) as bigint) from marts.fct_account_months"
        " group by month_start order by month_start"
    )
    counts = [
        *[2, 4, 5, 5, 7, 7, 7],  # a1 a2; a3 a4; a5; a6 a7
        *[6, 6, 6, 6, 5],  # without a3 from August, without a4 from December
        *[6, 6, 6, 6, 6, 6],  # a3 is back
    ]
    assert [count for (count,) in miniature_contractual(active)] == counts
    # January b1 b2; b3 b4; b5; April without b2; May without b1 b4; b1 back in August; September without b5; October
    # without b1; November without b3; May 2025 b6; June b4
    shop = [2, 4, 5, 4, 2, 2, 2, 3, 2, 1, 0, 0, 0, 0, 0, 0, 1, 2]
    assert [count for (count,) in miniature_transactional(active)] == shop


@pytest.mark.parametrize("business_model", ["contractual", "transactional"])
def test_later_events_do_not_change_earlier_months(
    business_model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Months up to October 2024 are the same when the data end then, as no contract is in its grace on that day.

    Only whether a month is settled tells how far the data reach.
    """
    rows = {"contractual": miniature.CONTRACTUAL, "transactional": miniature.TRANSACTIONAL}[business_model]
    settings = {**miniature.SETTINGS, "business_model": business_model, "data_until": "2024-10-31"}
    warehouse = factories.raw_warehouse(tmp_path / "warehouse.duckdb", rows, factories.company(**settings))
    selected = ("--select", "+fct_account_months", "--exclude-resource-type", "test", "unit_test")
    run_dbt("build", *selected, warehouse=warehouse, target=tmp_path / "target")

    seen = "select * exclude (is_settled) from marts.fct_account_months where month_start <= '2024-10-01'"
    seen_then = reader(warehouse)(f"{seen} order by account_id, month_start")
    seen_later = request.getfixturevalue(f"miniature_{business_model}")(f"{seen} order by account_id, month_start")
    assert len(seen_then) == {"contractual": 65, "transactional": 46}[business_model]
    assert seen_then == seen_later


def test_lead_lifecycle_has_the_first_day_of_each_stage(miniature_contractual: Query) -> None:
    """Stages come from events and deals; a lead has churned when its account has."""
    leads = miniature_contractual(
        "select lead_id, account_id, lead_source, current_stage, is_customer, created_on, mql_on, sql_on,"
        " opportunity_on, customer_on, retained_on, expanded_on, churned_on from marts.fct_lead_lifecycle order by 1"
    )
    firsts = {(lead, stage): entered for lead, stage, entered, _ in reversed(LEAD_STAYS)}
    told = [
        ("l1", "a1", "ads", "customer"),
        ("l10", "a10", "ads", "lead"),
        ("l11", None, "ads", "sql"),
        ("l12", None, "event", "mql"),
        ("l2", "a2", "event", "customer"),
        ("l3", "a3", "ads", "customer"),
        ("l4", "a4", "referral", "churned"),
        ("l5", "a5", "event", "customer"),
        ("l6", "a6", "ads", "customer"),
        ("l7", "a7", "referral", "customer"),
        ("l8", "a8", "ads", "opportunity"),
        ("l9", "a9", "event", "opportunity"),
    ]
    assert leads == [
        (
            *words,
            (words[0], "customer") in firsts,
            *(firsts.get((words[0], stage)) for stage in ("lead", "mql", "sql", "opportunity", "customer")),
            None,
            None,
            date(2024, 12, 15) if words[0] == "l4" else None,
        )
        for words in told
    ]


# Days from stage to stage of those that arrived, by month of entry, and how many set out.
TRANSITIONS: dict[tuple[str, str], dict[str, tuple[int, list[int]]]] = {
    ("lead", "mql"): {
        "2024-01": (5, [3, 1, 3, 7]),  # l1 l2 l3 l11; l4 skipped it
        "2024-02": (1, [2]),
        "2024-03": (1, [5]),
        "2024-05": (1, [0]),
        "2024-06": (1, [10]),
        "2024-09": (1, [2]),
        "2025-03": (1, [4]),
        "2025-05": (1, []),
    },
    ("mql", "sql"): {
        "2024-01": (3, [3, 1, 2]),
        "2024-02": (2, [3, 29]),  # l5 l11, each at its first entry
        "2024-03": (1, [7]),
        "2024-05": (1, [1]),
        "2024-06": (1, []),
        "2024-09": (1, [2]),
        "2025-03": (1, [5]),
    },
    ("sql", "opportunity"): {
        "2024-01": (4, [0, 0, 0, 0]),
        "2024-02": (1, [0]),
        "2024-03": (1, []),
        "2024-04": (1, [0]),
        "2024-05": (1, [0]),
        "2024-09": (1, [0]),
        "2025-03": (1, [0]),
    },
    ("opportunity", "customer"): {
        "2024-01": (4, [2, 10, 12, 7]),
        "2024-02": (1, [15]),
        "2024-04": (1, [30]),
        "2024-05": (1, [13]),
        "2024-09": (1, []),
        "2025-03": (1, []),
    },
    ("sql", "customer"): {
        "2024-01": (4, [2, 10, 12, 7]),
        "2024-02": (1, [15]),
        "2024-03": (1, []),
        "2024-04": (1, [30]),
        "2024-05": (1, [13]),
        "2024-09": (1, []),
        "2025-03": (1, []),
    },
    ("mql", "customer"): {
        "2024-01": (3, [5, 11, 14]),
        "2024-02": (2, [18]),
        "2024-03": (1, [37]),
        "2024-05": (1, [14]),
        "2024-06": (1, []),
        "2024-09": (1, []),
        "2025-03": (1, []),
    },
    ("lead", "customer"): {
        "2024-01": (5, [8, 12, 17, 12]),
        "2024-02": (1, [20]),
        "2024-03": (1, [42]),
        "2024-05": (1, [14]),
        "2024-06": (1, []),
        "2024-09": (1, []),
        "2025-03": (1, []),
        "2025-05": (1, []),
    },
}
WINDOWS: list[tuple[str, int | None]] = [
    ("180_days", 180),
    ("30_days", 30),
    ("60_days", 60),
    ("90_days", 90),
    ("ever", None),
]
# 31 March 2025 and 90 days are 29 June; 31 May and 30 days are 30 June, which is over when the data end.
IMMATURE = {
    *((month, window) for month in ("2025-03", "2025-05") for window in ("180_days", "ever")),
    ("2025-05", "60_days"),
    ("2025-05", "90_days"),
}


def _reached(days: list[int], window: int | None) -> int:
    return sum(window is None or needed <= window for needed in days)


def test_funnel_of_every_cohort_step_and_window(miniature_contractual: Query) -> None:
    """Counts, rate and maturity of all cohorts, steps and windows."""
    funnel = miniature_contractual(
        "select from_stage, to_stage, strftime(cohort_month, '%Y-%m'), window_name, window_days, entered_count,"
        " reached_count, conversion_rate, is_mature from marts.fct_lead_funnel order by 1, 2, 3, 4"
    )
    assert funnel == [
        (
            *step,
            month,
            name,
            window,
            entered,
            arrived := _reached(days, window),
            arrived / entered,
            (month, name) not in IMMATURE,
        )
        for step, cohorts in sorted(TRANSITIONS.items())
        for month, (entered, days) in cohorts.items()
        for name, window in WINDOWS
    ]


def test_funnel_by_source(miniature_contractual: Query) -> None:
    """Of January's leads three came from ads, two of which became customers; events and referrals brought one each."""
    rows = miniature_contractual(
        "select lead_source, window_name, entered_count, reached_count, conversion_rate, is_mature"
        " from marts.fct_lead_funnel_by_source where from_stage = 'lead' and to_stage = 'customer'"
        " and cohort_month = '2024-01-01' and window_name in ('30_days', 'ever') order by 1, 2"
    )
    assert rows == [
        ("ads", "30_days", 3, 2, 2 / 3, True),
        ("ads", "ever", 3, 2, 2 / 3, True),
        ("event", "30_days", 1, 1, 1.0, True),
        ("event", "ever", 1, 1, 1.0, True),
        ("referral", "30_days", 1, 1, 1.0, True),
        ("referral", "ever", 1, 1, 1.0, True),
    ]
    # groups of source and month: 10 of lead (3 in January, 7 others), 9 of mql (2 in January and in February), 9 of sql
    # (3 in January), 8 of opportunity (3 in January); the first three are the beginning of two steps each
    (rows_count,) = miniature_contractual("select count(*) from marts.fct_lead_funnel_by_source")[0]
    assert rows_count == len(WINDOWS) * (2 * 10 + 2 * 9 + 2 * 9 + 8)


def test_transitions_hold_the_leads_behind_the_funnel(miniature_contractual: Query) -> None:
    """Each lead that entered a stage stands there with the days it was observed and the days it needed."""
    transitions = miniature_contractual(
        "select from_stage, to_stage, strftime(cohort_month, '%Y-%m'), count(*),"
        " list_sort(list(days_to_reach) filter (where is_reached)) from marts.fct_stage_transitions"
        " group by all order by 1, 2, 3"
    )
    assert [(*row[:4], row[4] or []) for row in transitions] == [
        (*step, month, entered, sorted(days))
        for step, cohorts in sorted(TRANSITIONS.items())
        for month, (entered, days) in cohorts.items()
    ]


def test_transition_in_full(miniature_contractual: Query) -> None:
    """A lead that went from marketing to sales twice counts from its first entries, with its source beside it."""
    rows = miniature_contractual(
        "select * from marts.fct_stage_transitions where lead_id = 'l11' order by from_stage, to_stage"
    )
    words = ("ads", None, "DE", None)
    january, february, march = date(2024, 1, 1), date(2024, 2, 1), date(2024, 3, 1)
    created = date(2024, 1, 25)
    assert rows == [
        ("l11", None, "lead", "customer", *words, 522, None, False, january, created, None),
        ("l11", None, "lead", "mql", *words, 522, 7, True, january, created, february),
        ("l11", None, "mql", "customer", *words, 515, None, False, february, february, None),
        ("l11", None, "mql", "sql", *words, 515, 29, True, february, february, march),
        ("l11", None, "sql", "customer", *words, 486, None, False, march, march, None),
        ("l11", None, "sql", "opportunity", *words, 486, None, False, march, march, None),
    ]


def test_velocity_of_every_cohort_and_step(miniature_contractual: Query) -> None:
    """Median and p90 of January's leads lie between the days of the arrivals; a cohort of one is its own median."""
    velocity = miniature_contractual(
        "select from_stage, to_stage, strftime(cohort_month, '%Y-%m'), leads_count, median_days, p90_days, is_mature"
        " from marts.fct_stage_velocity order by 1, 2, 3"
    )
    several = {
        ("lead", "mql", "2024-01"): (3.0, 5.8),  # 1 3 3 7: nine tenths of the way lie at 3 + 0.7 * 4
        ("mql", "sql", "2024-01"): (2.0, 2.8),  # 1 2 3
        ("mql", "sql", "2024-02"): (16.0, 26.4),  # 3 29
        ("sql", "opportunity", "2024-01"): (0.0, 0.0),
        ("opportunity", "customer", "2024-01"): (8.5, 11.4),  # 2 7 10 12
        ("sql", "customer", "2024-01"): (8.5, 11.4),
        ("mql", "customer", "2024-01"): (11.0, 13.4),  # 5 11 14
        ("lead", "customer", "2024-01"): (12.0, 15.5),  # 8 12 12 17
    }
    expected = [
        (
            (*step, month, len(days)),
            several.get((*step, month), (float(days[0]), float(days[0]))),
            (month, "180_days") not in IMMATURE,
        )
        for step, cohorts in sorted(TRANSITIONS.items())
        for month, (_, days) in cohorts.items()
        if days
    ]
    assert [(row[:4], row[6]) for row in velocity] == [(key, mature) for key, _, mature in expected]
    assert [list(row[4:6]) for row in velocity] == [pytest.approx(list(figures)) for _, figures, _ in expected]


def test_shop_without_stage_events_has_leads_only(miniature_transactional: Query) -> None:
    """Leads of whom nothing more is known stay leads, and nobody reaches a stage."""
    assert miniature_transactional(LEAD_SPELLS) == [
        ("c1", "lead", date(2024, 1, 5), None),
        ("c2", "lead", date(2024, 1, 8), None),
        ("c3", "lead", date(2024, 2, 1), None),
    ]
    reached = "select sum(entered_count), sum(reached_count) from marts.fct_lead_funnel where window_name = 'ever'"
    assert miniature_transactional(reached) == [(6, 0)]  # three leads, two steps that begin with lead
    assert miniature_transactional("select count(*) from marts.fct_stage_velocity") == [(0,)]


SPELLS = "select * from marts.fct_customer_spells order by account_id, spell_number"


def test_customer_spells_in_full(miniature_contractual: Query, miniature_transactional: Query) -> None:
    """Gaps within the grace, and purchases within the window, make one spell; what comes later is another."""

    def spell(account: str, number: int, started: str, ended: str | None) -> Row:
        last = day(ended) if ended else END
        length = last.toordinal() - day(started).toordinal()
        return (account, number, day(started), day(ended) if ended else None, length, ended is None, number > 1)

    assert miniature_contractual(SPELLS) == [
        spell("a1", 1, "01-10", None),
        spell("a2", 1, "01-15", None),
        spell("a3", 1, "02-01", "08-15"),
        spell("a3", 2, "2025-01-20", None),
        spell("a4", 1, "02-01", "12-15"),
        spell("a5", 1, "03-01", None),
        spell("a6", 1, "05-01", None),
        spell("a7", 1, "05-15", None),
    ]
    assert miniature_transactional(SPELLS) == [
        spell("b1", 1, "01-10", "05-30"),
        spell("b1", 2, "08-01", "10-30"),
        spell("b2", 1, "01-20", "04-19"),
        spell("b3", 1, "02-05", "11-03"),
        spell("b4", 1, "02-15", "05-15"),
        spell("b4", 2, "2025-06-15", None),
        spell("b5", 1, "03-31", "09-27"),
        spell("b6", 1, "2025-05-10", None),
    ]


KINDS = "select kind, count(*) from marts.fct_customer_journey group by kind order by kind"


def test_journey_tells_every_row_once(miniature_contractual: Query) -> None:
    """As many happenings of each kind as there are rows that tell of them up to the end of the data."""
    assert dict(miniature_contractual(KINDS)) == {
        "touchpoint": 12,
        "stage_entered": len(LEAD_STAYS),
        "deal_opened": 12,
        "deal_closed": 10,  # d9 and d12 are open
        "deal_stage_entered": 21,
        "became_customer": 7,
        "reactivated": 1,
        "churned": 2,
        "trial_started": 1,
        "trial_ended": 1,
        "subscription_started": 10,
        "subscription_renewed": 2,
        "subscription_ended": 6,  # the ends of 2026 are plans
        "invoice": 4,
        "refund": 1,
        "ticket_opened": 5,
        "ticket_resolved": 3,
        "survey_answered": 6,
    }


def test_journey_of_a_shop(miniature_transactional: Query) -> None:
    """A shop's journeys hold its leads, purchases and the ends of its spells."""
    assert dict(miniature_transactional(KINDS)) == {
        "stage_entered": 3,
        "order": 15,
        "refund": 1,
        "became_customer": 6,
        "reactivated": 2,
        "churned": 6,
    }


def test_journey_of_one_account_from_the_first_day_to_the_last(miniature_contractual: Query) -> None:
    """The story of a4 in order, with the days between its steps, its money and its answers."""
    story = miniature_contractual(
        "select sequence_number, lead_id, kind, detail, amount, score, days_since_previous, happened_on"
        " from marts.fct_customer_journey where account_id = 'a4' order by 1"
    )
    won = day("02-01")
    assert story == [
        (1, "l4", "stage_entered", "lead", None, None, None, day("01-20")),
        (2, "l4", "stage_entered", "sql", None, None, 5, day("01-25")),
        (3, "l4", "stage_entered", "opportunity", None, None, 0, day("01-25")),
        (4, "l4", "deal_opened", "new", Decimal(720), None, 0, day("01-25")),
        (5, "l4", "deal_stage_entered", "qualified", None, None, 0, day("01-25")),
        (6, "l4", "stage_entered", "customer", None, None, 7, won),
        (7, "l4", "deal_closed", "won", Decimal(720), None, 0, won),
        (8, None, "became_customer", "1", None, None, 0, won),
        (9, None, "subscription_started", "standard", Decimal(60), None, 0, won),
        (10, None, "ticket_opened", "normal", None, None, 278, day("11-05")),
        (11, None, "ticket_resolved", "normal", None, 1.0, 5, day("11-10")),
        (12, None, "survey_answered", "nps", None, 3.0, 5, day("11-15")),
        (13, None, "ticket_opened", "normal", None, None, 10, day("11-25")),
        (14, None, "subscription_ended", "standard", None, None, 20, day("12-15")),
        (15, None, "churned", "1", None, None, 0, day("12-15")),
    ]


def test_journey_of_a_lead_without_an_account_is_its_own(miniature_contractual: Query) -> None:
    """A lead of no account has a story that is counted for itself."""
    story = miniature_contractual(
        "select lead_id, sequence_number, detail, days_since_previous"
        " from marts.fct_customer_journey where account_id is null order by 1, 2"
    )
    assert story == [
        ("l11", 1, "lead", None),
        ("l11", 2, "mql", 7),
        ("l11", 3, "sql", 29),
        ("l11", 4, "mql", 31),
        ("l11", 5, "sql", 30),
        ("l12", 1, "lead", None),
        ("l12", 2, "mql", 10),
    ]
