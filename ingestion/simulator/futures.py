"""Many futures of a simulated company: what may come after a month's end, given all that happened up to it.

The truth that intervals and expected values are held against: who stays, what each customer pays, what new and
returning ones bring. Made on demand by the very steps that drew the company (`live_on`, `renew`), never written, so no
pipeline step can read it. Belongs here: that run over the months. Does not belong here: the steps, and what leads do
(`coming_customers`).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ingestion.simulator.block import Draft, World, block_sizes, draw_block, world_of
from ingestion.simulator.coming_customers import Coming, coming_customers
from ingestion.simulator.contracts import Quotes, draw_contracts, price_levels, renew
from ingestion.simulator.customers import NO_MONTH, Record, Standing, contract_starts, first_state, live_on
from ingestion.simulator.hazard import State
from ingestion.simulator.leads import CUSTOMER
from ingestion.simulator.parameters import ChurnTruth
from ingestion.simulator.settings import SimulatorSettings
from ingestion.simulator.timeline import Floats, Ints, Timeline, stream, timeline

CENTS = 100


@dataclass(frozen=True)
class Futures:
    """Futures from a month's end, in the company's currency.

    Attributes:
        accounts: ids of the customers at the month's end, shape (n,).
        mrr: what they pay then, shape (n,).
        paid: MRR of each of them at the end of the coming months, 0 when gone; shape (paths, n, months).
        others: MRR of all others (new, returned), shape (paths, months).
    """

    accounts: np.ndarray
    mrr: Floats
    paid: Floats
    others: Floats

    @property
    def total(self) -> Floats:
        """MRR of the company at the end of the coming months, shape (paths, months)."""
        return np.asarray(self.paid.sum(axis=1) + self.others)

    @property
    def stays(self) -> Floats:
        """P(still in the same spell at the end of the coming months), shape (n, months)."""
        return np.asarray(np.logical_and.accumulate(self.paid > 0, axis=2).mean(axis=0))

    def values(self, weights: Floats) -> Floats:
        """What each customer brings in each future if a month's MRR counts `weights`, shape (paths, n)."""
        return np.asarray(self.paid @ weights)


@dataclass(frozen=True)
class _Lives:
    """Customers in futures: one row per future and customer.

    Attributes:
        known: position among the customers of the month's end, -1 for others.
        cents: agreed monthly price.
    """

    path: Ints
    known: Ints
    standing: Standing
    quotes: Quotes
    cents: Ints


def futures(settings: SimulatorSettings, month: int, months: int, paths: int) -> Futures:
    """Draw futures of the company that `settings` describe.

    Args:
        month: the last month that is known, from 0.
        months: how many months to go on; may lead beyond the simulated period.
        paths: number of futures.
    """
    world = world_of(settings)
    longer = timeline(settings.model_copy(update={"months": month + 1 + months}), world.truth.inflow)
    blocks = [
        _of_block(world, longer, number, accounts, month, paths)
        for number, accounts in enumerate(block_sizes(settings))
    ]
    return Futures(
        np.concatenate([block.accounts for block in blocks]),
        np.concatenate([block.mrr for block in blocks]),
        np.concatenate([block.paid for block in blocks], axis=1),
        np.sum([block.others for block in blocks], axis=0),
    )


def _of_block(world: World, calendar: Timeline, number: int, accounts: int, month: int, paths: int) -> Futures:
    """Futures of one block; `calendar` ends with them."""
    draft = draw_block(world, number, accounts)
    rng = stream(world.seed, number, "futures")
    day = int(calendar.month_starts[month + 1]) - 1
    customer, mrr, known = _known_lives(world, draft, month, paths, rng)
    coming = coming_customers(world, calendar, draft, day, paths, rng)
    new = _new_lives(world, calendar, coming, rng)
    paid = np.zeros((paths, len(customer), calendar.months - month - 1))
    others = np.zeros((paths, calendar.months - month - 1))
    for lives in (known, new):
        for ahead, cents in enumerate(_go_on(world, lives, month + 1, calendar.months, rng)):
            mine = lives.known >= 0
            paid[lives.path[mine], lives.known[mine], ahead] = cents[mine] / CENTS
            others[:, ahead] += np.bincount(lives.path[~mine], cents[~mine] / CENTS, minlength=paths)
    ids = draft.accounts.take(pa.array(draft.record.account[customer])).to_numpy(zero_copy_only=False)
    return Futures(ids, mrr, paid, others)


def _known_lives(
    world: World, draft: Draft, month: int, paths: int, rng: np.random.Generator
) -> tuple[Ints, Floats, _Lives]:
    """Customers at the month's end and their MRR; and the lives of all that were won by then, gone ones included."""
    record, day = draft.record, int(world.calendar.month_starts[month + 1]) - 1
    won = np.flatnonzero(draft.leads.entered[record.lead, CUSTOMER] <= day)
    quotes, cents = _agreed(world, draft, day)
    active = record.active[month]
    customer = np.flatnonzero(active)
    position = np.full(len(record), -1)
    position[customer] = np.arange(len(customer))
    tiled = np.tile(won, paths)
    returns = np.where(active, NO_MONTH, _start_months(world.calendar, record))[tiled]
    gone = _gone_since(record, month)[tiled]
    returns = np.where(gone >= 0, _still_return(world.truth.churn, month, gone, rng), returns)
    lives = _Lives(
        np.repeat(np.arange(paths), len(won)),
        position[tiled],
        Standing(record.states[month].take(tiled), active[tiled], returns),
        Quotes(*(getattr(quotes, name)[tiled] for name in ("plan", "seats", "price_share"))),
        cents[tiled],
    )
    return customer, cents[customer] / CENTS, lives


def _agreed(world: World, draft: Draft, day: int) -> tuple[Quotes, Ints]:
    """What each customer of the record had agreed by the day: the newest period begun, else the deal's quote."""
    truth, record, calendar = world.truth, draft.record, world.calendar
    first = Quotes(*(getattr(draft.quotes, name)[record.lead] for name in ("plan", "seats", "price_share")))
    rng = stream(world.seed, draft.number, "contracts")
    periods, _ = draw_contracts(truth.contract, truth.churn, calendar, record, first, rng)
    plan, seats, cents = first.plan.copy(), first.seats.copy(), np.zeros(len(record), dtype=np.int64)
    begun = np.flatnonzero(periods.started <= day)  # in order of their start: the newest is written last
    plan[periods.customer[begun]], seats[periods.customer[begun]] = periods.plan[begun], periods.seats[begun]
    cents[periods.customer[begun]] = np.where(periods.ended[begun] > day, periods.mrr_cents[begun], 0)
    return Quotes(plan, seats, first.price_share), cents


def _start_months(calendar: Timeline, record: Record) -> Ints:
    """Month of the first contract, NO_MONTH where it does not start within the period."""
    inside = np.minimum(record.start_on, calendar.last_day)
    return np.where(record.start_on <= calendar.last_day, calendar.month_of_day[inside], NO_MONTH)


def _gone_since(record: Record, month: int) -> Ints:
    """Month in which those that are gone at the month's end left, -1 for all others."""
    churns = record.churns[: month + 1]
    last = month - np.argmax(churns[::-1], axis=0)
    return np.where(churns.any(axis=0) & ~record.active[month], last, -1)


def _still_return(truth: ChurnTruth, month: int, gone: Ints, rng: np.random.Generator) -> Ints:
    """Month in which those that left in month `gone` and are not back by `month` return; mostly never."""
    waited = (1 - truth.return_monthly_rate) ** np.maximum(month - gone - 1, 0)
    returning = truth.return_share * waited
    is_back = rng.random(len(gone)) < returning / (returning + 1 - truth.return_share)
    wait = rng.geometric(truth.return_monthly_rate, len(gone))
    return np.where(is_back, np.maximum(month, gone + 1) + wait, NO_MONTH)


def _new_lives(world: World, calendar: Timeline, coming: Coming, rng: np.random.Generator) -> _Lives:
    """The lives of the customers to come."""
    _, start_month = contract_starts(calendar, coming.leads.entered[:, CUSTOMER], rng)
    nobody = np.zeros(len(start_month), dtype=np.int64)
    standing = Standing(first_state(world.truth.churn, coming.leads, rng), nobody.astype(bool), start_month)
    return _Lives(coming.path, nobody - 1, standing, coming.quotes, nobody)


def _go_on(world: World, lives: _Lives, first: int, end: int, rng: np.random.Generator) -> list[Ints]:
    """Monthly price of every life at the end of the months from `first` up to, but without, `end`."""
    levels = price_levels(world.truth.churn, end)
    standing, quotes, agreed = lives.standing, lives.quotes, lives.cents
    found = []
    for month in range(first, end):
        standing, starts, _, _ = live_on(world.truth.churn, standing, month, rng)
        state: State = standing.state
        renewal = renew(world.truth.contract, levels, month, state, standing.active, starts, quotes, rng)
        quotes, agreed = renewal.quotes, np.where(renewal.opens, renewal.cents, agreed)
        found.append(np.where(standing.active, agreed, 0))
    return found
