"""Customer health and the evidence for it: every figure of the two miniature companies, computed by hand."""

from datetime import date
from typing import Any

import pytest

from tests.dbt_builds import Query

pytestmark = pytest.mark.slow  # a dbt build for each of the two companies


def _month(text: str) -> date:
    return date.fromisoformat(f"{text}-01")


def test_health_has_a_row_for_every_customer_and_month(miniature_contractual: Query) -> None:
    """Months with recurring revenue at their end: a7 not in the gap of May 2024 nor after its end in June 2025."""
    rows = miniature_contractual(
        "select account_id, count(*), min(month_start), max(month_start) from marts.fct_account_health_monthly "
        "group by 1 order by 1"
    )
    end = _month("2025-06")
    assert rows == [
        ("a1", 18, _month("2024-01"), end),
        ("a2", 18, _month("2024-01"), end),
        ("a3", 12, _month("2024-02"), end),  # February to July 2024, January to June 2025
        ("a4", 10, _month("2024-02"), _month("2024-11")),
        ("a5", 16, _month("2024-03"), end),
        ("a6", 14, _month("2024-05"), end),
        ("a7", 12, _month("2024-06"), _month("2025-05")),
    ]


HEALTH = (
    "select account_id, usage_score, breadth_score, support_score, sentiment_score, commercial_score, "
    "known_parts_count, weighted_score_sum, weight_sum, health_score, health_band "
    "from marts.fct_account_health_monthly where month_start = '{}-01' order by 1"
)


def _rows(query: Query, month: str) -> list[tuple[Any, ...]]:
    return query(HEALTH.format(month))


def test_health_waits_for_what_is_not_known_yet(miniature_contractual: Query) -> None:
    """In January nobody uses, asks or answers; a2's invoice has waited 16 days then, though it took 36 in the end."""
    unknown = (None, None, None, None)
    # (60 - 16) / 45 = 97.78 for the payment, 100 for a renewal in more than 90 days
    assert _rows(miniature_contractual, "2024-01") == [
        ("a1", *unknown, 100.0, 1, 15.0, 0.15, 100.0, "healthy"),
        ("a2", *unknown, 98.89, 1, 14.8335, 0.15, 98.89, "healthy"),
    ]
    # paid on 20 February after 36 days: (60 - 36) / 45 = 53.33
    assert _rows(miniature_contractual, "2024-02") == [
        ("a1", *unknown, 100.0, 1, 15.0, 0.15, 100.0, "healthy"),
        ("a2", *unknown, 76.67, 1, 11.5005, 0.15, 76.67, "stable"),
        ("a3", *unknown, 100.0, 1, 15.0, 0.15, 100.0, "healthy"),
        ("a4", *unknown, 100.0, 1, 15.0, 0.15, 100.0, "healthy"),
    ]


def test_health_in_the_month_before_a_churn(miniature_contractual: Query) -> None:
    """All parts in November 2024: a4 left on 15 December.

    Usage of a4: 1 of 16 days is 6.25, a trend of 1/3 is 0. Breadth: 1 of 2 features is 0.5 / 0.75. Support: 2 tickets
    66.67, 1 escalation 50, the oldest open for 5 days 100, 30 hours to an answer (48 - 30) / 44 = 40.91. Sentiment:
    NPS 3 is 30, 1 of 1 to 5 is 0. Commercial: unchanged revenue 75; days to the renewal over 90: a1 41, a2 46, a4 63.
    """
    quiet = (0.0, 0.0, 100.0, None, 87.5, 4, 33.125, 0.8, 41.41, "at_risk")
    assert _rows(miniature_contractual, "2024-11") == [
        ("a1", 0.0, 0.0, 100.0, 80.0, 60.28, 5, 45.042, 1.0, 45.04, "at_risk"),
        ("a2", 0.0, 0.0, 100.0, 90.0, 63.06, 5, 47.459, 1.0, 47.46, "at_risk"),
        ("a4", 3.13, 66.67, 64.39, 15.0, 72.5, 5, 37.6925, 1.0, 37.69, "critical"),
        ("a5", *quiet),
        ("a6", *quiet),
        ("a7", *quiet),
    ]


def test_health_when_the_data_end(miniature_contractual: Query) -> None:
    """All parts in June 2025.

    Usage: a1 3 of 16 days and a trend of 4, a2 1 day and half its use (0 points), a6 1 day and no trend. Support: a1
    1 ticket 83.33; a2 2 tickets 66.67, 1 escalation 50, 10 days open (45 - 10) / 38 = 92.11, 24 hours 54.55.
    Sentiment: a1 10 and 5 of 5, a2 40 and 2 of 5 (25), a6 70. Commercial: a1 renews tomorrow, 1 / 90.
    """
    quiet = (0.0, 0.0, 100.0, None, 87.5, 4, 33.125, 0.8, 41.41, "at_risk")
    assert _rows(miniature_contractual, "2025-06") == [
        ("a1", 59.38, 100.0, 95.83, 100.0, 38.06, 5, 77.689, 1.0, 77.69, "stable"),
        ("a2", 3.13, 66.67, 65.83, 32.5, 87.5, 5, 43.7305, 1.0, 43.73, "at_risk"),
        ("a3", *quiet),
        ("a5", *quiet),
        ("a6", 6.25, 66.67, 100.0, 70.0, 87.5, 5, 59.0005, 1.0, 59.0, "at_risk"),
    ]


EVIDENCE = (
    "select component, band, account_months_count, accounts_count, churned_count, churn_rate, "
    "concordant_pairs_count, pairs_count, concordance_ratio from marts.fct_health_evidence order by 1, churn_rate, 2"
)


def test_evidence_sets_health_beside_churn(miniature_contractual: Query) -> None:
    """Month ends up to February 2025, 120 days before the data end: 6 of 77 were followed by a churn within 90 days.

    They are a3's of May to July and a4's of September to November 2024. Health: a3 22.92 twice (49 of those that
    stayed are above, 2 tie), a3 and a4 21.88 (51 above, 12 tie), a4 41.67 (18 above) and 37.69 (34 above), so
    100 + 114 + 18 + 34.
    """
    concordance = {
        # a3 91.67 twice: 21 above, 3 tie; 87.5 thrice: 24 above, 25 tie; a4 72.5: 61 above
        "commercial": (215.5, 426.0, 215.5 / 426),
        "health": (266.0, 426.0, 266 / 426),
        # four at 0: 2 above, 62 tie; usage 3.13: 2 above, 6.25: 2 tie; breadth 66.67 twice: 1 above, 1 tie
        "usage": (135.0, 384.0, 135 / 384),
        "breadth": (135.0, 384.0, 135 / 384),
        "sentiment": (18.0, 18.0, 1.0),
        "support": (22.0, 22.0, 1.0),
    }
    bands = [
        ("breadth", "healthy", 1, 1, 0),
        ("breadth", "critical", 66, 7, 4),
        ("breadth", "stable", 3, 2, 2),
        ("commercial", "at_risk", 5, 3, 0),
        ("commercial", "critical", 1, 1, 0),
        ("commercial", "stable", 12, 5, 1),
        ("commercial", "healthy", 59, 7, 5),
        ("health", "healthy", 6, 4, 0),
        ("health", "stable", 1, 1, 0),
        ("health", "at_risk", 20, 7, 1),
        ("health", "critical", 50, 7, 5),
        ("sentiment", "healthy", 18, 2, 0),
        ("sentiment", "critical", 1, 1, 1),
        ("support", "healthy", 22, 6, 0),
        ("support", "stable", 1, 1, 1),
        ("usage", "critical", 70, 7, 6),
    ]
    expected = [(*band, band[4] / band[2], *concordance[str(band[0])]) for band in bands]
    assert sorted(miniature_contractual(EVIDENCE)) == sorted(expected)


# Month to score: the mean of 100 x (1 - days since the last purchase / 90) and 100 x days with a purchase / 6.
SHOP_SCORES = {
    "b1": {"01": 46.67, "02": 30.56, "03": 50.0, "04": 33.33, "08": 58.33, "09": 41.67},
    "b2": {"01": 52.22, "02": 36.11, "03": 18.89},
    "b3": {
        "02": 45.0,
        "03": 27.78,
        "04": 52.78,
        "05": 35.56,
        "06": 61.11,
        "07": 43.89,
        "08": 68.89,
        "09": 52.22,
        "10": 35.0,
    },
    "b4": {"02": 50.56, "03": 33.33, "04": 16.67},
    "b5": {"03": 58.33, "04": 41.67, "05": 24.44, "06": 66.11, "07": 48.89, "08": 31.67},
}


def test_health_of_a_shop_is_recency_and_frequency(miniature_transactional: Query) -> None:
    """Only the commercial part is known, so it is the score; b4's purchase of 2024 is forgotten after a year."""
    rows = miniature_transactional(
        "select account_id, month_start, health_score, known_parts_count, weight_sum, commercial_score = health_score "
        "from marts.fct_account_health_monthly order by 1, 2"
    )
    expected = [
        (account, _month(f"2024-{month}"), score, 1, 0.15, True)
        for account, scores in SHOP_SCORES.items()
        for month, score in scores.items()
    ]
    expected += [
        ("b4", _month("2025-06"), 50.0, 1, 0.15, True),
        ("b6", _month("2025-05"), 46.67, 1, 0.15, True),
        ("b6", _month("2025-06"), 61.11, 1, 0.15, True),
    ]
    assert rows == sorted(expected)


def test_evidence_of_a_shop(miniature_transactional: Query) -> None:
    """Of the 27 customers and month ends up to March 2025, 16 lapsed within 90 days; 11 stayed, so there are 176 pairs.

    Those that stayed scored 24.44, 27.78, 30.56, 35.56, 41.67, 43.89, 45, 46.67, 52.78, 58.33 and 61.11. Above those
    that lapsed are 11 (16.67, 18.89), 8 (31.67, 33.33 twice, 35), 7 (36.11), 6 and a tie (41.67), 3 (48.89, 50, 50.56,
    52.22 twice), 1 and a tie (58.33), none (66.11, 68.89): 22 + 32 + 7 + 6.5 + 15 + 1.5.
    """
    whole = (84.0, 176.0, 84 / 176)
    bands = [("critical", 11, 5, 7), ("at_risk", 13, 5, 7), ("stable", 3, 2, 2)]
    expected = [
        (component, band, months, accounts, churned, churned / months, *whole)
        for component in ("commercial", "health")
        for band, months, accounts, churned in bands
    ]
    assert sorted(miniature_transactional(EVIDENCE)) == sorted(expected)
