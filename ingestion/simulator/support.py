"""Support tickets, survey answers and customer touchpoints of one block.

Belongs here: the traces that health and bad tickets leave outside the product. Does not belong here: usage.
"""

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.customers import Record
from ingestion.simulator.parameters import SignalTruth
from ingestion.simulator.timeline import Flags, Floats, Ints, Timeline

PRIORITIES = ("low", "normal", "high", "urgent")
HOUR = 3600
WAVE_MONTHS, WAVE_DAY = 3, 15
CUSTOMER_KINDS = (("email_click", "email"), ("webinar", "web"), ("call", "phone"), ("meeting", "meeting"))


def tickets_table(
    truth: SignalTruth, calendar: Timeline, record: Record, days: Flags, accounts: pa.Array, rng: np.random.Generator
) -> pa.Table:
    """Tickets as opened and again as resolved: ordinary ones, and the bad ones that push customers away."""
    health, shock = record.over_time("health"), record.over_time("shock") & record.active
    rate = np.where(record.active, truth.ticket_rate * np.exp(truth.ticket_health_effect * health), 0.0)
    ordinary = _cells(rng.poisson(rate))
    bad_cells = np.nonzero(shock)
    month = np.concatenate([ordinary[0], bad_cells[0]])
    customer = np.concatenate([ordinary[1], bad_cells[1]])
    bad = np.repeat([False, True], [len(ordinary[0]), len(bad_cells[0])])
    day = _day_in_use(calendar, days, month, customer, rng)
    return _ticket_rows(calendar, record, customer, day, bad, health[month, customer], accounts, rng)


def _ticket_rows(
    calendar: Timeline,
    record: Record,
    customer: Ints,
    day: Ints,
    bad: Flags,
    health: Floats,
    accounts: pa.Array,
    rng: np.random.Generator,
) -> pa.Table:
    """Tickets with their times; what lies after the period is not known yet."""
    count = len(day)
    opened = 25_200 + rng.integers(0, 30_000, count)
    wait = np.where(bad, 48.0, 3.0) * HOUR * np.exp(0.6 * rng.standard_normal(count))
    work = np.where(bad, 120.0, 14.0) * HOUR * np.exp(0.7 * rng.standard_normal(count))
    resolved_at = _instants_after(calendar, day, opened, wait + work)
    csat = np.clip(np.rint(4.1 + 0.35 * health - 1.8 * bad + 0.8 * rng.standard_normal(count)), 1, 5)
    silent = (rng.random(count) < 0.4) | np.asarray(resolved_at.is_null())
    priority = np.where(bad, 3, rng.choice(3, count, p=(0.3, 0.5, 0.2)))
    table = pa.table(
        {
            "ticket_id": col.joined("ticket", accounts.take(pa.array(record.account[customer])), _numbers(customer)),
            "account_id": accounts.take(pa.array(record.account[customer])),
            "priority": col.texts(PRIORITIES, priority),
            "opened_at": col.instants(calendar, day, opened),
            "first_response_at": _instants_after(calendar, day, opened, wait),
            "resolved_at": resolved_at,
            "escalated": pa.array(bad),
            "csat": pa.array(csat, mask=silent),
            "modified_at": col.instants(calendar, day, opened),
        }
    )
    return col.versions(table, resolved_at, {"first_response_at": None, "resolved_at": None, "csat": None})


def surveys_table(
    truth: SignalTruth, calendar: Timeline, record: Record, accounts: pa.Array, rng: np.random.Generator
) -> pa.Table:
    """Answers to the quarterly NPS waves, sent on the 15th of every third month to customers of the month's end."""
    waves = np.arange(WAVE_MONTHS - 1, calendar.months, WAVE_MONTHS)
    answers = record.active[waves] & (rng.random((len(waves), len(record))) < truth.nps_answer_share)
    wave, customer = np.nonzero(answers)
    month = waves[wave]
    health = record.over_time("health")[month, customer]
    score = truth.nps_mean + truth.nps_health_effect * health + truth.nps_noise_sd * rng.standard_normal(len(month))
    day = calendar.month_starts[month] + WAVE_DAY - 1 + rng.integers(0, 12, len(month))
    seconds = 28_800 + rng.integers(0, 30_000, len(month))
    # customers of less than two weeks are not asked
    asked = day > record.start_on[customer]
    keys = accounts.take(pa.array(record.account[customer]))
    responded = col.instants(calendar, day, seconds)
    table = pa.table(
        {
            "response_id": col.joined("nps", keys, col.ids("", month, 3)),
            "account_id": keys,
            "kind": col.constant("nps", len(month)),
            "score": pa.array(np.clip(np.rint(score), 0, 10)),
            "responded_at": responded,
            "comment": col.constant(None, len(month)),
            "modified_at": responded,
        }
    )
    return col.rows(table, asked)


def contacts_table(
    truth: SignalTruth, calendar: Timeline, record: Record, days: Flags, accounts: pa.Array, rng: np.random.Generator
) -> pa.Table:
    """Touchpoints with customers; healthy ones are seen more often."""
    health = record.over_time("health")
    rate = np.where(record.active, 0.8 * np.exp(0.3 * truth.presence_health_effect * health), 0.0)
    month, customer = _cells(rng.poisson(rate))
    day = _day_in_use(calendar, days, month, customer, rng)
    kind = rng.choice(len(CUSTOMER_KINDS), len(day), p=(0.5, 0.15, 0.2, 0.15))
    occurred = col.instants(calendar, day, 28_800 + rng.integers(0, 30_000, len(day)))
    keys = accounts.take(pa.array(record.account[customer]))
    return pa.table(
        {
            "touchpoint_id": col.joined("contact", keys, _numbers(customer)),
            "lead_id": col.constant(None, len(day)),
            "account_id": keys,
            "channel": col.texts([channel for _, channel in CUSTOMER_KINDS], kind),
            "kind": col.texts([name for name, _ in CUSTOMER_KINDS], kind),
            "occurred_at": occurred,
            "properties": col.constant("{}", len(day)),
            "modified_at": occurred,
        }
    )


def _cells(counts: np.ndarray) -> tuple[Ints, Ints]:
    """Month and customer of each of the counted things."""
    month, customer = np.nonzero(counts)
    times = counts[month, customer]
    return np.repeat(month, times), np.repeat(customer, times)


def _numbers(customer: Ints) -> pa.Array:
    """Running number of each row, as text; keys stay short and unique within a customer and block."""
    return col.ids("", np.arange(len(customer)), 6)


def _day_in_use(calendar: Timeline, days: Flags, month: Ints, customer: Ints, rng: np.random.Generator) -> Ints:
    """A random day of the month, moved to the month's last day where the customer had not started on it."""
    length = np.diff(calendar.month_starts)[month]
    day = calendar.month_starts[month] + np.floor(rng.random(len(month)) * length).astype(np.int64)
    return np.where(days[customer, day], day, calendar.month_starts[month + 1] - 1)


def _instants_after(calendar: Timeline, day: Ints, seconds: Ints, wait: Floats) -> pa.Array:
    """Instants `wait` seconds later, null after the period."""
    moved = seconds + wait.astype(np.int64)
    return col.instants(calendar, day + moved // col.SECONDS, moved % col.SECONDS)
