"""Source tables of the customers' contracts: subscriptions, transactions, account actions.

Belongs here: turning drawn contracts into rows. Does not belong here: drawing them (`contracts`, `customers`).
"""

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.contracts import Bills, Periods
from ingestion.simulator.customers import Record
from ingestion.simulator.parameters import ContractTruth, SignalTruth
from ingestion.simulator.timeline import NEVER, Flags, Ints, Timeline

MORNING = 28_800
TRANSACTION_KINDS = ("invoice", "order", "refund")


def subscriptions_table(
    truth: ContractTruth, calendar: Timeline, block: int, record: Record, periods: Periods, accounts: pa.Array
) -> pa.Table:
    """Paid contract periods, first as they were signed and again when they ended."""
    count = len(periods.customer)
    keys = subscription_ids(block, np.arange(count))
    annual = record.states[0].annual[periods.customer]
    table = pa.table(
        {
            "subscription_id": keys,
            "account_id": accounts.take(pa.array(record.account[periods.customer])),
            "plan": col.texts(truth.plans, periods.plan),
            "seats": pa.array(periods.seats),
            "mrr": col.money(periods.mrr_cents),
            "currency": col.constant(col.CURRENCY, count),
            "started_on": col.dates(calendar, periods.started),
            "ended_on": col.dates(calendar, periods.ended),
            "renewed_from": subscription_ids(block, periods.before),
            "is_trial": col.constant(value=False, rows=count, kind=pa.bool_()),
            "billing_period": col.texts(("monthly", "annual"), annual.astype(np.int64)),
            "auto_renew": pa.array(~annual),
            "modified_at": col.instants(calendar, periods.started, np.full(count, MORNING)),
        }
    )
    changed = col.instants(calendar, periods.ended, np.full(count, MORNING))
    return col.versions(table, changed, {"ended_on": None})


def trials_table(
    truth: ContractTruth, calendar: Timeline, started: Ints, ended: Ints, plan: Ints, accounts: pa.Array
) -> pa.Table:
    """Trial periods; `accounts` holds the ids row by row. One version: a trial's end is known when it begins."""
    count = len(started)
    return pa.table(
        {
            "subscription_id": col.joined("trial", accounts),
            "account_id": accounts,
            "plan": col.texts(truth.plans, plan),
            "seats": col.constant(1, count, pa.int64()),
            "mrr": col.money(np.zeros(count, dtype=np.int64)),
            "currency": col.constant(col.CURRENCY, count),
            "started_on": col.dates(calendar, started),
            "ended_on": col.dates(calendar, ended, past_end=True),
            "renewed_from": col.constant(None, count),
            "is_trial": col.constant(value=True, rows=count, kind=pa.bool_()),
            "billing_period": col.constant("monthly", count),
            "auto_renew": col.constant(value=False, rows=count, kind=pa.bool_()),
            "modified_at": col.instants(calendar, started, np.full(count, MORNING)),
        }
    )


def subscription_ids(block: int, numbers: Ints) -> pa.Array:
    """Ids of contract periods of a block; null for -1."""
    return col.ids("S", np.where(numbers < 0, -1, block * 1_000_000 + numbers), 10)


def transactions_table(
    truth: ContractTruth,
    signal: SignalTruth,
    calendar: Timeline,
    block: int,
    record: Record,
    bills: Bills,
    accounts: pa.Array,
    rng: np.random.Generator,
) -> pa.Table:
    """Invoices with their payment, onboarding orders at the start, refunds some days after an invoice."""
    count = len(bills.customer)
    health = record.over_time("health")[bills.month, bills.customer]
    delay = signal.payment_median_days * np.exp(
        signal.payment_health_effect * health + 0.5 * rng.standard_normal(count)
    )
    paid = np.where(rng.random(count) < truth.unpaid_share, NEVER, bills.day + np.rint(delay).astype(np.int64))
    ordered = np.flatnonzero(_first_bill(record, bills) & (rng.random(count) < truth.onboarding_share))
    refunded = np.flatnonzero((paid <= calendar.last_day) & (rng.random(count) < truth.refund_share))
    later = paid[refunded] + rng.integers(1, 20, len(refunded))
    share = 0.2 + 0.8 * rng.random(len(refunded))
    pick = np.concatenate([np.arange(count), ordered, refunded])
    kind = np.repeat([0, 1, 2], [count, len(ordered), len(refunded)])
    cents = np.concatenate([bills.cents, bills.cents[ordered] // 2, np.rint(bills.cents[refunded] * share)])
    day = np.concatenate([bills.day, bills.day[ordered], later])
    paid_on = np.concatenate([paid, bills.day[ordered], later])
    key = col.joined(col.texts(("I", "O", "R"), kind), col.ids("", block * 10_000_000 + pick, 11), separator="")
    owner = accounts.take(pa.array(record.account[bills.customer[pick]]))
    return _transaction_rows(calendar, key, owner, kind, cents.astype(np.int64), day, paid_on)


def _transaction_rows(
    calendar: Timeline, key: pa.Array, owner: pa.Array, kind: Ints, cents: Ints, day: Ints, paid_on: Ints
) -> pa.Table:
    """Transactions, as issued and again as paid."""
    count = len(day)
    inside = day <= calendar.last_day
    occurred = col.instants(calendar, day, np.full(count, MORNING))
    paid_at = col.instants(calendar, np.where(inside, paid_on, NEVER), np.full(count, MORNING + 7200))
    table = pa.table(
        {
            "transaction_id": key,
            "account_id": owner,
            "amount": col.money(cents),
            "currency": col.constant(col.CURRENCY, count),
            "kind": col.texts(TRANSACTION_KINDS, kind),
            "occurred_at": occurred,
            "paid_at": paid_at,
            "modified_at": occurred,
        }
    )
    inside_rows = table.filter(pa.array(inside))
    return col.versions(inside_rows, paid_at.filter(pa.array(inside)), {"paid_at": None})


def _first_bill(record: Record, bills: Bills) -> Flags:
    """The invoices that open a customer's first spell."""
    return np.asarray(bills.day == record.start_on[bills.customer])


def actions_table(
    calendar: Timeline, record: Record, accounts: pa.Array, owners: pa.Array, rng: np.random.Generator
) -> pa.Table:
    """Retention calls and hold-outs, on the first day of the month after the check.

    Args:
        owners: owner id of each account of the block.
    """
    month, customer = np.nonzero(record.picked)
    treated = record.over_time("treated")[month, customer] if len(month) else np.zeros(0, dtype=bool)
    account = pa.array(record.account[customer])
    day = calendar.month_starts[month]
    started = col.instants(calendar, day, np.full(len(day), MORNING) + rng.integers(0, 20_000, len(day)))
    outcome = np.where(treated, rng.integers(0, 2, len(day)), -1)
    keys = accounts.take(account)
    return pa.table(
        {
            "action_id": col.joined("action", keys, col.ids("", month, 3)),
            "account_id": keys,
            "kind": col.constant("retention_call", len(day)),
            "assigned_to": owners.take(pa.array(record.account[customer], mask=~treated)),
            "started_at": started,
            "outcome": col.texts(("reached", "not_reached"), outcome),
            "holdout": pa.array(~treated),
            "modified_at": started,
        }
    )
