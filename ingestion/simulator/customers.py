"""Draw what happens to the customers of one block, month by month: actions, churn, return.

Belongs here: the customer process and its record. Does not belong here: contracts and money (`contracts`), the
equations (`hazard`).
"""

from dataclasses import dataclass

import numpy as np

from ingestion.simulator.hazard import NO_ACTION, State, act, churn_probability, move_on
from ingestion.simulator.leads import CUSTOMER, Leads
from ingestion.simulator.parameters import ChurnTruth
from ingestion.simulator.timeline import NEVER, Flags, Floats, Ints, Timeline

NO_MONTH = 10**4


@dataclass(frozen=True)
class Record:
    """The customers' history. Every 2-d array has shape (months, customers).

    Attributes:
        lead: position of each customer's lead within the block.
        account: number of the account within the block.
        start_on: first day of the first paid contract, NEVER when after the period.
        contract_day: day of the month on which everything contractual happens.
        active: customer at the month's end.
        starts, churns: a spell started, or ended, in the month.
        picked: an action or hold-out on the month's first day.
        states: state at each month's end, one `State` per month.
    """

    lead: Ints
    account: Ints
    start_on: Ints
    contract_day: Ints
    active: np.ndarray
    starts: np.ndarray
    churns: np.ndarray
    picked: np.ndarray
    states: tuple[State, ...]

    def __len__(self) -> int:
        """Number of customers."""
        return len(self.lead)

    def over_time(self, name: str) -> np.ndarray:
        """One attribute of the states, shape (months, customers)."""
        return np.stack([getattr(state, name) for state in self.states])


@dataclass(frozen=True)
class Standing:
    """Customers, present and absent, as they stand at a month's end.

    Attributes:
        active: customer at the month's end.
        returns: month in which an absent one starts (again), NO_MONTH for never.
    """

    state: State
    active: Flags
    returns: Ints


def first_state(truth: ChurnTruth, leads: Leads, rng: np.random.Generator) -> State:
    """Traits of the customers before the first month; health starts in its stationary distribution."""
    count = len(leads)
    level = truth.level_sd * rng.standard_normal(count)
    spread = truth.step_sd / np.sqrt(1 - truth.rho**2)
    health = level + spread * rng.standard_normal(count)
    size, region = leads.codes[:, 3], leads.codes[:, 5]
    return State(
        started=np.full(count, NO_MONTH),
        annual=rng.random(count) < truth.annual_share,
        static=np.array(truth.size)[size] + np.array(truth.region)[region],
        level=level,
        health=health,
        health_before=health,
        shock_rate=np.array(truth.shock_rates)[size],
        shock=np.zeros(count, dtype=bool),
        acted=np.full(count, NO_ACTION),
        treated=np.zeros(count, dtype=bool),
    )


def draw_customers(truth: ChurnTruth, calendar: Timeline, leads: Leads, rng: np.random.Generator) -> Record:
    """The history of every lead of the block that was won within the period."""
    won = np.flatnonzero(leads.entered[:, CUSTOMER] <= calendar.last_day)
    mine = leads.take(won)
    start_on, start_month = contract_starts(calendar, mine.entered[:, CUSTOMER], rng)
    history = _live(truth, calendar.months, first_state(truth, mine, rng), start_month, rng)
    inside = np.minimum(start_on, calendar.last_day)
    return Record(won, mine.account, start_on, calendar.day_in_month(inside), *history)


def contract_starts(calendar: Timeline, won_on: Ints, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Day (else NEVER) and month (else NO_MONTH) in which the first contract of deals won on these days starts."""
    start_on = calendar.contract_days(won_on + rng.integers(0, 6, len(won_on)))
    start_on = np.where(start_on <= calendar.last_day, start_on, NEVER)
    inside = np.minimum(start_on, calendar.last_day)
    return start_on, np.where(start_on < NEVER, calendar.month_of_day[inside], NO_MONTH)


def _live(
    truth: ChurnTruth, months: int, state: State, start_month: Ints, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, tuple[State, ...]]:
    """Step through the months; the arrays of `Record` from `active` on."""
    standing = Standing(state, np.zeros(len(start_month), dtype=bool), start_month)
    told: list[tuple[np.ndarray, ...]] = []
    states = []
    for month in range(months):
        standing, *happened = live_on(truth, standing, month, rng)
        told.append((standing.active, *happened))
        states.append(standing.state)
    active_at, starts_in, churns_in, picked_in = (np.stack(column) for column in zip(*told, strict=True))
    return active_at, starts_in, churns_in, picked_in, tuple(states)


def live_on(
    truth: ChurnTruth, before: Standing, month: int, rng: np.random.Generator
) -> tuple[Standing, Flags, Flags, Flags]:
    """One month: the standing at its end, and for whom a spell started or ended and who was picked for an action."""
    count = len(before.active)
    normal, uniform = rng.standard_normal((2, count)), rng.random((4, count))
    state, picked = act(truth, before.state, month, before.active, np.stack([normal[0], uniform[0]]))
    churns = before.active & (uniform[1] < churn_probability(truth, state, month))
    returns = np.where(churns, _return_month(truth, month, uniform[3], rng), before.returns)
    starts = ~before.active & (returns == month)
    state = State(**{**vars(state), "started": np.where(starts, month, state.started)})
    state = move_on(truth, state, np.stack([normal[1], uniform[2]]))
    return Standing(state, (before.active & ~churns) | starts, returns), starts, churns, picked


def _return_month(truth: ChurnTruth, month: int, uniform: Floats, rng: np.random.Generator) -> Ints:
    """Month in which a customer that leaves now comes back: two months later at the earliest, mostly never."""
    wait = 1 + rng.geometric(truth.return_monthly_rate, len(uniform))
    return np.where(uniform < truth.return_share, month + wait, NO_MONTH)


def contract_days(calendar: Timeline, record: Record, month: Ints | np.int64, customer: Ints) -> Ints:
    """Day of the contractual event of some customers in some months."""
    return np.asarray(calendar.month_starts[month] + record.contract_day[customer] - 1)


def spells(calendar: Timeline, record: Record) -> tuple[Ints, Ints, Ints]:
    """Customer number, first day and end day (NEVER while active) of each spell, by customer and time."""
    customer, month = np.nonzero(record.starts.T)
    started = contract_days(calendar, record, month, customer)
    ended = np.full(len(customer), NEVER)
    for position in range(len(customer)):
        after = np.flatnonzero(record.churns[month[position] + 1 :, customer[position]])
        if len(after):
            ended[position] = calendar.month_starts[month[position] + 1 + after[0]]
            ended[position] += record.contract_day[customer[position]] - 1
    return customer, started, ended
