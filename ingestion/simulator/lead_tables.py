"""Source tables of the leads: leads, stage events, touchpoints.

Belongs here: turning drawn leads into rows a CRM would export. Does not belong here: deals (`deal_tables`).
"""

from hashlib import sha256

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.leads import OPPORTUNITY, STAGES, Leads
from ingestion.simulator.parameters import LeadTruth
from ingestion.simulator.timeline import NEVER, Floats, Ints, Timeline

COUNTRIES = {
    "US": ("United States",),
    "DACH": ("Germany", "Austria", "Switzerland"),
    "EU": ("France", "Netherlands", "Spain", "Poland"),
    "APAC": ("Singapore", "Australia", "Japan"),
    "Vietnam": ("Vietnam",),
}
TITLES = ("Specialist", "Manager", "Director", "VP", "Chief Officer")
FIELDS = ("Operations", "IT", "Marketing", "Finance", "Sales")
# kind, channel, share of ordinary touchpoints
KINDS = (
    ("email_open", "email", 0.30),
    ("email_click", "email", 0.14),
    ("page_view", "web", 0.34),
    ("content_download", "web", 0.08),
    ("webinar", "web", 0.05),
    ("event", "event", 0.02),
    ("call", "phone", 0.05),
    ("demo_request", "web", 0.02),
)
TOUCHES_MEAN, TOUCHES_INTEREST, TOUCHES_SPREAD_DAYS = 8.0, 0.45, 20.0
STATIC_POINTS = {
    "seniority": (5, 15, 25, 32, 40),
    "company_size": (5, 12, 20, 25, 22),
    "lead_source": (10, 8, 3, 10, 15, 25, 20, 5),
}
SQL_MIN_SCORE, TOP_SCORE = 110, 200


def lead_ids(block: int, numbers: Ints) -> pa.Array:
    """Ids of leads of a block."""
    return col.ids("L", np.where(numbers < 0, -1, block * 1_000_000 + numbers), 10)


def country_codes(region: Ints, pick: Floats) -> tuple[list[str], Ints]:
    """All countries, and for each row the position of one of its region's."""
    names = [name for region_names in COUNTRIES.values() for name in region_names]
    sizes = np.array([len(region_names) for region_names in COUNTRIES.values()])
    first = np.cumsum(sizes) - sizes
    return names, first[region] + np.floor(pick * sizes[region]).astype(np.int64)


def leads_table(
    truth: LeadTruth, calendar: Timeline, block: int, leads: Leads, accounts: pa.Array, rng: np.random.Generator
) -> pa.Table:
    """Leads, with the version before an account record existed for those that got one."""
    count = len(leads)
    level = {
        name: col.texts(factor.levels, leads.codes[:, i]) for i, (name, factor) in enumerate(truth.factors.items())
    }
    names, country = country_codes(leads.codes[:, 5], rng.random(count))
    keys = lead_ids(block, np.arange(count))
    field = rng.integers(len(FIELDS), size=count)
    created = col.instants(calendar, leads.created, leads.seconds)
    opened = np.where(leads.account >= 0, leads.entered[:, OPPORTUNITY], NEVER)
    table = pa.table(
        {
            "lead_id": keys,
            "account_id": accounts.take(pa.array(leads.account, mask=leads.account < 0)),
            "email_hash": email_hashes(keys),
            "job_title": col.joined(col.texts(TITLES, leads.codes[:, 2]), col.texts(FIELDS, field), separator=" "),
            "seniority": level["seniority"],
            "lead_source": level["lead_source"],
            "campaign": col.joined(level["lead_source"], level["campaign"], separator=":"),
            "country": col.texts(names, country),
            "region": level["region"],
            "industry": level["industry"],
            "company_size": level["company_size"],
            "created_at": created,
            "consent": pa.array(rng.random(count) < 0.9),
            "modified_at": created,
        }
    )
    changed = col.instants(calendar, opened, leads.seconds + 3 * 600)
    return col.versions(table, changed, {"account_id": None})


def email_hashes(keys: pa.Array) -> pa.Array:
    """SHA-256 of the addresses `<key>@example.com` in lower case, as hexadecimal text."""
    return pa.array([sha256(f"{key.lower()}@example.com".encode()).hexdigest() for key in keys.to_pylist()])


def stage_events_table(
    calendar: Timeline, block: int, leads: Leads, churned_on: Ints, rng: np.random.Generator
) -> pa.Table:
    """One row per stage a lead entered within the period, and one when its account churned.

    Args:
        churned_on: day on which the lead's account churned for the first time, or NEVER.
    """
    days = np.column_stack([leads.entered, churned_on])
    number, stage = np.nonzero(days <= calendar.last_day)
    day = days[number, stage]
    scores = _scores(leads, rng)[number, stage]
    consulted = leads.consults[number] & (stage == 2)
    entered = col.instants(calendar, day, leads.seconds[number] + stage * 600)
    key = lead_ids(block, number)
    return pa.table(
        {
            "event_id": col.joined(key, col.texts((*STAGES, "churned"), stage)),
            "lead_id": key,
            "stage": col.texts((*STAGES, "churned"), stage),
            "entered_at": entered,
            "actor": col.texts(("marketing_automation", "sales"), (stage >= 2).astype(np.int64)),
            "reason": col.texts(("consultation_booked",), np.where(consulted, 0, -1)),
            "source_score": pa.array(scores, mask=np.isnan(scores)),
            "modified_at": entered,
        }
    )


def _scores(leads: Leads, rng: np.random.Generator) -> Floats:
    """The CRM's rule score at each stage: at most 109 at MQL, at least 110 at SQL unless a consultation was booked."""
    static = np.array(STATIC_POINTS["seniority"])[leads.codes[:, 2]]
    static = static + np.array(STATIC_POINTS["company_size"])[leads.codes[:, 3]]
    static = static + np.array(STATIC_POINTS["lead_source"])[leads.codes[:, 0]]
    engaged = np.rint(static + 25 + 12 * leads.interest + 8 * rng.standard_normal(len(leads)))
    mql = np.clip(engaged, 0, SQL_MIN_SCORE - 1)
    sql = np.where(leads.consults, np.clip(engaged + 30, 0, TOP_SCORE), np.clip(engaged + 55, SQL_MIN_SCORE, TOP_SCORE))
    nothing = np.full(len(leads), np.nan)
    return np.column_stack([np.clip(static, 0, 100), mql, sql, nothing, nothing, nothing])


def touchpoints_table(calendar: Timeline, block: int, leads: Leads, rng: np.random.Generator) -> pa.Table:
    """Ordinary touchpoints, whose number shows the interest, and the consultations and meetings of the sales process.

    When an ordinary touchpoint happens does not depend on the outcome: else it would give the outcome away.
    """
    mean = TOUCHES_MEAN * np.exp(TOUCHES_INTEREST * leads.interest - TOUCHES_INTEREST**2 / 2)
    ordinary = np.repeat(np.arange(len(leads)), 1 + rng.poisson(mean))
    day = leads.created[ordinary] + np.floor(rng.exponential(TOUCHES_SPREAD_DAYS, len(ordinary))).astype(np.int64)
    kind = rng.choice(len(KINDS), len(ordinary), p=[share for *_, share in KINDS])
    consulted = np.flatnonzero(leads.consults & (leads.entered[:, 2] <= calendar.last_day))
    met = np.flatnonzero(leads.entered[:, OPPORTUNITY] <= calendar.last_day)
    number = np.concatenate([ordinary, consulted, met])
    days = np.concatenate([day, leads.entered[consulted, 2], leads.entered[met, OPPORTUNITY]])
    extra = [np.full(len(consulted), len(KINDS)), np.full(len(met), len(KINDS) + 1)]
    return _touch_rows(calendar, block, leads, number, days, np.concatenate([kind, *extra]))


def _touch_rows(calendar: Timeline, block: int, leads: Leads, number: Ints, days: Ints, kind: Ints) -> pa.Table:
    """Touchpoint rows within the period, in order of the leads."""
    order = np.flatnonzero(days <= calendar.last_day)
    order = order[np.lexsort((kind[order], days[order], number[order]))]
    number, days, kind = number[order], days[order], kind[order]
    kinds = (*KINDS, ("consultation_booked", "web", 0.0), ("meeting", "meeting", 0.0))
    # after the lead's own stage events of the day, except the consultation, which makes the SQL
    seconds = leads.seconds[number] + np.where(kind == len(KINDS), 1190, 3600 + 60 * (np.arange(len(number)) % 30))
    occurred = col.instants(calendar, days, seconds)
    return pa.table(
        {
            "touchpoint_id": col.joined(lead_ids(block, number), col.ids("T", np.arange(len(number)), 6)),
            "lead_id": lead_ids(block, number),
            "account_id": col.constant(None, len(number)),
            "channel": col.texts([channel for _, channel, _ in kinds], kind),
            "kind": col.texts([name for name, *_ in kinds], kind),
            "occurred_at": occurred,
            "properties": col.constant("{}", len(number)),
            "modified_at": occurred,
        }
    )
