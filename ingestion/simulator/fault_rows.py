"""Faults as added rows: duplicates, orphans, use after churn, rows that break the contract.

Belongs here: copies of rows with something wrong. Does not belong here: changes of existing rows (`fault_edits`).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.simulator import columns as col
from ingestion.simulator.fault_edits import DAY_MICROS, Book
from ingestion.simulator.timeline import Ints

BREAKING_SHARE = 0.05  # of the set rate; a contract break is rarer than other mess
AFTER_DAYS = (35, 80)  # beyond the grace period, so that the churn stands


def duplicate_companies(book: Book) -> None:
    """The same company under another id: same domain, name written differently."""
    table = book.tables["accounts"]
    copies = col.rows(table, book.pick(np.ones(len(table), dtype=bool)))
    keys = col.joined(copies["account_id"], "dup")
    copies = col.replaced(copies, "account_id", keys)
    copies = col.replaced(copies, "name", pc.utf8_upper(copies["name"]))
    book.append("accounts", copies)
    book.note("duplicate_company", "accounts", keys)


def duplicate_persons(book: Book) -> None:
    """The same person entered twice: same e-mail hash, other id, no account, no stages."""
    table = book.tables["leads"]
    first_version = np.asarray(pc.equal(table["modified_at"], table["created_at"]))
    copies = col.rows(table, book.pick(first_version))
    keys = col.joined(copies["lead_id"], "dup")
    copies = col.replaced(copies, "lead_id", keys)
    copies = col.replaced(copies, "account_id", pa.nulls(len(copies), pa.string()))
    book.append("leads", copies)
    book.note("duplicate_person", "leads", keys)


def orphans(book: Book) -> None:
    """Rows of accounts and leads that do not exist."""
    for name, owner in (("support_tickets", "account_id"), ("touchpoints", "lead_id")):
        table = book.tables[name]
        key = table.column_names[0]
        eligible = np.asarray(pc.is_valid(table[owner]))
        copies = _unique(col.rows(table, book.pick(eligible)), key)
        keys = col.joined(copies[key], "orphan")
        copies = col.replaced(copies, key, keys)
        copies = col.replaced(copies, owner, col.joined(copies[owner], "gone"))
        book.append(name, copies)
        book.note("orphan_row", name, keys)


def usage_after_churn(book: Book) -> None:
    """A day of use, weeks after the last contract ended."""
    accounts, ended = _churned(book)
    usage = book.tables["product_usage"]
    last = _last_row(usage, accounts)
    days = (ended + book.rng.integers(*AFTER_DAYS, len(ended)))[last >= 0]
    copies = usage.take(pa.array(last[last >= 0]))
    copies = col.replaced(copies, "usage_id", col.joined(copies["usage_id"], "late"))
    copies = col.replaced(copies, "used_on", pa.array(days.astype(np.int32)).cast(pa.date32()))
    copies = col.replaced(copies, "modified_at", _noon(days))
    copies = col.rows(copies, days <= _last_day(book))
    book.append("product_usage", copies)
    book.note("usage_after_churn", "product_usage", copies["usage_id"])


def tickets_after_churn(book: Book) -> None:
    """A ticket, weeks after the last contract ended."""
    accounts, ended = _churned(book)
    days = ended + book.rng.integers(*AFTER_DAYS, len(ended))
    inside = days <= _last_day(book)
    keys = col.rows(pa.table({"account_id": accounts}), inside)["account_id"].combine_chunks()
    rows = len(keys)
    opened = _noon(days[inside])
    nothing = pa.nulls(rows, col.INSTANT)
    columns = {
        "ticket_id": col.joined("ticket", keys, "late"),
        "account_id": keys,
        "priority": col.constant("low", rows),
        "opened_at": opened,
        "first_response_at": nothing,
        "resolved_at": nothing,
        "escalated": col.constant(value=False, rows=rows, kind=pa.bool_()),
        "csat": pa.nulls(rows, pa.float64()),
        "modified_at": opened,
    }
    book.append("support_tickets", pa.table(columns))
    book.note("ticket_after_churn", "support_tickets", columns["ticket_id"])


def breaking_rows(book: Book) -> None:
    """Copies that no contract accepts: an amount that is not a number, a row without a key."""
    for name, column, value in (("transactions", "amount", "n/a"), ("deals", "amount", "tbd")):
        copies = _rare(book, name)
        key = copies.column_names[0]
        keys = col.joined(copies[key], "bad")
        copies = col.replaced(col.replaced(copies, key, keys), column, col.constant(value, len(copies)))
        book.append(name, copies)
        book.note("unreadable_amount", name, keys)
    for name in ("touchpoints", "support_tickets"):
        copies = _rare(book, name)
        key = copies.column_names[0]
        book.note("key_missing", name, copies[key])
        book.append(name, col.replaced(copies, key, pa.nulls(len(copies), pa.string())))


def _rare(book: Book, name: str) -> pa.Table:
    """A few rows with a key, one version of each."""
    table = book.tables[name]
    hit = book.pick(book.rng.random(len(table)) < BREAKING_SHARE)
    return _unique(col.rows(table, hit), table.column_names[0])


def _unique(table: pa.Table, key: str) -> pa.Table:
    """The first row of each key."""
    _, first = np.unique(np.asarray(table[key].to_pylist(), dtype=str), return_index=True)
    return table.take(pa.array(np.sort(first)))


def _churned(book: Book) -> tuple[pa.Array, Ints]:
    """Some accounts that left and did not come back, and the day (since 1970) on which they left."""
    table = book.tables["subscriptions"]
    paid = table.filter(pc.invert(table["is_trial"]))
    last = paid.group_by("account_id", use_threads=False).aggregate([("started_on", "max"), ("ended_on", "max")])
    gone = last.filter(pc.greater(last["ended_on_max"], last["started_on_max"]))
    gone = gone.filter(pa.array(book.pick(np.ones(len(gone), dtype=bool))))
    ended = np.asarray(gone["ended_on_max"].cast(pa.int32())).astype(np.int64)
    return gone["account_id"].combine_chunks(), ended


def _last_row(usage: pa.Table, accounts: pa.Array) -> Ints:
    """Position of the last row of each account, -1 without one; rows of an account stand together."""
    position = np.asarray(pc.index_in(usage["account_id"], value_set=accounts).fill_null(-1)).astype(np.int64)
    last = np.full(len(accounts), -1)
    rows = np.flatnonzero(position >= 0)
    np.maximum.at(last, position[rows], rows)
    return last


def _noon(days: Ints) -> pa.Array:
    """Noon UTC of days since 1970."""
    return pa.array(days * DAY_MICROS + DAY_MICROS // 2).cast(col.INSTANT)


def _last_day(book: Book) -> int:
    """Last day of the period, since 1970."""
    return book.calendar.epoch_day + book.calendar.last_day
