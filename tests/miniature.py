"""Two miniature companies, small enough to compute every metric by hand: eighteen months, twelve accounts at most.

Belongs here: their raw rows and settings. The figures that must come out stand in the tests that read their marts.
Both end on 30 June 2025; months run from January 2024. Deals are landed as two or more versions, open and closed, so
that a past month can be seen as it was known then.
"""

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]
Rows = Mapping[str, list[Row]]

SETTINGS: Mapping[str, Any] = {"history_starts_on": "2024-01-01", "data_until": "2025-06-30"}


def _account(key: str, industry: str, region: str, owner: str, created_at: str) -> Row:
    return {
        "account_id": key,
        "name": key.upper(),
        "domain": f"{key}.example",
        "industry": industry,
        "region": region,
        "country": "DE",
        "owner_id": owner,
        "created_at": created_at,
    }


def _subscription(key: str, account: str, mrr: object, started_on: str, ended_on: str | None, **more: object) -> Row:
    given = {"subscription_id": key, "account_id": account, "mrr": mrr, "started_on": started_on, "ended_on": ended_on}
    return given | {"currency": "EUR", "plan": "standard", "seats": 5, "billing_period": "annual"} | more


def _lead(key: str, account: str | None, source: str, created_at: str) -> Row:
    described = {"job_title": "Buyer", "seniority": "manager", "country": "DE", "industry": "software"}
    known = {"company_size": "11-50", "consent": True, "email_hash": f"hash-{key}"}
    return {"lead_id": key, "account_id": account, "lead_source": source, "created_at": created_at} | described | known


def _stages(lead: str, **entered: str) -> list[Row]:
    return [
        {"event_id": f"{lead}-{stage}", "lead_id": lead, "stage": stage, "entered_at": at}
        for stage, at in entered.items()
    ]


def _touch(key: str, lead: str, channel: str, kind: str, occurred_at: str) -> Row:
    return {"touchpoint_id": key, "lead_id": lead, "channel": channel, "kind": kind, "occurred_at": occurred_at}


def _deal(key: str, account: str, amount: object, expected: Mapping[str, str | None], **facts: object) -> list[Row]:
    """One version per day on which the expected close changed, and one for the closing if there was one.

    Args:
        expected: day on which it became known, to the day on which sales then expected to close.
    """
    created_at = next(iter(expected))
    told = {"deal_id": key, "account_id": account, "amount": amount, "currency": "EUR", "created_at": created_at}
    told |= {name: value for name, value in facts.items() if name not in ("closed_at", "outcome", "lost_reason")}
    versions = [told | {"expected_close_on": day, "outcome": "open", "known_at": at} for at, day in expected.items()]
    if "closed_at" in facts:
        closing = {"known_at": facts["closed_at"], "closed_at": facts["closed_at"], "outcome": facts["outcome"]}
        versions.append(versions[-1] | closing | {"lost_reason": facts.get("lost_reason")})
    return versions


def _deal_stages(deal: str, *entered: tuple[str, str, float]) -> list[Row]:
    return [
        {"event_id": f"{deal}-{stage}", "deal_id": deal, "stage": stage, "entered_at": at, "probability": probability}
        for stage, at, probability in entered
    ]


def _usage(account: str, feature: str, days: Mapping[str, int], users: int = 1) -> list[Row]:
    return [
        {
            "usage_id": f"{account}-{feature}-{day}",
            "account_id": account,
            "feature": feature,
            "used_on": day,
            "events": events,
            "active_users": users,
        }
        for day, events in days.items()
    ]


def _ticket(key: str, account: str, opened: str, responded: str | None, resolved: str | None, **more: object) -> Row:
    times = {"opened_at": opened, "first_response_at": responded, "resolved_at": resolved}
    return {"ticket_id": key, "account_id": account, "priority": "normal", "escalated": False} | times | more


def _nps(key: str, account: str, score: int, responded_at: str) -> Row:
    return {"response_id": key, "account_id": account, "kind": "nps", "score": score, "responded_at": responded_at}


def _order(key: str, account: str, amount: object, occurred_at: str, kind: str = "order", **more: object) -> Row:
    given = {"transaction_id": key, "account_id": account, "amount": amount, "occurred_at": occurred_at, "kind": kind}
    return given | {"currency": "EUR"} | more


CONTRACTUAL: Rows = {
    "accounts": [
        _account("a1", "software", "north", "o1", "2024-01-02"),
        _account("a2", "retail", "south", "o2", "2024-01-03"),
        _account("a3", "software", "south", "o1", "2024-01-15"),
        _account("a4", "retail", "north", "o2", "2024-01-20"),
        _account("a5", "software", "north", "o1", "2024-02-10"),
        _account("a6", "retail", "south", "o2", "2024-03-20"),
        _account("a7", "software", "north", "o1", "2024-05-01"),
        _account("a8", "retail", "south", "o2", "2024-09-01"),
        _account("a9", "software", "north", "o1", "2025-03-01"),
        _account("a10", "retail", "south", "o2", "2025-05-05"),
    ],
    "subscriptions": [
        _subscription("s1", "a1", 100, "2024-01-10", None, seats=10),
        _subscription("s1-more", "a1", "50.50", "2024-07-01", None),
        _subscription("s2", "a2", 200, "2024-01-15", "2025-01-15"),
        _subscription("s2-next", "a2", 150, "2025-01-15", "2026-01-15", renewed_from="s2"),
        _subscription("s3", "a3", 80, "2024-02-01", "2024-08-15"),
        _subscription("s3-back", "a3", 120, "2025-01-20", "2026-01-20"),
        _subscription("s4", "a4", 60, "2024-02-01", "2024-12-15"),
        _subscription("s5", "a5", 110, "2024-03-01", None, currency="USD"),
        _subscription("s6-trial", "a6", 90, "2024-04-01", "2024-05-01", is_trial=True),
        _subscription("s6", "a6", 90, "2024-05-01", "2025-05-01"),
        _subscription("s6-next", "a6", 90, "2025-05-01", "2026-05-01", renewed_from="s6"),
        _subscription("s7", "a7", 40, "2024-05-15", "2024-05-31"),
        _subscription("s7-next", "a7", 40, "2024-06-20", "2025-06-20"),
    ],
    "leads": [
        _lead("l1", "a1", "ads", "2024-01-02"),
        _lead("l2", "a2", "event", "2024-01-03"),
        _lead("l3", "a3", "ads", "2024-01-15"),
        _lead("l4", "a4", "referral", "2024-01-20"),
        _lead("l5", "a5", "event", "2024-02-10"),
        _lead("l6", "a6", "ads", "2024-03-20"),
        _lead("l7", "a7", "referral", "2024-05-01"),
        _lead("l8", "a8", "ads", "2024-09-01"),
        _lead("l9", "a9", "event", "2025-03-01"),
        _lead("l10", "a10", "ads", "2025-05-05"),
        _lead("l11", None, "ads", "2024-01-25"),
        _lead("l12", None, "event", "2024-06-10"),
    ],
    "lead_stage_events": [
        *_stages("l1", mql="2024-01-05", sql="2024-01-08"),
        *_stages("l2", mql="2024-01-04", sql="2024-01-05"),
        *_stages("l3", mql="2024-01-18", sql="2024-01-20"),
        *_stages("l4", sql="2024-01-25"),  # skipped mql
        *_stages("l5", mql="2024-02-12", sql="2024-02-15"),
        *_stages("l6", mql="2024-03-25", sql="2024-04-01"),
        *_stages("l7", mql="2024-05-01", sql="2024-05-02"),
        *_stages("l8", mql="2024-09-03", sql="2024-09-05"),
        *_stages("l9", mql="2025-03-05", sql="2025-03-10"),
        *_stages("l11", mql="2024-02-01", sql="2024-03-01"),
        # back to marketing, and qualified once more
        {"event_id": "l11-mql-again", "lead_id": "l11", "stage": "mql", "entered_at": "2024-04-01"},
        {"event_id": "l11-sql-again", "lead_id": "l11", "stage": "sql", "entered_at": "2024-05-01"},
        *_stages("l12", mql="2024-06-20"),
    ],
    "touchpoints": [
        _touch("t1", "l1", "ads", "page_view", "2024-01-02 09:00"),
        _touch("t2", "l1", "event", "webinar", "2024-01-04 10:00"),
        _touch("t3", "l1", "email", "email_click", "2024-01-06 10:00"),
        _touch("t4", "l1", "ads", "demo_request", "2024-01-07 10:00"),
        _touch("t5", "l2", "event", "event", "2024-01-03 10:00"),
        _touch("t6", "l3", "ads", "page_view", "2024-01-15 10:00"),
        _touch("t7", "l3", "event", "webinar", "2024-01-19 10:00"),
        _touch("t8", "l5", "event", "event", "2024-02-10 10:00"),
        _touch("t9", "l6", "ads", "page_view", "2024-03-20 10:00"),
        _touch("t10", "l6", "referral", "call", "2024-04-02 10:00"),
        _touch("t11", "l8", "ads", "page_view", "2024-09-01 10:00"),
        _touch("t12", "l6", "event", "event", "2024-06-01 10:00"),  # after it was won: no part in it
    ],
    "deals": [
        *_deal(
            "d1",
            "a1",
            1200,
            {"2024-01-08": "2024-01-20"},
            lead_id="l1",
            owner_id="o1",
            pipeline="new",
            closed_at="2024-01-10",
            outcome="won",
        ),
        *_deal(
            "d2",
            "a2",
            2400,
            {"2024-01-05": "2024-01-31"},
            lead_id="l2",
            owner_id="o2",
            pipeline="new",
            closed_at="2024-01-15",
            outcome="won",
        ),
        *_deal(
            "d3",
            "a3",
            960,
            {"2024-01-20": "2024-02-15"},
            lead_id="l3",
            owner_id="o1",
            pipeline="new",
            closed_at="2024-02-01",
            outcome="won",
        ),
        *_deal(
            "d4",
            "a4",
            720,
            {"2024-01-25": "2024-02-15"},
            lead_id="l4",
            owner_id="o2",
            pipeline="new",
            closed_at="2024-02-01",
            outcome="won",
        ),
        *_deal(
            "d5",
            "a5",
            1320,
            {"2024-02-15": "2024-02-25", "2024-02-24": "2024-03-15"},
            lead_id="l5",
            owner_id="o1",
            pipeline="new",
            closed_at="2024-03-01",
            outcome="won",
            currency="USD",
        ),
        *_deal(
            "d6",
            "a6",
            1080,
            {"2024-04-01": "2024-05-15"},
            lead_id="l6",
            owner_id="o2",
            pipeline="new",
            closed_at="2024-05-01",
            outcome="won",
        ),
        *_deal(
            "d7",
            "a7",
            480,
            {"2024-05-02": "2024-05-31"},
            lead_id="l7",
            owner_id="o1",
            pipeline="new",
            closed_at="2024-05-15",
            outcome="won",
        ),
        *_deal(
            "d8",
            "a8",
            3000,
            {"2024-09-05": "2024-10-31", "2024-10-30": "2024-11-30"},
            lead_id="l8",
            owner_id="o2",
            pipeline="new",
            closed_at="2024-11-20",
            outcome="lost",
            lost_reason="price",
        ),
        *_deal(
            "d9",
            "a9",
            2000,
            {"2025-03-10": "2025-05-31", "2025-05-30": "2025-07-31"},
            lead_id="l9",
            owner_id="o1",
            pipeline="new",
        ),
        *_deal(
            "d10",
            "a1",
            606,
            {"2024-06-01": "2024-06-30"},
            owner_id="o1",
            pipeline="expansion",
            closed_at="2024-07-01",
            outcome="won",
        ),
        *_deal(
            "d11",
            "a3",
            1440,
            {"2024-12-10": "2025-01-31"},
            owner_id="o1",
            pipeline="new",
            closed_at="2025-01-20",
            outcome="won",
        ),
        *_deal("d12", "a2", 500, {"2025-06-10": None}, owner_id="o2", pipeline="expansion"),
    ],
    "deal_stage_events": [
        *_deal_stages("d1", ("qualified", "2024-01-08", 0.2), ("proposal", "2024-01-09", 0.5)),
        *_deal_stages("d2", ("qualified", "2024-01-05", 0.2), ("proposal", "2024-01-10", 0.5)),
        *_deal_stages("d3", ("qualified", "2024-01-20", 0.2), ("proposal", "2024-01-28", 0.5)),
        *_deal_stages("d4", ("qualified", "2024-01-25", 0.2)),
        *_deal_stages(
            "d5", ("qualified", "2024-02-15", 0.2), ("proposal", "2024-02-20", 0.5), ("negotiation", "2024-02-28", 0.8)
        ),
        *_deal_stages("d6", ("qualified", "2024-04-01", 0.2), ("proposal", "2024-04-20", 0.5)),
        *_deal_stages("d7", ("qualified", "2024-05-02", 0.2)),
        *_deal_stages("d8", ("qualified", "2024-09-05", 0.2), ("proposal", "2024-10-01", 0.5)),
        *_deal_stages("d9", ("qualified", "2025-03-10", 0.2), ("proposal", "2025-04-15", 0.5)),
        *_deal_stages("d10", ("proposal", "2024-06-01", 0.5)),
        *_deal_stages("d11", ("qualified", "2024-12-10", 0.2), ("negotiation", "2025-01-10", 0.8)),
        *_deal_stages("d12", ("qualified", "2025-06-10", 0.2)),
    ],
    "transactions": [
        _order("i1", "a1", 1200, "2024-01-10", "invoice", paid_at="2024-01-25"),
        _order("i2", "a2", 2400, "2024-01-15", "invoice", paid_at="2024-02-20"),
        _order("i3", "a3", 960, "2024-02-01", "invoice", paid_at="2024-02-10"),
        _order("i3-refund", "a3", 400, "2024-08-20", "refund", paid_at="2024-08-20"),
        _order("i5", "a5", 1320, "2024-03-01", "invoice", paid_at="2024-03-31", currency="USD"),
    ],
    "product_usage": [
        *_usage("a1", "reports", {"2025-05-05": 20, "2025-05-20": 20, "2025-06-05": 30, "2025-06-20": 30}, users=4),
        *_usage("a1", "alerts", {"2025-06-10": 20}, users=2),
        *_usage("a2", "reports", {"2025-04-10": 40, "2025-05-20": 10, "2025-06-10": 5}, users=2),
        *_usage("a4", "reports", {"2024-03-10": 12, "2024-10-10": 6, "2024-11-20": 2}),
        *_usage("a6", "alerts", {"2024-06-03": 7, "2025-06-25": 7}),
    ],
    "support_tickets": [
        _ticket("k1", "a1", "2025-06-02 08:00", "2025-06-02 10:00", "2025-06-03 08:00", csat=5),
        _ticket("k2", "a2", "2025-05-10 08:00", "2025-05-11 08:00", "2025-05-14 08:00", escalated=True, csat=2),
        _ticket("k3", "a2", "2025-06-20 08:00", None, None, priority="urgent"),
        _ticket("k4", "a4", "2024-11-05 08:00", "2024-11-05 20:00", "2024-11-10 08:00", csat=1),
        _ticket("k5", "a4", "2024-11-25 08:00", "2024-11-27 08:00", None, escalated=True),
    ],
    "survey_responses": [
        _nps("n1", "a1", 8, "2024-06-15"),
        _nps("n2", "a1", 10, "2025-06-15"),
        _nps("n3", "a2", 9, "2024-06-15"),
        _nps("n4", "a2", 4, "2025-06-16"),
        _nps("n5", "a4", 3, "2024-11-15"),
        _nps("n6", "a6", 7, "2025-06-17"),
    ],
    "marketing_spend": [
        {"month": "2024-01-01", "channel": "ads", "amount": 900, "currency": "EUR"},
        {"month": "2024-01-01", "channel": "event", "amount": 600, "currency": "EUR"},
        {"month": "2024-02-01", "channel": "ads", "amount": 500, "currency": "EUR"},
        {"month": "2024-03-01", "channel": "event", "amount": 400, "currency": "EUR"},
        {"month": "2024-05-01", "channel": "ads", "amount": 300, "currency": "EUR"},
        {"month": "2024-07-01", "channel": "referral", "amount": 50, "currency": "EUR"},  # a month without a customer
    ],
}

TRANSACTIONAL: Rows = {
    "accounts": [
        _account("b1", "private", "north", "o1", "2024-01-05"),
        _account("b2", "private", "south", "o1", "2024-01-08"),
        _account("b3", "business", "north", "o2", "2024-02-01"),
        _account("b4", "business", "south", "o2", "2024-02-10"),
        _account("b5", "private", "north", "o1", "2024-03-01"),
        _account("b6", "private", "south", "o1", "2025-05-01"),
    ],
    "leads": [
        _lead("c1", "b1", "ads", "2024-01-05"),
        _lead("c2", "b2", "ads", "2024-01-08"),
        _lead("c3", "b3", "shop", "2024-02-01"),
    ],
    "transactions": [
        _order("o1", "b1", 20, "2024-01-10 09:00"),
        _order("o2", "b1", 30, "2024-01-10 17:00"),  # the same day: one occasion
        _order("o3", "b1", "30.50", "2024-03-01"),
        _order("o4", "b1", 10, "2024-03-05", "refund"),
        _order("o5", "b1", 40, "2024-08-01"),  # returned
        _order("o6", "b2", 25, "2024-01-20"),  # once, lapsed in April
        _order("o7", "b3", 100, "2024-02-05"),
        _order("o8", "b3", 110, "2024-04-05"),
        _order("o9", "b3", 120, "2024-06-05"),
        _order("o10", "b3", 130, "2024-08-05"),
        _order("o11", "b4", 55, "2024-02-15", currency="USD"),
        _order("o12", "b4", 60, "2025-06-15"),  # returned after more than a year
        _order("o13", "b5", 15, "2024-03-31"),
        _order("o14", "b5", 15, "2024-06-29"),  # exactly ninety days later: not lapsed
        _order("o15", "b6", 70, "2025-05-10"),  # active when the data end
        _order("o16", "b6", 80, "2025-06-20"),
    ],
    "marketing_spend": [
        {"month": "2024-01-01", "channel": "ads", "amount": 50, "currency": "EUR"},
        {"month": "2024-02-01", "channel": "shop", "amount": 30, "currency": "EUR"},
    ],
}
