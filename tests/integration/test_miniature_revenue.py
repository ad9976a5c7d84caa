"""Every figure of the revenue marts of the two miniature companies, computed by hand from `tests.miniature`.

The contract s5 is in dollars: 110 / 1.0826 = 101.61 a month (euro reference rate of 29 February 2024, used for March).
The order o11 is in dollars: 55 / 1.0837 = 50.75 (rate of 31 January 2024, used for February).
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt_builds import Query

pytestmark = pytest.mark.slow  # two dbt builds, shared with other tests

ALL_MONTHS = 18


def month(number: int) -> date:
    """First day of the month; 1 is January 2024, 18 is June 2025."""
    return date(2024 + (number - 1) // 12, (number - 1) % 12 + 1, 1)


def money(*amounts: object) -> tuple[Decimal, ...]:
    """Amounts as they are stored."""
    return tuple(Decimal(str(amount)) for amount in amounts)


def near(row: tuple[Any, ...]) -> list[object]:
    """The row with its floats compared up to rounding; Decimal, dates and counts stay exact."""
    return [pytest.approx(value, rel=1e-12) if isinstance(value, float) else value for value in row]


def agree(found: list[tuple[Any, ...]], expected: list[tuple[Any, ...]]) -> None:
    """Same rows in the same order."""
    assert [list(row) for row in found] == [near(row) for row in expected]


def test_movements_of_recurring_revenue(miniature_contractual: Query) -> None:
    """Each change of a contract is named in its month, with its cents."""
    found = miniature_contractual(
        "select month_start, account_id, region, segment, movement, amount from marts.fct_revenue_movements"
        " where role = 'change' order by month_start, length(account_id), account_id"
    )
    assert found == [
        (month(1), "a1", "north", "software", "new", Decimal(100)),
        (month(1), "a2", "south", "retail", "new", Decimal(200)),
        (month(2), "a3", "south", "software", "new", Decimal(80)),
        (month(2), "a4", "north", "retail", "new", Decimal(60)),
        (month(3), "a5", "north", "software", "new", Decimal("101.61")),
        (month(5), "a6", "south", "retail", "new", Decimal(90)),  # from May: the trial of April is no revenue
        (month(6), "a7", "north", "software", "new", Decimal(40)),  # its first contract had ended before 31 May
        (month(7), "a1", "north", "software", "expansion", Decimal("50.50")),
        (month(8), "a3", "south", "software", "churn", Decimal(-80)),
        (month(12), "a4", "north", "retail", "churn", Decimal(-60)),
        (month(13), "a2", "south", "retail", "contraction", Decimal(-50)),  # 150 after 200
        (month(13), "a3", "south", "software", "reactivation", Decimal(120)),
        (month(18), "a7", "north", "software", "churn", Decimal(-40)),
    ]


def test_balances_of_recurring_revenue(miniature_contractual: Query) -> None:
    """Opening and closing of all months: each closing is the next opening."""
    closing = money(300, 440, "541.61", "541.61", "631.61", "671.61", "722.11", "642.11", "642.11", "642.11", "642.11")
    closing += money("582.11", "652.11", "652.11", "652.11", "652.11", "652.11", "612.11")
    found = miniature_contractual(
        "select month_start, coalesce(sum(amount) filter (movement = 'opening'), 0),"
        " sum(amount) filter (movement = 'closing') from marts.fct_revenue_movements group by 1 order by 1"
    )
    opening = (Decimal(0), *closing[:-1])
    assert found == [(month(at + 1), opening[at], closing[at]) for at in range(ALL_MONTHS)]


def test_movements_of_purchases(miniature_transactional: Query) -> None:
    """What was bought is new, repeated or returned; what lapsed stands aside."""
    found = miniature_transactional(
        "select account_id, month_start, movement, role, amount from marts.fct_revenue_movements order by 1, 2"
    )
    assert found == [
        ("b1", month(1), "new", "change", Decimal(50)),
        ("b1", month(3), "repeat", "change", Decimal("30.50")),
        ("b1", month(5), "lapsed", "aside", Decimal("-80.50")),  # ninety days after 1 March
        ("b1", month(8), "returned", "change", Decimal(40)),
        ("b1", month(10), "lapsed", "aside", Decimal(-40)),
        ("b2", month(1), "new", "change", Decimal(25)),
        ("b2", month(4), "lapsed", "aside", Decimal(-25)),
        ("b3", month(2), "new", "change", Decimal(100)),
        ("b3", month(4), "repeat", "change", Decimal(110)),
        ("b3", month(6), "repeat", "change", Decimal(120)),
        ("b3", month(8), "repeat", "change", Decimal(130)),
        ("b3", month(11), "lapsed", "aside", Decimal(-250)),  # the last window before 5 August: 120 and 130
        ("b4", month(2), "new", "change", Decimal("50.75")),
        ("b4", month(5), "lapsed", "aside", Decimal("-50.75")),
        ("b4", month(18), "returned", "change", Decimal(60)),
        ("b5", month(3), "new", "change", Decimal(15)),
        ("b5", month(6), "repeat", "change", Decimal(15)),
        ("b5", month(9), "lapsed", "aside", Decimal(-15)),
        ("b6", month(17), "new", "change", Decimal(70)),
        ("b6", month(18), "repeat", "change", Decimal(80)),
    ]


RETENTION = (
    "customers_count, subscriptions_count, mrr, arr, arpa_amount, acv_amount, cohort_customers_count,"
    " lost_customers_count, cohort_amount, gross_retained_amount, net_retained_amount, grr_ratio, nrr_ratio,"
    " logo_churn_ratio, is_complete"
)


def test_retention_of_the_company(miniature_contractual: Query) -> None:
    """Months from the first one with a cohort on; the cohort of June 2024 are a1, a2, a3, a4, a5, a6 and a7."""
    found = miniature_contractual(
        f"select month_start, {RETENTION} from marts.fct_revenue_retention where month_start >= '2025-01-01' order by 1"
    )
    mrr, arr = money("652.11", "7825.32")  # six customers: a1 with two contracts, a2, a3, a5, a6, a7
    until_may = (6, 7, mrr, arr, 652.11 / 6, 7825.32 / 7)
    june = (5, 6, *money("612.11", "7345.32"), 612.11 / 5, 7345.32 / 6)  # without a7
    agree(
        found,
        [
            # a1 100 to 150.50, a2 200 to 150
            (month(13), *until_may, 2, 0, *money(300, 250, "300.50"), 250 / 300, 300.5 / 300, 0.0, True),
            # and a3 80 to 120, a4 60 to nothing
            (month(14), *until_may, 4, 1, *money(440, 330, "420.50"), 330 / 440, 420.5 / 440, 1 / 4, True),
            # and a5 101.61 as before
            *(
                (
                    month(number),
                    *until_may,
                    *(5, 1),
                    *money("541.61", "431.61", "522.11"),
                    *(431.61 / 541.61, 522.11 / 541.61, 1 / 5, True),
                )
                for number in (15, 16)
            ),
            # and a6 90 as before; a7 had no revenue on 31 May 2024
            (
                month(17),
                *until_may,
                *(6, 1),
                *money("631.61", "521.61", "612.11"),
                *(521.61 / 631.61, 612.11 / 631.61, 1 / 6, True),
            ),
            # and a7 40 to nothing
            (
                month(18),
                *june,
                *(7, 2),
                *money("671.61", "521.61", "612.11"),
                *(521.61 / 671.61, 612.11 / 671.61, 2 / 7, True),
            ),
        ],
    )


def test_retention_without_a_cohort(miniature_contractual: Query) -> None:
    """In the first twelve months there is recurring revenue, but nothing to compare it with."""
    found = miniature_contractual(
        f"select {RETENTION} from marts.fct_revenue_retention where month_start in ('2024-01-01', '2024-07-01')"
        " order by month_start"
    )
    nothing = (0, 0, *money(0, 0, 0), None, None, None, True)
    agree(
        found,
        [
            (2, 2, *money(300, 3600), 150.0, 1800.0, *nothing),
            (7, 8, *money("722.11", "8665.32"), 722.11 / 7, 8665.32 / 8, *nothing),
        ],
    )


def test_retention_by_segment(miniature_contractual: Query) -> None:
    """June 2025: a segment that is empty now still shows what it lost."""
    found = miniature_contractual(
        f"select region, segment, {RETENTION} from marts.fct_revenue_retention_by_segment"
        " where month_start = '2025-06-01' order by 1, 2"
    )
    agree(
        found,
        [
            # a4
            ("north", "retail", 0, 0, *money(0, 0), None, None, 1, 1, *money(60, 0, 0), 0.0, 0.0, 1.0, True),
            # a1 100 to 150.50, a5 101.61 as before, a7 40 to nothing
            (
                *("north", "software", 2, 3),
                *money("252.11", "3025.32"),
                *(252.11 / 2, 3025.32 / 3, 3, 1),
                *money("241.61", "201.61", "252.11"),
                *(201.61 / 241.61, 252.11 / 241.61, 1 / 3, True),
            ),
            # a2 200 to 150, a6 90 as before
            (
                *("south", "retail", 2, 2),
                *money(240, 2880),
                *(120.0, 1440.0, 2, 0),
                *money(290, 240, 240),
                *(240 / 290, 240 / 290, 0.0, True),
            ),
            # a3 80 to 120
            (
                *("south", "software", 1, 1),
                *money(120, 1440),
                *(120.0, 1440.0, 1, 0),
                *money(80, 80, 120),
                *(1.0, 1.5, 0.0, True),
            ),
        ],
    )


def test_retention_of_a_shop(miniature_transactional: Query) -> None:
    """Customers stand for what they bought in the last ninety days; a year later nothing is left of any cohort."""
    found = miniature_transactional(
        "select month_start, customers_count, mrr, cohort_customers_count, lost_customers_count, cohort_amount,"
        " gross_retained_amount, net_retained_amount, grr_ratio, logo_churn_ratio from marts.fct_revenue_retention"
        " order by 1"
    )
    zero = Decimal(0)
    running = {1: 2, 2: 4, 3: 5, 4: 4, 5: 2, 6: 2, 7: 2, 8: 3, 9: 2, 10: 1}
    expected: list[tuple[Any, ...]] = [
        (month(number), customers, None, 0, 0, zero, zero, zero, None, None) for number, customers in running.items()
    ]
    amounts = {
        1: "75",  # b1 50, b2 25
        2: "225.75",  # and b3 100, b4 50.75
        3: "271.25",  # and b1 30.50, b5 15
        4: "306.25",  # b1 30.50, b3 100 + 110, b4 50.75, b5 15
        5: "125",  # b3 110, b5 15
        6: "245",  # b3 110 + 120, b5 15: the order of 31 March was ninety days old the day before
    }
    now = {5: 1, 6: 2}  # b6, then b6 and b4
    for number, amount in amounts.items():
        lost = (running[number], running[number], Decimal(amount), zero, zero, 0.0, 1.0)
        expected.append((month(number + 12), now.get(number, 0), None, *lost))
    agree(found, expected)


def test_retention_of_a_shop_by_segment(miniature_transactional: Query) -> None:
    """June 2025: of June 2024's customers b3 and b5 nothing is left; b4 is back and b6 is new."""
    found = miniature_transactional(
        "select region, segment, customers_count, cohort_customers_count, lost_customers_count, cohort_amount,"
        " gross_retained_amount, net_retained_amount from marts.fct_revenue_retention_by_segment"
        " where month_start = '2025-06-01' order by 1, 2"
    )
    assert found == [
        ("north", "business", 0, 1, 1, *money(230, 0, 0)),  # b3
        ("north", "private", 0, 1, 1, *money(15, 0, 0)),  # b5
        ("south", "business", 1, 0, 0, *money(0, 0, 0)),  # b4
        ("south", "private", 1, 0, 0, *money(0, 0, 0)),  # b6
    ]


def test_cohorts_of_contracts(miniature_contractual: Query) -> None:
    """The start months February (a3, a4) and May 2024 (a6, a7), month after month."""
    found = miniature_contractual(
        "select month(cohort_month), months_since, sum(cohort_customers_count), sum(retained_customers_count),"
        " sum(paying_customers_count), sum(cohort_amount), sum(retained_amount), bool_and(is_mature)"
        " from marts.fct_cohort_retention where month(cohort_month) in (2, 5) group by 1, 2 order by 1, 2"
    )
    both, a4, nobody, a3 = (2, 2, 140), (1, 1, 60), (0, 0, 0), (1, 1, 120)
    february = [both] * 6 + [a4] * 4 + [nobody] + [a3] * 6  # a3 left in August 2024 and is back in January 2025
    # a7 is a customer between its contracts, and in the grace period that began on 20 June 2025, but pays nothing then
    may = [(2, 1, 90)] + [(2, 2, 130)] * 12 + [(2, 1, 90)]
    assert found == [
        (start, since, 2, retained, paying, Decimal(first), Decimal(amount), True)
        for start, first, rows in ((2, 140, february), (5, 130, may))
        for since, (retained, paying, amount) in enumerate(rows)
    ]


def test_cohort_of_a_segment(miniature_contractual: Query) -> None:
    """The row of a3 alone, twelve months after its start: the one customer is back and pays half as much again."""
    assert miniature_contractual(
        "select cohort_customers_count, retained_customers_count, retained_amount, retained_customers_ratio,"
        " retained_amount_ratio from marts.fct_cohort_retention where cohort_month = '2024-02-01'"
        " and months_since = 12 and region = 'south' and segment = 'software'"
    ) == [(1, 1, Decimal(120), 1.0, 1.5)]


def test_cohort_of_a_shop(miniature_transactional: Query) -> None:
    """January's buyers b1 and b2: both are customers until their ninety days are over, and pay when they buy."""
    found = miniature_transactional(
        "select months_since, sum(cohort_customers_count), sum(retained_customers_count),"
        " sum(paying_customers_count), sum(cohort_amount), sum(retained_amount) from marts.fct_cohort_retention"
        " where cohort_month = '2024-01-01' group by 1 order by 1"
    )
    retained = [2, 2, 2, 1, 0, 0, 0, 1, 1] + [0] * 9  # b2 until 18 April; b1 until 29 May, and from August to October
    paying = {0: (2, "75"), 2: (1, "30.50"), 7: (1, "40")}
    assert found == [
        (since, 2, count, paying.get(since, (0, ""))[0], Decimal(75), Decimal(paying.get(since, (0, "0"))[1]))
        for since, count in enumerate(retained)
    ]


ATTRIBUTION = (
    "select account_id, channel, touchpoints_count, first_touch_credit, last_touch_credit, position_credit, customer_on"
    " from marts.fct_customer_attribution order by 1, 2"
)


def test_attribution_to_touchpoints(miniature_contractual: Query) -> None:
    """Touches before the win count, contacts with sales do not, an e-mail counts for the source of its lead."""
    agree(
        miniature_contractual(ATTRIBUTION),
        [
            # ads, event, e-mail of a lead from ads; the demo of 7 January was a contact with sales
            ("a1", "ads", 2, 1.0, 1.0, 0.8, date(2024, 1, 10)),
            ("a1", "event", 1, 0.0, 0.0, 0.2, date(2024, 1, 10)),
            ("a2", "event", 1, 1.0, 1.0, 1.0, date(2024, 1, 15)),
            ("a3", "ads", 1, 1.0, 0.0, 0.5, date(2024, 2, 1)),
            ("a3", "event", 1, 0.0, 1.0, 0.5, date(2024, 2, 1)),
            ("a4", "referral", 0, 1.0, 1.0, 1.0, date(2024, 2, 1)),  # no touchpoint: the source of its lead
            ("a5", "event", 1, 1.0, 1.0, 1.0, date(2024, 3, 1)),
            ("a6", "ads", 1, 1.0, 1.0, 1.0, date(2024, 5, 1)),  # neither the call nor June's event
            ("a7", "referral", 0, 1.0, 1.0, 1.0, date(2024, 5, 15)),
        ],
    )


def test_attribution_to_leads(miniature_transactional: Query) -> None:
    """A shop without touchpoints credits the sources of its leads, and `unknown` where there is no lead."""
    agree(
        miniature_transactional(ATTRIBUTION),
        [
            ("b1", "ads", 0, 1.0, 1.0, 1.0, date(2024, 1, 10)),
            ("b2", "ads", 0, 1.0, 1.0, 1.0, date(2024, 1, 20)),
            ("b3", "shop", 0, 1.0, 1.0, 1.0, date(2024, 2, 5)),
            ("b4", "unknown", 0, 1.0, 1.0, 1.0, date(2024, 2, 15)),
            ("b5", "unknown", 0, 1.0, 1.0, 1.0, date(2024, 3, 31)),
            ("b6", "unknown", 0, 1.0, 1.0, 1.0, date(2025, 5, 10)),
        ],
    )


CHANNELS = (
    "select month_start, channel, spend_amount, first_touch_customers_count, last_touch_customers_count,"
    " position_customers_count, first_touch_cac_amount, last_touch_cac_amount, position_cac_amount, payback_months,"
    " ltv_cac_ratio from marts.fct_channel_acquisition order by 1, 2"
)


def test_cost_by_channel(miniature_contractual: Query) -> None:
    """Spend over credited customers; payback by the company's margin per account, 0.8 * MRR / customers."""
    january, march, may = 0.8 * 300 / 2, 0.8 * 541.61 / 5, 0.8 * 631.61 / 7
    february = 0.8 * 440 / 4
    nothing = (None, None, None, None, None)
    agree(
        miniature_contractual(CHANNELS),
        [
            (month(1), "ads", Decimal(900), 1.0, 1.0, 0.8, 900.0, 900.0, 1125.0, 1125 / january, None),
            (month(1), "event", Decimal(600), 1.0, 1.0, 1.2, 600.0, 600.0, 500.0, 500 / january, None),
            (month(2), "ads", Decimal(500), 1.0, 0.0, 0.5, 500.0, None, 1000.0, 1000 / february, None),
            (month(2), "event", Decimal(0), 0.0, 1.0, 0.5, *nothing),
            (month(2), "referral", Decimal(0), 1.0, 1.0, 1.0, *nothing),
            (month(3), "event", Decimal(400), 1.0, 1.0, 1.0, 400.0, 400.0, 400.0, 400 / march, None),
            (month(5), "ads", Decimal(300), 1.0, 1.0, 1.0, 300.0, 300.0, 300.0, 300 / may, None),
            (month(5), "referral", Decimal(0), 1.0, 1.0, 1.0, *nothing),
            (month(7), "referral", Decimal(50), 0.0, 0.0, 0.0, *nothing),
        ],
    )


def test_cost_by_channel_of_a_shop(miniature_transactional: Query) -> None:
    """January's 50 brought two customers, February's 30 one."""
    nothing = (None, None, None, None, None)
    agree(
        miniature_transactional(CHANNELS),
        [
            # 75 in orders of two customers: 37.50 each, 30 of it margin
            (month(1), "ads", Decimal(50), 2.0, 2.0, 2.0, 25.0, 25.0, 25.0, 25 / 30, None),
            # 150.75 in orders of four customers
            (month(2), "shop", Decimal(30), 1.0, 1.0, 1.0, 30.0, 30.0, 30.0, 30 / (0.8 * 150.75 / 4), None),
            (month(2), "unknown", Decimal(0), 1.0, 1.0, 1.0, *nothing),
            (month(3), "unknown", Decimal(0), 1.0, 1.0, 1.0, *nothing),
            (month(17), "unknown", Decimal(0), 1.0, 1.0, 1.0, *nothing),
        ],
    )


COSTS = (
    "select month_start, spend_amount, new_customers_count, cac_amount, revenue_amount, customers_count, arpa_amount,"
    " gross_margin_ratio, at_risk_12m_count, churned_12m_count, monthly_churn_rate, ltv_amount, payback_months,"
    " ltv_cac_ratio, is_complete from marts.fct_acquisition_costs"
    " where spend_amount > 0 or new_customers_count > 0 order by 1"
)


def test_cost_of_a_customer(miniature_contractual: Query) -> None:
    """Nobody has churned by July 2024, so that no lifetime value can be stated."""
    value = (None, None)  # the churn rate is unknown in January; afterwards it is zero and no divisor
    agree(
        miniature_contractual(COSTS),
        [
            (month(1), Decimal(1500), 2, 750.0, Decimal(300), 2, 150.0, 0.8, 0, 0, *value, 6.25, None, True),
            # at risk: two customers at the end of January
            (month(2), Decimal(500), 2, 250.0, Decimal(440), 4, 110.0, 0.8, 2, 0, 0.0, None, 250 / 88, None, True),
            # 2 + 4
            (
                *(month(3), Decimal(400), 1, 400.0, Decimal("541.61"), 5, 541.61 / 5, 0.8, 6, 0, 0.0, None),
                *(400 / (0.8 * 541.61 / 5), None, True),
            ),
            # 2 + 4 + 5 + 5
            (
                *(month(5), Decimal(300), 2, 150.0, Decimal("631.61"), 7, 631.61 / 7, 0.8, 16, 0, 0.0, None),
                *(150 / (0.8 * 631.61 / 7), None, True),
            ),
            # 2 + 4 + 5 + 5 + 7 + 7; nobody new in July
            (
                *(month(7), Decimal(50), 0, None, Decimal("722.11"), 7, 722.11 / 7, 0.8, 30, 0, 0.0, None),
                *(None, None, True),
            ),
        ],
    )


def test_cost_of_a_buyer(miniature_transactional: Query) -> None:
    """By May 2025 three buyers have lapsed within a year, of twelve at the beginnings of its months."""
    zero = Decimal(0)
    agree(
        miniature_transactional(COSTS),
        [
            (month(1), Decimal(50), 2, 25.0, Decimal(75), 2, 37.5, 0.8, 0, 0, None, None, 25 / 30, None, True),
            (
                *(month(2), Decimal(30), 2, 15.0, Decimal("150.75"), 4, 150.75 / 4, 0.8, 2, 0, 0.0, None),
                *(15 / (0.8 * 150.75 / 4), None, True),
            ),
            # 30.50 and 15 less a refund of 10
            (month(3), zero, 1, None, Decimal("35.50"), 5, 7.1, 0.8, 6, 0, 0.0, None, None, None, True),
            # lapsed: b5 in September, b1 in October, b3 in November; at risk: 2 + 2 + 2 + 3 + 2 + 1 from June on
            (month(17), zero, 1, None, Decimal(70), 1, 70.0, 0.8, 12, 3, 1 / 4, 0.8 * 70 * 4, None, None, True),
        ],
    )


def test_every_month_has_its_worth_of_a_customer(miniature_contractual: Query) -> None:
    """A month without spend and new customers is there with its revenue and churn, and without a cost."""
    rows = miniature_contractual(
        "select count(*), count(arpa_amount), count(cac_amount), count(payback_months) from marts.fct_acquisition_costs"
    )
    assert rows == [(18, 18, 4, 4)]


def test_lifetime_value_at_the_end(miniature_contractual: Query) -> None:
    """June 2025: a3 and a4 churned within a year, of 73 customers at the beginnings of its months."""
    found = miniature_contractual(
        "select revenue_amount, customers_count, at_risk_12m_count, churned_12m_count, monthly_churn_rate, ltv_amount"
        " from intermediate.int_customer_value_by_month where month_start = '2025-06-01'"
    )
    at_risk = 7 + 7 + 6 + 6 + 6 + 6 + 5 + 6 + 6 + 6 + 6 + 6  # the ends of June 2024 to May 2025
    value = 0.8 * (612.11 / 6) * at_risk / 2
    agree(found, [(Decimal("612.11"), 6, at_risk, 2, 2 / at_risk, value)])
