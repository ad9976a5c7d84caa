"""Findings and scores of the miniature companies, computed by hand."""

from datetime import date

import pytest

from tests.dbt_builds import Query

pytestmark = pytest.mark.slow  # two dbt builds, shared with the other tests of the miniature companies

FINDINGS = """
    select rule, severity, owner, source, table_name, row_key, rows_count, happened_on
    from marts.fct_data_quality_findings where is_open order by rule, table_name
"""
SCORES = """
    select table_name, owner, findings_count, rows_count, error_rows_count, warning_rows_count, info_rows_count,
        weighted_rows_count, score
    from marts.fct_data_quality_scores order by 1
"""


def test_contractual_findings_are_exactly_these(miniature_contractual: Query) -> None:
    """Two leads that do not move, one silent source and three foreign amounts; all else about the company is sound."""
    # l12: MQL since 2024-06-20, 180 days later is 2024-12-17. l11: SQL since 2024-03-01, 90 days later is 2024-05-30.
    # Touchpoints: gaps 1 1 1 2 4 8 13 22 39 60 92, 95th percentile 76, three times that is 228 days. The last one is
    # of 2024-09-01, 302 days before the data end. No other table is silent for more than three of its usual gaps.
    marketing, sales = "marketing-operations", "sales-operations"
    assert miniature_contractual(FINDINGS) == [
        ("foreign_currency", "info", "finance", "test", "deals", "USD", 1, date(2024, 3, 1)),
        ("foreign_currency", "info", "finance", "test", "subscriptions", "USD", 1, date(2024, 3, 1)),
        ("foreign_currency", "info", "finance", "test", "transactions", "USD", 1, date(2024, 3, 1)),
        ("stale_mql", "info", marketing, "test", "leads", "l12", 1, date(2024, 12, 17)),
        ("stale_source", "warning", "data-platform", "test", "touchpoints", "(all)", 1, date(2024, 9, 1)),
        ("stale_sql", "info", sales, "test", "leads", "l11", 1, date(2024, 5, 30)),
    ]
    assert miniature_contractual(
        "select message from marts.fct_data_quality_findings where rule like 'stale%' order by rule"
    ) == [
        ("Marketing-qualified since 2024-06-20 without progress.",),
        ("No new row since 2024-09-01.",),
        ("Sales-qualified since 2024-03-01 without progress.",),
    ]


def test_contractual_scores_weigh_rows(miniature_contractual: Query) -> None:
    """An info counts a tenth of a row and a warning half of one; tables without findings have 100."""
    nothing = (0, 0, 0, 0.0, 100.0)
    assert miniature_contractual(SCORES) == [
        ("accounts", None, 0, 10, *nothing),
        ("deal_stage_events", None, 0, 21, *nothing),
        # Twelve deals, in two or three versions each.
        ("deals", "finance", 1, 12, 0, 0, 1, 0.1, 100 * (1 - 0.1 / 12)),
        ("lead_stage_events", None, 0, 22, *nothing),
        # Both owners' findings weigh the same; the first by name is told.
        ("leads", "marketing-operations", 2, 12, 0, 0, 2, 0.2, 100 * (1 - 0.2 / 12)),
        ("marketing_spend", None, 0, 6, *nothing),
        ("product_usage", None, 0, 13, *nothing),
        ("subscriptions", "finance", 1, 13, 0, 0, 1, 0.1, 100 * (1 - 0.1 / 13)),
        ("support_tickets", None, 0, 5, *nothing),
        ("survey_responses", None, 0, 6, *nothing),
        ("touchpoints", "data-platform", 1, 12, 0, 1, 0, 0.5, 100 * (1 - 0.5 / 12)),
        ("transactions", "finance", 1, 5, 0, 0, 1, 0.1, 100 * (1 - 0.1 / 5)),
    ]


def test_transactional_findings_are_exactly_these(miniature_transactional: Query) -> None:
    """The shop's leads fell silent and one order is in dollars; there is nothing else to find."""
    # Leads: gaps 3 and 24 days, 95th percentile 22.95, three times that is 69 days; 515 days of silence.
    assert miniature_transactional(FINDINGS) == [
        ("foreign_currency", "info", "finance", "test", "transactions", "USD", 1, date(2024, 2, 15)),
        ("stale_source", "warning", "data-platform", "test", "leads", "(all)", 1, date(2024, 2, 1)),
    ]


def test_transactional_scores_weigh_rows(miniature_transactional: Query) -> None:
    """One warning of half a row among three leads."""
    nothing = (0, 0, 0, 0.0, 100.0)
    assert miniature_transactional(SCORES) == [
        ("accounts", None, 0, 6, *nothing),
        ("leads", "data-platform", 1, 3, 0, 1, 0, 0.5, pytest.approx(100 * (1 - 0.5 / 3), abs=1e-12)),
        ("marketing_spend", None, 0, 2, *nothing),
        ("transactions", "finance", 1, 16, 0, 0, 1, 0.1, 100 * (1 - 0.1 / 16)),
    ]


def test_first_run_opens_every_finding(miniature_contractual: Query) -> None:
    """First and last seen are the one run there was; nothing is resolved or reopened, and each table is scored once."""
    rows = miniature_contractual(
        "select count(*) > 0, count(distinct first_seen), bool_and(first_seen = last_seen), count(resolved_at),"
        " sum(reopened_count), bool_and(is_open) from marts.fct_data_quality_findings"
    )
    assert rows == [(True, 1, True, 0, 0, True)]
    assert miniature_contractual(
        "select (select count(*) from marts.fct_data_quality_scores),"
        " (select count(*) from marts.fct_data_quality_score_history where scored_at = ("
        "select max(last_seen) from marts.fct_data_quality_findings))"
    ) == [(12, 12)]


@pytest.mark.parametrize("company", ["miniature_contractual", "miniature_transactional"])
def test_by_rule_says_what_to_do(company: str, request: pytest.FixtureRequest) -> None:
    """Per rule, source and table: as many findings and rows as are open, the oldest day, whose it is and the mend."""
    query: Query = request.getfixturevalue(company)
    summed = query(
        "select rule, source, table_name, open_findings_count, open_rows_count, resolved_findings_count,"
        " oldest_open_on, owner is not null and mend is not null from marts.fct_data_quality_by_rule order by 1, 2, 3"
    )
    counted = query(
        "select rule, source, table_name, count(*), sum(rows_count), 0, min(happened_on), true"
        " from marts.fct_data_quality_findings group by 1, 2, 3 order by 1, 2, 3"
    )
    assert summed == counted
