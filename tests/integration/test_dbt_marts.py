from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.transformations.dbt_command import run_dbt
from tests import factories
from tests.dbt_builds import NOT_FEATURES, Query, reader

pytestmark = pytest.mark.slow  # three dbt builds


def _marts(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], **settings: Any) -> Query:  # noqa: ANN401 - settings of any kind
    """Build the marts of a hand-made company; the answer runs a query on them."""
    warehouse = factories.raw_warehouse(folder / "warehouse.duckdb", rows, factories.company(**settings))
    with duckdb.connect(str(warehouse)) as con:
        con.execute(
            "insert into quarantine.product_usage values "
            "('1', 'test', 'usage.csv', 7, '2025-01-01', ['usage_id: occurs twice'], '{}', null),"
            "('1', 'test', 'usage.csv', 9, '2025-01-01', ['usage_id: occurs twice'], '{}', '2025-01-02')"
        )
    run_dbt("build", *NOT_FEATURES, warehouse=warehouse, target=folder / "target")
    return reader(warehouse)


def _subscription(
    key: str, account: str, mrr: object, started_on: str, ended_on: str | None, **more: object
) -> dict[str, Any]:
    given = {"subscription_id": key, "account_id": account, "mrr": mrr, "started_on": started_on, "ended_on": ended_on}
    return given | {"currency": "EUR"} | more


CONTRACTUAL: dict[str, list[dict[str, Any]]] = {
    "accounts": [
        {"account_id": f"a{number}", "region": "north", "industry": "software", "created_at": "2024-01-01"}
        for number in range(1, 7)
    ]
    + [{"account_id": "p1", "domain": "p.example"}, {"account_id": "p2", "domain": "P.example"}],
    "subscriptions": [
        _subscription("s1", "a1", "100.10", "2024-01-15", "2025-01-15"),
        _subscription("s1-more", "a1", "50.05", "2024-04-01", None),
        _subscription("s2", "a2", 200, "2024-01-01", "2024-03-31"),
        _subscription("s2-next", "a2", 150, "2024-04-01", "2024-06-10", renewed_from="s2"),
        _subscription("s2-back", "a2", 300, "2024-09-01", None),
        _subscription("s3", "a3", 80, "2024-02-01", "2024-05-20"),
        _subscription("s3-next", "a3", 80, "2024-06-15", None),
        _subscription("s4", "a4", 60, "2024-02-01", "2024-12-15"),
        _subscription("s5", "a5", 70, "2024-02-01", None, is_trial=True),
        _subscription("s6", "a6", 90, "2024-05-01", "2024-04-01"),
        _subscription("s7", "stranger", -5, "2024-05-01", None, currency="USD"),
    ],
    "leads": [
        {"lead_id": "l1", "account_id": "a1", "created_at": "2024-01-02", "consent": True, "email_hash": "x"},
        {"lead_id": "l2", "created_at": "2024-01-03", "email_hash": "x"},
        {"lead_id": "l3", "created_at": "2024-01-20", "consent": False},
        {"lead_id": "l4", "created_at": "2024-03-31 22:30", "consent": True, "account_id": "p1"},
    ],
    "lead_stage_events": [
        {"lead_id": "l1", "stage": "mql", "entered_at": "2024-01-05"},
        {"lead_id": "l1", "stage": "sql", "entered_at": "2024-01-08", "source_score": 50},
        {"lead_id": "l2", "stage": "mql", "entered_at": "2024-01-10", "source_score": 150},
        {"lead_id": "l3", "stage": "sql", "entered_at": "2024-01-25"},
        {"lead_id": "l3", "stage": "mql", "entered_at": "2024-02-01"},
        {"lead_id": "l4", "stage": "customer", "known_at": "2024-06-01"},
        {"lead_id": "l2", "stage": "sql", "entered_at": "2024-02-01", "is_reached": False},
    ],
    "deals": [
        {
            "deal_id": "d1",
            "lead_id": "l1",
            "amount": 1200,
            "currency": "EUR",
            "created_at": "2024-01-10",
            "closed_at": "2024-01-15",
            "outcome": "won",
        },
        {
            "deal_id": "d2",
            "account_id": "p1",
            "amount": 500,
            "created_at": "2024-11-20",
            "expected_close_on": "2024-12-01",
        },
        {"deal_id": "d3", "account_id": "p2", "amount": 700, "created_at": "2024-02-01", "outcome": "lost"},
    ],
    "deal_stage_events": [
        {"deal_id": "d2", "stage": "proposal", "entered_at": "2024-11-20", "probability": 0.2},
        {"deal_id": "d2", "stage": "negotiation", "entered_at": "2024-12-10", "probability": 0.5},
    ],
    "product_usage": [
        {"account_id": "a2", "used_on": "2023-12-30", "events": 5},
        {"account_id": "a2", "used_on": "2023-12-31", "events": 5},
        {"account_id": "a1", "used_on": "2024-12-20", "events": 30, "subscription_id": "s1"},
        {"account_id": "a1", "used_on": "2024-11-20", "events": 20, "subscription_id": "gone"},
    ],
    "support_tickets": [
        {"account_id": "a1", "opened_at": "2024-12-01 08:00", "first_response_at": "2024-12-01 10:00"},
        {"account_id": "a3", "opened_at": "2023-12-01", "resolved_at": "2023-11-30"},
    ],
    "survey_responses": [
        {"account_id": "a1", "score": 9, "responded_at": "2024-12-05"},
        {"account_id": "a2", "score": 11, "responded_at": "2024-12-05"},
    ],
    "transactions": [{"account_id": "a1", "amount": 1200, "kind": "invoice", "occurred_at": "2024-01-15"}],
    "marketing_spend": [{"month": "2024-01-01", "channel": "ads", "amount": 900, "currency": "EUR"}],
}

TRANSACTIONAL: dict[str, list[dict[str, Any]]] = {
    "transactions": [
        {"account_id": "b1", "amount": 20, "occurred_at": "2024-01-10 09:00"},
        {"account_id": "b1", "amount": 30, "occurred_at": "2024-01-10 17:00"},
        {"account_id": "b1", "amount": "30.50", "occurred_at": "2024-03-01"},
        {"account_id": "b1", "amount": 10, "occurred_at": "2024-03-05", "kind": "refund"},
        {"account_id": "b1", "amount": 40, "occurred_at": "2024-08-01"},
        {"account_id": "b2", "amount": 25, "occurred_at": "2024-12-20"},
        {"account_id": "b3", "amount": 0, "occurred_at": "2024-12-20"},
    ]
}


@pytest.fixture(scope="module")
def contractual(tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Marts of a company with subscriptions whose days are those of Berlin."""
    return _marts(tmp_path_factory.mktemp("contractual"), CONTRACTUAL, time_zone="Europe/Berlin")


@pytest.fixture(scope="module")
def transactional(tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Marts of a shop that lands nothing but transactions."""
    return _marts(tmp_path_factory.mktemp("transactional"), TRANSACTIONAL, business_model="transactional")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Marts of a company that landed nothing and does not say until when."""
    return _marts(tmp_path_factory.mktemp("empty"), {}, data_until=None)


def test_spells_bridge_gaps_within_the_grace_period(contractual: Query) -> None:
    """Gaps up to grace_days are one spell; a planned end, or one whose grace still runs, is no churn."""
    spells = contractual(
        "select account_id, spell_number, started_on, ended_on from marts.fct_customer_spells order by 1, 2"
    )
    assert spells == [
        ("a1", 1, date(2024, 1, 15), None),
        ("a2", 1, date(2024, 1, 1), date(2024, 6, 10)),
        ("a2", 2, date(2024, 9, 1), None),
        ("a3", 1, date(2024, 2, 1), None),
        ("a4", 1, date(2024, 2, 1), None),
    ]


def test_mrr_movements_are_exact(contractual: Query) -> None:
    """Each kind of movement appears in its month with its cents, and a contract to the 31st leaves no gap."""
    movements = contractual(
        "select account_id, month(month_start), new_mrr, expansion_mrr, contraction_mrr, churn_mrr, reactivation_mrr"
        " from marts.fct_mrr_movements where opening_mrr <> closing_mrr order by 1, 2"
    )
    zero = Decimal(0)
    assert movements == [
        ("a1", 1, Decimal("100.10"), zero, zero, zero, zero),
        ("a1", 4, zero, Decimal("50.05"), zero, zero, zero),
        ("a2", 1, Decimal(200), zero, zero, zero, zero),
        ("a2", 4, zero, zero, Decimal(-50), zero, zero),
        ("a2", 6, zero, zero, zero, Decimal(-150), zero),
        ("a2", 9, zero, zero, zero, zero, Decimal(300)),
        ("a3", 2, Decimal(80), zero, zero, zero, zero),
        ("a3", 5, zero, zero, zero, Decimal(-80), zero),
        ("a3", 6, zero, zero, zero, zero, Decimal(80)),
        ("a4", 2, Decimal(60), zero, zero, zero, zero),
        ("a4", 12, zero, zero, zero, Decimal(-60), zero),
    ]


def test_monthly_revenue_reports_both_figures(contractual: Query) -> None:
    """A contractual company forecasts its closing MRR; invoices stand beside it."""
    months = contractual(
        "select sum(mrr), sum(revenue_amount), sum(target_amount), sum(customers_count), bool_and(is_complete)"
        " from marts.fct_monthly_revenue where month_start in ('2024-01-01', '2024-12-01')"
        " group by month_start order by month_start"
    )
    assert months == [
        (Decimal("300.10"), Decimal(1200), Decimal("300.10"), 2, True),
        (Decimal("530.15"), Decimal(0), Decimal("530.15"), 4, True),
    ]


def test_lead_lifecycle_keeps_days_as_given(contractual: Query) -> None:
    """Days come from events and deals, in the company's time zone, and an impossible order is not repaired."""
    leads = contractual(
        "select lead_id, current_stage, created_on, mql_on, sql_on, opportunity_on, customer_on"
        " from marts.fct_lead_lifecycle order by 1"
    )
    assert leads == [
        ("l1", "customer", date(2024, 1, 2), date(2024, 1, 5), date(2024, 1, 8), date(2024, 1, 10), date(2024, 1, 15)),
        ("l2", "mql", date(2024, 1, 3), date(2024, 1, 10), None, None, None),
        ("l3", "sql", date(2024, 1, 20), date(2024, 2, 1), date(2024, 1, 25), None, None),
        ("l4", "customer", date(2024, 4, 1), None, None, None, None),
    ]


def test_funnel_counts_cohorts(contractual: Query) -> None:
    """Of January's two MQLs one became an SQL; the lead whose SQL date precedes its MQL date does not count."""
    funnel = contractual(
        "select month(cohort_month), window_name, entered_count, reached_count, conversion_rate, is_mature"
        " from marts.fct_lead_funnel where from_stage = 'mql' and to_stage = 'sql'"
        " and window_name in ('30_days', 'ever') order by 1, 2"
    )
    assert funnel == [
        (1, "30_days", 2, 1, 0.5, True),
        (1, "ever", 2, 1, 0.5, True),
        (2, "30_days", 1, 0, 0.0, True),
        (2, "ever", 1, 0, 0.0, True),
    ]


def test_velocity_measures_those_that_arrived(contractual: Query) -> None:
    """Only the first lead went from lead to customer on known days: thirteen of them."""
    rows = contractual(
        "select leads_count, median_days, p90_days from marts.fct_stage_velocity"
        " where from_stage = 'lead' and to_stage = 'customer'"
    )
    assert rows == [(1, 13.0, 13.0)]


def test_pipeline_shows_the_stage_of_then(contractual: Query) -> None:
    """A deal counts in the stage it was in at the month end; a closed deal without a date counts nowhere."""
    rows = contractual(
        "select as_of, stage, open_count, open_amount, weighted_amount, overdue_count"
        " from marts.fct_pipeline_monthly order by 1, 2"
    )
    assert rows == [
        (date(2024, 11, 30), "proposal", 1, Decimal(500), 100.0, 0),
        (date(2024, 12, 31), "negotiation", 1, Decimal(500), 250.0, 1),
    ]


def test_account_is_seen_from_all_sides(contractual: Query) -> None:
    """Stage, money, usage trend and renewal stand in one row, also of whom only a contract names; no score above 10."""
    accounts = contractual(
        "select account_id, lifecycle_stage, first_customer_on, current_mrr, usage_28d_trend_ratio, renewal_on,"
        " nps_score, is_registered from marts.dim_accounts where account_id in ('a1', 'a2', 'p2', 'stranger')"
        " order by 1"
    )
    assert accounts == [
        ("a1", "expanded", date(2024, 1, 15), Decimal("150.15"), 1.5, date(2025, 1, 15), 9.0, True),
        ("a2", "customer", date(2024, 1, 1), Decimal(300), None, None, None, True),
        ("p2", "lead", None, Decimal(0), None, None, None, True),
        ("stranger", "lead", None, Decimal(0), None, None, None, False),
    ]


def test_findings_name_every_planted_fault(contractual: Query) -> None:
    """Each planted fault is found once, under its rule and its row, and nothing sound is accused."""
    found = contractual(
        "select rule, row_key, rows_count from marts.fct_data_quality_findings"
        " where rule not in ('stale_source', 'incomplete_profile') order by 1, 2"
    )
    assert found == [
        ("closed_deal_without_close_date", "d3", 1),
        ("consent_missing", "l2", 1),
        ("currency_missing", "d2", 1),
        ("currency_missing", "d3", 1),
        ("currency_missing", "transactions-1", 1),
        ("customer_without_conversion_date", "l4", 1),
        ("duplicate_company", "p2", 1),
        ("duplicate_person", "l2", 1),
        ("foreign_currency", "USD", 1),
        ("negative_money", "s7", 1),
        ("orphan_account", "s7", 1),
        ("orphan_subscription", "product_usage-4", 1),
        ("overdue_open_deal", "d2", 1),
        ("quarantined_row", "usage.csv:7", 1),
        ("score_without_sql", "l2", 1),
        ("sql_below_score", "l1", 1),
        ("stage_date_without_flag", "lead_stage_events-7", 1),
        ("stage_without_date", "lead_stage_events-6", 1),
        ("stages_out_of_order", "l3", 1),
        ("stale_mql", "l2", 1),
        ("stale_sql", "l3", 1),
        ("subscription_ends_before_start", "s6", 1),
        ("survey_score_out_of_range", "survey_responses-2", 1),
        ("ticket_before_signup", "support_tickets-2", 1),
        ("ticket_resolved_before_opened", "support_tickets-2", 1),
        ("usage_before_subscription", "a2", 2),
    ]


def test_transactional_spells_end_after_the_inactivity_window(transactional: Query) -> None:
    """A spell ends 90 days after its last purchase, and a later purchase begins a new one."""
    spells = transactional(
        "select account_id, spell_number, started_on, ended_on from marts.fct_customer_spells order by 1, 2"
    )
    assert spells == [
        ("b1", 1, date(2024, 1, 10), date(2024, 5, 30)),
        ("b1", 2, date(2024, 8, 1), date(2024, 10, 30)),
        ("b2", 1, date(2024, 12, 20), None),
    ]


def test_purchase_movements_are_exact(transactional: Query) -> None:
    """New, repeated, returned and lapsed money appear in their months with their cents."""
    movements = transactional(
        "select account_id, month(month_start), new_amount, repeat_amount, returned_amount, lapsed_amount"
        " from marts.fct_purchase_movements order by 1, 2"
    )
    zero = Decimal(0)
    assert movements == [
        ("b1", 1, Decimal(50), zero, zero, zero),
        ("b1", 3, zero, Decimal("30.50"), zero, zero),
        ("b1", 5, zero, zero, zero, Decimal("-80.50")),
        ("b1", 8, zero, zero, Decimal(40), zero),
        ("b1", 10, zero, zero, zero, Decimal(-40)),
        ("b2", 12, Decimal(25), zero, zero, zero),
    ]


def test_refunds_are_netted_beside_the_purchase(transactional: Query) -> None:
    """Purchases of a day are one occasion, an order of zero is none, a refund belongs to the purchase before it."""
    purchases = transactional(
        "select account_id, purchased_on, amount, refunded_amount from marts.fct_purchases order by 1, 2"
    )
    assert purchases == [
        ("b1", date(2024, 1, 10), Decimal(50), Decimal(0)),
        ("b1", date(2024, 3, 1), Decimal("30.50"), Decimal(10)),
        ("b1", date(2024, 8, 1), Decimal(40), Decimal(0)),
        ("b2", date(2024, 12, 20), Decimal(25), Decimal(0)),
    ]


def test_transactional_target_is_net_revenue(transactional: Query) -> None:
    """A shop forecasts orders less refunds, has no MRR and no movements of it."""
    assert transactional("select sum(target_amount), sum(mrr) from marts.fct_monthly_revenue") == [
        (Decimal("135.50"), Decimal(0))
    ]
    assert transactional("select count(*) from marts.fct_mrr_movements") == [(0,)]


def test_empty_tables_give_empty_marts(empty: Query) -> None:
    """A company that landed nothing gets every mart, without rows (but for the refused one), and no error."""
    tables = [name for (name,) in empty("select table_name from duckdb_tables() where schema_name = 'marts'")]
    rows = {table: empty(f"select count(*) from marts.{table}")[0][0] for table in tables}
    about_quality = ("findings", "by_rule", "scores", "score_history")
    assert {table for table, count in rows.items() if count} == {f"fct_data_quality_{name}" for name in about_quality}
    assert len(tables) >= 15
