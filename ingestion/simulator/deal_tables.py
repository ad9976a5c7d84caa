"""Source tables of the deals and of the accounts they belong to.

Belongs here: deals, their stage events, accounts. Does not belong here: whether a deal is won (`leads`).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.simulator import columns as col
from ingestion.simulator.lead_tables import country_codes, lead_ids
from ingestion.simulator.leads import CUSTOMER, OPPORTUNITY, Leads
from ingestion.simulator.parameters import LeadTruth
from ingestion.simulator.timeline import NEVER, Ints, Timeline

DEAL_STAGES = ("discovery", "demo", "proposal", "negotiation")
STAGE_PROBABILITIES = (0.2, 0.35, 0.55, 0.75)
LOST_REASONS = ("price", "no_decision", "competitor", "missing_feature")
OWNERS_PER_REGION = 4
EMPLOYEES = ((2, 10), (11, 50), (51, 200), (201, 1000), (1001, 8000))
NAME_HEADS = ("Alder", "Birch", "Cedar", "Delta", "Ember", "Fjord", "Grove", "Harbor", "Iris", "Juniper")
NAME_TAILS = ("Works", "Systems", "Group", "Labs", "Partners", "Industries")
OPENED = 3 * 600  # seconds after the lead's time of day


def owner_ids(leads: Leads, rng: np.random.Generator) -> pa.Array:
    """Sales person of each lead, by region."""
    region = leads.codes[:, 5]
    return col.ids("U", region * OWNERS_PER_REGION + rng.integers(OWNERS_PER_REGION, size=len(leads)), 3)


def accounts_table(
    truth: LeadTruth, calendar: Timeline, leads: Leads, keys: pa.Array, owners: pa.Array, rng: np.random.Generator
) -> pa.Table:
    """One row per account, made when its deal was opened.

    Args:
        leads: the leads with an account, in order of the account.
        owners: owner of each of these leads.
    """
    count = len(leads)
    low, high = np.array(EMPLOYEES)[leads.codes[:, 3]].T
    employees = rng.integers(low, high + 1)
    revenue = employees * 120_000 * np.exp(0.4 * rng.standard_normal(count))
    names, country = country_codes(leads.codes[:, 5], rng.random(count))
    name = col.joined(
        col.texts(NAME_HEADS, rng.integers(len(NAME_HEADS), size=count)),
        col.texts(NAME_TAILS, rng.integers(len(NAME_TAILS), size=count)),
        keys,
        separator=" ",
    )
    created = col.instants(calendar, leads.entered[:, OPPORTUNITY], leads.seconds + OPENED)
    return pa.table(
        {
            "account_id": keys,
            "name": name,
            "domain": col.joined(pc.utf8_lower(keys), "example.com", separator="."),
            "industry": col.texts(truth.industry.levels, leads.codes[:, 4]),
            "employee_count": pa.array(employees),
            "annual_revenue": col.money(col.cents(np.rint(revenue))),
            "country": col.texts(names, country),
            "region": col.texts(truth.region.levels, leads.codes[:, 5]),
            "owner_id": owners,
            "created_at": created,
            "modified_at": created,
        }
    )


def deals_table(
    calendar: Timeline,
    block: int,
    leads: Leads,
    amounts: Ints,
    accounts: pa.Array,
    owners: pa.Array,
    rng: np.random.Generator,
) -> pa.Table:
    """Deals as opened and again as closed; `amounts` is the value of each lead's deal in cents."""
    number = np.flatnonzero(leads.entered[:, OPPORTUNITY] <= calendar.last_day)
    mine = leads.take(number)
    opened = mine.entered[:, OPPORTUNITY]
    closed_at = col.instants(calendar, mine.closed_on, mine.seconds + 4 * 600)
    outcome = _outcome(calendar, mine)
    expected = opened + np.rint(35 * np.exp(0.35 * rng.standard_normal(len(number)))).astype(np.int64)
    created = col.instants(calendar, opened, mine.seconds + OPENED)
    reason = np.where(outcome == 2, rng.integers(len(LOST_REASONS), size=len(number)), -1)
    keys = deal_ids(block, number)
    table = pa.table(
        {
            "deal_id": keys,
            "account_id": accounts.take(pa.array(mine.account, mask=mine.account < 0)),
            "lead_id": lead_ids(block, number),
            "name": col.joined("New business", keys, separator=" "),
            "amount": col.money(amounts[number]),
            "currency": col.constant(col.CURRENCY, len(number)),
            "pipeline": col.constant("new_business", len(number)),
            "owner_id": owners.take(pa.array(number)),
            "created_at": created,
            "expected_close_on": col.dates(calendar, expected, past_end=True),
            "closed_at": closed_at,
            "outcome": col.texts(("open", "won", "lost"), outcome),
            "lost_reason": col.texts(LOST_REASONS, reason),
            "modified_at": created,
        }
    )
    return col.versions(table, closed_at, {"closed_at": None, "outcome": "open", "lost_reason": None})


def _outcome(calendar: Timeline, leads: Leads) -> Ints:
    """0 open, 1 won, 2 lost, as it stands at the end of the period."""
    won, closed = leads.entered[:, CUSTOMER] <= calendar.last_day, leads.closed_on <= calendar.last_day
    return np.where(closed, np.where(won, 1, 2), 0)


def deal_ids(block: int, numbers: Ints) -> pa.Array:
    """Ids of the deals of a block's leads."""
    return col.ids("D", block * 1_000_000 + numbers, 10)


def deal_stage_events_table(calendar: Timeline, block: int, leads: Leads, rng: np.random.Generator) -> pa.Table:
    """Stages of each deal; a lost deal stops at a random one."""
    number = np.flatnonzero(leads.entered[:, OPPORTUNITY] <= calendar.last_day)
    mine = leads.take(number)
    opened, closed = mine.entered[:, OPPORTUNITY], mine.closed_on
    lost = mine.lost_on < NEVER
    furthest = np.where(lost, rng.integers(len(DEAL_STAGES), size=len(number)), len(DEAL_STAGES) - 1)
    # random shares of the deal's time, so that the early stages do not tell when it will close
    shares = np.sort(rng.random((len(number), len(DEAL_STAGES))), axis=1)
    shares[:, 0] = 0.0
    days = opened[:, None] + np.floor((closed - opened)[:, None] * shares).astype(np.int64)
    reached = (np.arange(len(DEAL_STAGES)) <= furthest[:, None]) & (days <= calendar.last_day)
    deal, stage = np.nonzero(reached)
    entered = col.instants(calendar, days[deal, stage], mine.seconds[deal] + OPENED + stage * 60)
    key = deal_ids(block, number[deal])
    return pa.table(
        {
            "event_id": col.joined(key, col.texts(DEAL_STAGES, stage)),
            "deal_id": key,
            "stage": col.texts(DEAL_STAGES, stage),
            "entered_at": entered,
            "probability": pa.array(np.array(STAGE_PROBABILITIES)[stage]),
            "modified_at": entered,
        }
    )
