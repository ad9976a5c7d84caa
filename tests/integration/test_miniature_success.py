"""Every figure of the customer success marts for the two miniature companies, computed by hand from their rows."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tests.dbt_builds import Query

pytestmark = pytest.mark.slow  # a dbt build for each of the two companies


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def test_usage_is_counted_by_account_and_month(miniature_contractual: Query) -> None:
    """Months with use, and those whose trend window still reaches it, each with both windows of the trend."""
    rows = miniature_contractual(
        "select account_id, month_start, events_count, active_days_count, peak_active_users_count, "
        "features_used_count, features_seen_count, features_used_ratio, events_28d_count, events_28d_before_count, "
        "usage_28d_trend_ratio, active_days_28d_count, features_28d_count from marts.fct_account_usage_monthly "
        "order by 1, 2"
    )
    assert rows == [
        # May ends with 28 days from the 4th on; June's 28 days begin on the 3rd, the 28 before on 6 May.
        ("a1", _month("2025-05"), 40, 2, 4, 1, 2, 1 / 2, 40, 0, None, 2, 1),
        ("a1", _month("2025-06"), 80, 3, 4, 2, 2, 1.0, 80, 20, 4.0, 3, 2),
        ("a2", _month("2025-04"), 40, 1, 2, 1, 2, 1 / 2, 40, 0, None, 1, 1),
        ("a2", _month("2025-05"), 10, 1, 2, 1, 2, 1 / 2, 10, 40, 1 / 4, 1, 1),
        ("a2", _month("2025-06"), 5, 1, 2, 1, 2, 1 / 2, 5, 10, 1 / 2, 1, 1),
        ("a4", _month("2024-03"), 12, 1, 1, 1, 1, 1.0, 12, 0, None, 1, 1),  # alerts were not seen before June
        ("a4", _month("2024-04"), 0, 0, None, 0, 1, 0.0, 0, 12, 0.0, 0, 0),
        ("a4", _month("2024-10"), 6, 1, 1, 1, 2, 1 / 2, 6, 0, None, 1, 1),
        ("a4", _month("2024-11"), 2, 1, 1, 1, 2, 1 / 2, 2, 6, 1 / 3, 1, 1),
        ("a4", _month("2024-12"), 0, 0, None, 0, 2, 0.0, 0, 2, 0.0, 0, 0),
        ("a6", _month("2024-06"), 7, 1, 1, 1, 2, 1 / 2, 7, 0, None, 1, 1),
        ("a6", _month("2025-06"), 7, 1, 1, 1, 2, 1 / 2, 7, 0, None, 1, 1),
    ]


def test_usage_says_nothing_of_what_the_source_does_not_tell(miniature_contractual: Query) -> None:
    """Minutes and errors that are never landed are unknown, not zero; every month is complete."""
    rows = miniature_contractual(
        "select count(minutes_count), count(errors_count), bool_and(is_complete), "
        "bool_and(measured_on = last_day(month_start)) from marts.fct_account_usage_monthly"
    )
    assert rows == [(0, 0, True, True)]


SUPPORT_COLUMNS = (
    "open_tickets_count, open_tickets_age_days, responses_count, response_hours, median_response_hours, "
    "p90_response_hours, resolutions_count, resolution_hours, median_resolution_hours, p90_resolution_hours"
)
NO_DELAYS = (0, 0.0, None, None, 0, 0.0, None, None)
# k5 was opened on 25 November 2024 and is not resolved: its age at the end of each month after.
K5_AGES = {"2024-12": 36, "2025-01": 67, "2025-02": 95, "2025-03": 126, "2025-04": 156, "2025-05": 187, "2025-06": 217}


def test_support_is_counted_when_it_happened(miniature_contractual: Query) -> None:
    """Tickets by the month of their opening, answer and resolution, and the backlog with its age at each month end."""
    rows = miniature_contractual(
        "select account_id, month_start, tickets_opened_count, tickets_resolved_count, tickets_escalated_count, "
        f"oldest_open_ticket_days, {SUPPORT_COLUMNS} from marts.fct_account_support_monthly order by 1, 2"
    )
    assert rows == [
        ("a1", _month("2025-06"), 1, 1, 0, None, 0, 0, 1, 2.0, 2.0, 2.0, 1, 24.0, 24.0, 24.0),
        ("a2", _month("2025-05"), 1, 1, 1, None, 0, 0, 1, 24.0, 24.0, 24.0, 1, 96.0, 96.0, 96.0),
        ("a2", _month("2025-06"), 1, 0, 0, 10, 1, 10, *NO_DELAYS),
        # 12 and 48 hours: 12 + 0.9 x 36
        ("a4", _month("2024-11"), 2, 1, 1, 5, 1, 5, 2, 60.0, 30.0, pytest.approx(44.4), 1, 120.0, 120.0, 120.0),
        *[("a4", _month(month), 0, 0, 0, age, 1, age, *NO_DELAYS) for month, age in K5_AGES.items()],
    ]


def test_service_of_the_company_by_month(miniature_contractual: Query) -> None:
    """The company's tickets are those of its accounts, with the additive parts of its NPS beside the score."""
    rows = miniature_contractual(
        f"select month_start, tickets_count, resolved_count, escalated_count, {SUPPORT_COLUMNS}, "
        "nps_responses_count, promoters_count, passives_count, detractors_count, nps_score "
        "from marts.fct_service_monthly order by 1"
    )
    no_answer = (0, 0, 0, 0, None)
    assert rows == [
        (_month("2024-06"), 0, 0, 0, 0, 0, *NO_DELAYS, 2, 1, 1, 0, 50.0),  # 8 and 9
        (
            *(_month("2024-11"), 2, 1, 1, 1, 5, 2, 60.0, 30.0, pytest.approx(44.4), 1, 120.0, 120.0, 120.0),
            *(1, 0, 0, 1, -100.0),  # 3
        ),
        *[
            (_month(month), 0, 0, 0, 1, age, *NO_DELAYS, *no_answer)
            for month, age in K5_AGES.items()
            if month < "2025-05"
        ],
        (_month("2025-05"), 1, 1, 1, 1, 187, 1, 24.0, 24.0, 24.0, 1, 96.0, 96.0, 96.0, *no_answer),
        (
            *(_month("2025-06"), 2, 1, 0, 2, 227, 1, 2.0, 2.0, 2.0, 1, 24.0, 24.0, 24.0),  # k3 is 10 days old, k5 217
            *(3, 1, 1, 1, 0.0),  # 10, 7 and 4
        ),
    ]


def test_satisfaction_with_tickets_counts_when_they_are_resolved(miniature_contractual: Query) -> None:
    """Scores of k4 (1), k2 (2) and k1 (5) stand in the months of the resolutions; there is no CSAT survey."""
    rows = miniature_contractual(
        "select month_start, ticket_csat_responses_count, ticket_csat_score_sum, ticket_csat_score, "
        "csat_responses_count, csat_score_sum, csat_score from marts.fct_service_monthly "
        "where ticket_csat_responses_count > 0 order by 1"
    )
    assert rows == [
        (_month("2024-11"), 1, 1.0, 1.0, 0, 0.0, None),
        (_month("2025-05"), 1, 2.0, 2.0, 0, 0.0, None),
        (_month("2025-06"), 1, 5.0, 5.0, 0, 0.0, None),
    ]


def test_nps_moves_between_answers(miniature_contractual: Query) -> None:
    """Every answer beside the one before it: a1 became a promoter, a2 a detractor."""
    rows = miniature_contractual(
        "select response_id, previous_response_id, nps_group, previous_nps_group, movement, score, previous_score, "
        "score_change from marts.fct_nps_movements order by 1"
    )
    assert rows == [
        ("n1", None, "passive", None, "first_answer", 8.0, None, None),
        ("n2", "n1", "promoter", "passive", "improved", 10.0, 8.0, 2.0),
        ("n3", None, "promoter", None, "first_answer", 9.0, None, None),
        ("n4", "n3", "detractor", "promoter", "worsened", 4.0, 9.0, -5.0),
        ("n5", None, "detractor", None, "first_answer", 3.0, None, None),
        ("n6", None, "passive", None, "first_answer", 7.0, None, None),
    ]


def test_nps_answers_are_dated(miniature_contractual: Query) -> None:
    """Whose answer it is, its month and day, the day of the one before, and whether it is the newest."""
    rows = miniature_contractual(
        "select response_id, account_id, month_start, is_newest_answer, responded_on, previous_responded_on "
        "from marts.fct_nps_movements order by 1"
    )
    first = date(2024, 6, 15)
    assert rows == [
        ("n1", "a1", _month("2024-06"), False, first, None),
        ("n2", "a1", _month("2025-06"), True, date(2025, 6, 15), first),
        ("n3", "a2", _month("2024-06"), False, first, None),
        ("n4", "a2", _month("2025-06"), True, date(2025, 6, 16), first),
        ("n5", "a4", _month("2024-11"), True, date(2024, 11, 15), None),
        ("n6", "a6", _month("2025-06"), True, date(2025, 6, 17), None),
    ]


def test_renewals_are_in_the_calendar(miniature_contractual: Query) -> None:
    """What fell due was renewed (by name, or within the grace period), lost, or is in grace; the rest is ahead."""
    rows = miniature_contractual(
        "select subscription_id, account_id, owner_id, due_month, due_on, status, due_mrr, renewed_mrr, change_mrr, "
        "due_in_days, renewed_on, is_decided, is_renewed from marts.fct_renewals "
        "where not is_open_ended order by due_on"
    )

    def due(day: date, days: int, status: str, mrr: int, renewed: int | None, on: date | None) -> tuple[Any, ...]:
        change = None if renewed is None else Decimal(renewed - mrr)
        money = (Decimal(mrr), None if renewed is None else Decimal(renewed), change)
        return (day.replace(day=1), day, status, *money, days, on, renewed is not None, on is not None)

    assert rows == [
        # s7-next starts on 20 June without naming s7: within 30 days
        ("s7", "a7", "o1", *due(date(2024, 5, 31), -395, "renewed", 40, 40, date(2024, 6, 20))),
        ("s3", "a3", "o1", *due(date(2024, 8, 15), -319, "churned", 80, 0, None)),  # back after five months
        ("s4", "a4", "o2", *due(date(2024, 12, 15), -197, "churned", 60, 0, None)),
        ("s2", "a2", "o2", *due(date(2025, 1, 15), -166, "renewed_with_contraction", 200, 150, date(2025, 1, 15))),
        ("s6", "a6", "o2", *due(date(2025, 5, 1), -60, "renewed", 90, 90, date(2025, 5, 1))),
        ("s7-next", "a7", "o1", *due(date(2025, 6, 20), -10, "in_grace", 40, None, None)),  # until 20 July
        ("s2-next", "a2", "o2", *due(date(2026, 1, 15), 199, "upcoming", 150, None, None)),
        ("s3-back", "a3", "o1", *due(date(2026, 1, 20), 204, "upcoming", 120, None, None)),
        ("s6-next", "a6", "o2", *due(date(2026, 5, 1), 305, "upcoming", 90, None, None)),
    ]


def test_open_ended_contracts_are_due_on_their_anniversary(miniature_contractual: Query) -> None:
    """The three annual contracts without an end are upcoming; only the one of 1 July is due within the windows."""
    rows = miniature_contractual(
        "select subscription_id, due_on, due_in_days, status, is_due_in_30_days, is_due_in_60_days, is_due_in_90_days "
        "from marts.fct_renewals where is_open_ended order by due_on"
    )
    assert rows == [
        ("s1-more", date(2025, 7, 1), 1, "upcoming", True, True, True),
        ("s1", date(2026, 1, 10), 194, "upcoming", False, False, False),
        ("s5", date(2026, 3, 1), 244, "upcoming", False, False, False),
    ]
    assert miniature_contractual(
        "select count(*) from marts.fct_renewals where is_due_in_90_days and subscription_id <> 's1-more'"
    ) == [(0,)]


def test_shop_has_no_usage_support_answers_or_renewals(miniature_transactional: Query) -> None:
    """A company that lands none of them gets the marts without rows."""
    empty = (
        "fct_account_usage_monthly",
        "fct_account_support_monthly",
        "fct_service_monthly",
        "fct_nps_movements",
        "fct_renewals",
    )
    counts = {table: miniature_transactional(f"select count(*) from marts.{table}") for table in empty}
    assert counts == {table: [(0,)] for table in empty}
