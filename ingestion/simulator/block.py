"""One block of the simulated company: draw it, and lay it out as source tables and truth tables.

Belongs here: the order of the steps and what each needs. Does not belong here: any step. Blocks are independent of
one another (own seeds, own key ranges), so a company of any size is made in the memory of one block.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.churn_oracle import customer_truth
from ingestion.simulator.contract_tables import actions_table, subscriptions_table, transactions_table, trials_table
from ingestion.simulator.contracts import Periods, Quotes, draw_contracts, draw_quotes, mrr_cents
from ingestion.simulator.customers import Record, draw_customers, spells
from ingestion.simulator.deal_tables import accounts_table, deal_stage_events_table, deals_table, owner_ids
from ingestion.simulator.lead_oracle import LeadOracle
from ingestion.simulator.lead_tables import leads_table, stage_events_table, touchpoints_table
from ingestion.simulator.lead_truth import deal_truth, lead_truth
from ingestion.simulator.leads import OPPORTUNITY, Leads, draw_leads
from ingestion.simulator.parameters import PARAMETERS, Parameters
from ingestion.simulator.settings import SimulatorSettings
from ingestion.simulator.support import contacts_table, surveys_table, tickets_table
from ingestion.simulator.timeline import NEVER, Ints, Timeline, stream, timeline
from ingestion.simulator.usage import active_days, usage_table

BLOCK_ACCOUNTS = 400

Tables = dict[str, pa.Table]


@dataclass(frozen=True)
class World:
    """What every block shares."""

    seed: int
    truth: Parameters
    calendar: Timeline
    lead_oracle: LeadOracle


def world_of(settings: SimulatorSettings) -> World:
    """What the blocks of a company share."""
    calendar = timeline(settings, PARAMETERS.inflow)
    return World(settings.seed, PARAMETERS, calendar, LeadOracle(PARAMETERS.lead))


def block_sizes(settings: SimulatorSettings) -> list[int]:
    """Accounts of each block; only the last may be smaller."""
    whole, rest = divmod(settings.accounts, BLOCK_ACCOUNTS)
    return [BLOCK_ACCOUNTS] * whole + [rest] * (rest > 0)


@dataclass(frozen=True)
class Draft:
    """One block as drawn, before it is laid out as tables.

    Attributes:
        accounts: ids of the block's accounts.
        holders: the lead of each account, in order of the accounts.
        periods, bills: contracts and invoices of the customers in `record`.
    """

    number: int
    leads: Leads
    accounts: pa.Array
    holders: Ints
    owners: pa.Array
    quotes: Quotes
    record: Record


@dataclass(frozen=True)
class Block:
    """Tables of one block; `source` may be read by the pipeline, `truth` may not."""

    source: Tables
    truth: Tables


def draw_block(world: World, number: int, accounts: int) -> Draft:
    """Draw leads, quotes and customers of one block."""
    rng = stream(world.seed, number, "leads")
    leads = draw_leads(world.truth.lead, world.calendar, accounts, rng)
    holders = np.flatnonzero(leads.account >= 0)
    deal_rng = stream(world.seed, number, "deals")
    quotes = draw_quotes(world.truth.contract, leads, deal_rng)
    record = draw_customers(world.truth.churn, world.calendar, leads, stream(world.seed, number, "customers"))
    keys = col.ids("A", number * BLOCK_ACCOUNTS + np.arange(accounts))
    return Draft(number, leads, keys, holders, owner_ids(leads, deal_rng), quotes, record)


def make_block(world: World, number: int, accounts: int) -> Block:
    """All tables of one block, without faults."""
    draft = draw_block(world, number, accounts)
    source = {**sales_tables(world, draft), **_customer_tables(world, draft)}
    source["touchpoints"] = pa.concat_tables([source["touchpoints"], source.pop("contacts")]).combine_chunks()
    rng = stream(world.seed, number, "oracle")
    truth = {
        "lead_truth": lead_truth(world.lead_oracle, world.calendar, number, draft.leads),
        "deal_truth": deal_truth(world.truth.lead, world.calendar, number, draft.leads),
        "customer_truth": customer_truth(world.truth.churn, world.calendar, draft.record, draft.accounts, rng),
    }
    return Block(source, truth)


def sales_tables(world: World, draft: Draft) -> Tables:
    """Tables that lead up to the sale."""
    truth, calendar, leads = world.truth, world.calendar, draft.leads
    rng = stream(world.seed, draft.number, "touchpoints")
    monthly = np.zeros(len(leads), dtype=bool)
    amounts = mrr_cents(truth.contract, draft.quotes, monthly, 1.0) * 12
    churned_on = np.full(len(leads), NEVER)
    customer, _, ended = spells(calendar, draft.record)
    np.minimum.at(churned_on, draft.record.lead[customer], ended)
    holders, owners = leads.take(draft.holders), draft.owners.take(pa.array(draft.holders))
    return {
        "accounts": accounts_table(truth.lead, calendar, holders, draft.accounts, owners, rng),
        "leads": leads_table(truth.lead, calendar, draft.number, leads, draft.accounts, rng),
        "lead_stage_events": stage_events_table(calendar, draft.number, leads, churned_on, rng),
        "touchpoints": touchpoints_table(calendar, draft.number, leads, rng),
        "deals": deals_table(calendar, draft.number, leads, amounts, draft.accounts, draft.owners, rng),
        "deal_stage_events": deal_stage_events_table(calendar, draft.number, leads, rng),
    }


def _customer_tables(world: World, draft: Draft) -> Tables:
    """Tables of the life as a customer."""
    truth, calendar, record = world.truth, world.calendar, draft.record
    rng = stream(world.seed, draft.number, "contracts")
    signals = stream(world.seed, draft.number, "signals")
    usage_rng = stream(world.seed, draft.number, "usage")
    quotes = Quotes(*(getattr(draft.quotes, name)[record.lead] for name in ("plan", "seats", "price_share")))
    periods, bills = draw_contracts(truth.contract, truth.churn, calendar, record, quotes, rng)
    trial_from, trials = _trials(world, draft, rng)
    paid = subscriptions_table(truth.contract, calendar, draft.number, record, periods, draft.accounts)
    days = _days_in_use(calendar, record, periods, trial_from)
    owners = draft.owners.take(pa.array(draft.holders))
    accounts, number = draft.accounts, draft.number
    return {
        "subscriptions": pa.concat_tables([trials, paid]).combine_chunks(),
        "transactions": transactions_table(
            truth.contract, truth.signal, calendar, number, record, bills, accounts, signals
        ),
        "account_actions": actions_table(calendar, record, accounts, owners, rng),
        "support_tickets": tickets_table(truth.signal, calendar, record, days, accounts, signals),
        "survey_responses": surveys_table(truth.signal, calendar, record, accounts, signals),
        "contacts": contacts_table(truth.signal, calendar, record, days, accounts, signals),
        "product_usage": usage_table(truth.signal, calendar, record, quotes.seats, days, accounts, usage_rng),
    }


def _days_in_use(calendar: Timeline, record: Record, periods: Periods, trial_from: Ints) -> np.ndarray:
    """Days under contract or trial, shape (customers, days)."""
    trial = np.flatnonzero(trial_from < NEVER)
    customer = np.concatenate([periods.customer, trial])
    started = np.concatenate([periods.started, trial_from[trial]])
    ended = np.concatenate([periods.ended, np.minimum(record.start_on[trial], calendar.days)])
    return active_days(calendar, len(record), customer, started, ended)


def _trials(world: World, draft: Draft, rng: np.random.Generator) -> tuple[Ints, pa.Table]:
    """First trial day of each customer (NEVER without a trial), and the trials of customers and of others.

    A trial runs between the opening of the deal and the paid contract; one that led nowhere ends by itself.
    """
    contract, calendar, record = world.truth.contract, world.calendar, draft.record
    opened = draft.leads.entered[draft.holders, OPPORTUNITY]
    paid_on = np.full(len(opened), NEVER)
    paid_on[record.account] = record.start_on
    started = np.where(paid_on < NEVER, np.maximum(paid_on - contract.trial_days, opened + 1), opened + 1)
    ended = np.where(paid_on < NEVER, paid_on, started + contract.trial_days)
    tries = (rng.random(len(opened)) < contract.trial_share) & (started < ended) & (started <= calendar.last_day)
    index = np.flatnonzero(tries)
    plan = draft.quotes.plan[draft.holders[index]]
    names = draft.accounts.take(pa.array(index))
    table = trials_table(contract, calendar, started[index], ended[index], plan, names)
    of_customer = np.where(tries & (paid_on < NEVER), started, NEVER)[record.account]
    return of_customer, table
