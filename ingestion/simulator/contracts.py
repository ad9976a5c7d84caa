"""Draw the contracts and invoices of one block's customers.

Belongs here: plans, seats, prices, their changes, what is billed. Does not belong here: whether a customer stays
(`customers`) and source tables (`contract_tables`).
"""

from dataclasses import dataclass

import numpy as np

from ingestion.simulator import columns as col
from ingestion.simulator.customers import Record, contract_days
from ingestion.simulator.hazard import State, is_due
from ingestion.simulator.leads import Leads
from ingestion.simulator.parameters import ChurnTruth, ContractTruth
from ingestion.simulator.timeline import NEVER, Flags, Floats, Ints, Timeline

MONTHS_PER_YEAR = 12


@dataclass(frozen=True)
class Quotes:
    """What a deal is about: plan, seats and the share of the list price asked; one row per lead."""

    plan: Ints
    seats: Ints
    price_share: Floats


@dataclass(frozen=True)
class Renewal:
    """What customers agree in a month; one row per customer.

    Attributes:
        stays: decided in the month, and for staying.
        opens: a new period starts.
        cents: its monthly price.
    """

    quotes: Quotes
    stays: Flags
    opens: Flags
    cents: Ints


@dataclass(frozen=True)
class Periods:
    """Contract periods; one row per period, in order of their start.

    Attributes:
        before: position of the period that this one renews, -1 for the first of a spell.
        ended: first day after the period, NEVER while it runs.
    """

    customer: Ints
    before: Ints
    plan: Ints
    seats: Ints
    mrr_cents: Ints
    started: Ints
    ended: Ints


@dataclass(frozen=True)
class Bills:
    """What was invoiced; one row per invoice."""

    customer: Ints
    month: Ints
    day: Ints
    cents: Ints


def draw_quotes(truth: ContractTruth, leads: Leads, rng: np.random.Generator) -> Quotes:
    """Plan and seats that fit the size of the lead's company."""
    size = leads.codes[:, 3]
    seats = np.array(truth.seats_median)[size] * np.exp(0.4 * rng.standard_normal(len(leads)))
    plan = np.clip(np.floor(size / 2 + rng.random(len(leads))), 0, len(truth.plans) - 1)
    share = 1 - 0.2 * rng.random(len(leads)) ** 2
    return Quotes(plan.astype(np.int64), np.maximum(np.rint(seats), 1).astype(np.int64), share)


def mrr_cents(truth: ContractTruth, quotes: Quotes, annual: Flags, price_level: float | Floats) -> Ints:
    """Monthly price in cents."""
    per_seat = np.array(truth.seat_price)[quotes.plan] * quotes.price_share * price_level
    return col.cents(quotes.seats * per_seat * np.where(annual, truth.annual_discount, 1.0))


def price_levels(truth: ChurnTruth, months: int) -> Floats:
    """List price relative to the first month's, shape (months,)."""
    level = np.ones(months)
    for month, factor in truth.price_raises:
        level[month:] *= factor
    return level


class Ledger:
    """Contract periods and invoices as the months go by; numbers of periods are their positions."""

    def __init__(self, calendar: Timeline, record: Record) -> None:
        self._calendar, self._record = calendar, record
        self._running = np.full(len(record), -1)
        self._agreed_cents = np.zeros(len(record), dtype=np.int64)
        self._periods: list[tuple[Ints, ...]] = []
        self._ends: list[tuple[Ints, Ints]] = []
        self._bills: list[tuple[Ints, ...]] = []
        self._count = 0

    def close(self, customer: Ints, month: int) -> None:
        """End the running periods."""
        self._ends.append((self._running[customer], self._days(customer, month)))
        self._running[customer] = -1

    def open(self, customer: Ints, month: int, quotes: Quotes, cents: Ints) -> None:
        """Start a period, as a renewal of the running one if there is one."""
        before = self._running[customer]
        self._ends.append((before[before >= 0], self._days(customer, month)[before >= 0]))
        started = self._days(customer, month)
        row = (customer, before, quotes.plan[customer], quotes.seats[customer], cents[customer], started)
        self._periods.append(row)
        self._running[customer] = self._count + np.arange(len(customer))
        self._agreed_cents[customer] = cents[customer]
        self._count += len(customer)

    def bill(self, customer: Ints, month: int, billed_months: Ints) -> None:
        """Invoice some months' price of the running period on the contract day."""
        months = np.full(len(customer), month)
        cents = self._agreed_cents[customer] * billed_months
        self._bills.append((customer, months, self._days(customer, month), cents))

    def _days(self, customer: Ints, month: int) -> Ints:
        return contract_days(self._calendar, self._record, np.int64(month), customer)

    def periods(self) -> Periods:
        """Everything written so far."""
        customer, before, plan, seats, cents, started = (np.concatenate(c) for c in zip(*self._periods, strict=True))
        ended = np.full(self._count, NEVER)
        for number, day in self._ends:
            ended[number] = day
        return Periods(customer, before, plan, seats, cents, started, ended)

    def bills(self) -> Bills:
        """Everything invoiced so far."""
        return Bills(*(np.concatenate(column) for column in zip(*self._bills, strict=True)))


def draw_contracts(
    truth: ContractTruth,
    churn: ChurnTruth,
    calendar: Timeline,
    record: Record,
    quotes: Quotes,
    rng: np.random.Generator,
) -> tuple[Periods, Bills]:
    """Contract periods and invoices of the block's customers.

    Args:
        quotes: of the customers' deals, one row per customer.
    """
    ledger, levels = Ledger(calendar, record), price_levels(churn, calendar.months)
    for month in range(calendar.months):
        state, starts = record.states[month], record.starts[month]
        ledger.close(np.flatnonzero(record.churns[month]), month)
        renewal = renew(truth, levels, month, state, record.active[month], starts, quotes, rng)
        quotes = renewal.quotes
        ledger.open(np.flatnonzero(renewal.opens), month, quotes, renewal.cents)
        billed = np.flatnonzero(starts | renewal.stays)
        ledger.bill(billed, month, np.where(state.annual[billed], MONTHS_PER_YEAR, 1))
    return ledger.periods(), ledger.bills()


def renew(
    truth: ContractTruth,
    levels: Floats,
    month: int,
    state: State,
    active: Flags,
    starts: Flags,
    quotes: Quotes,
    rng: np.random.Generator,
) -> Renewal:
    """What is agreed in a month by those that start (`starts`) and those that stay.

    Args:
        levels: see `price_levels`.
        state: at the month's end.
        active: customer at the month's end.
        quotes: what was agreed before; one row per customer, as everything here.
    """
    stays = active & ~starts & is_due(state, month)
    quotes, changed = _change(truth, quotes, stays, state, rng)
    is_raised = month > 0 and bool(levels[month] != levels[month - 1])
    opens = starts | (stays & (changed | state.annual | is_raised))
    return Renewal(quotes, stays, opens, mrr_cents(truth, quotes, state.annual, float(levels[month])))


def _change(
    truth: ContractTruth, quotes: Quotes, stays: Flags, state: State, rng: np.random.Generator
) -> tuple[Quotes, Flags]:
    """More or fewer seats, or a higher plan, for some of those that stay; health makes growth likelier."""
    draws = rng.random((4, len(stays)))
    pace = np.where(state.annual, truth.annual_change_factor, 1.0)
    tilt = np.exp(truth.expansion_health_effect * state.health)
    grows = stays & (draws[0] < truth.expansion_rate * pace * tilt)
    shrinks = stays & ~grows & (draws[1] < truth.contraction_rate * pace / tilt) & (quotes.seats > 1)
    step = np.maximum(np.rint(quotes.seats * (0.05 + 0.3 * draws[2])), 1).astype(np.int64)
    seats = np.maximum(quotes.seats + np.where(grows, step, 0) - np.where(shrinks, step, 0), 1)
    upgrades = grows & (draws[3] < truth.upgrade_share)
    plan = np.minimum(quotes.plan + upgrades, len(truth.plans) - 1)
    return Quotes(plan, seats, quotes.price_share), grows | shrinks
