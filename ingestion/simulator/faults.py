"""The mess of a real CRM, put into the tables of one block at a set rate, and the list of what was put where.

Belongs here: which faults there are and how rows are struck. Does not belong here: how a fault is found again (that
is the pipeline's). Faults that break the source contract strike added rows only, so that the clean part stays whole.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.simulator import columns as col
from ingestion.simulator.fault_edits import Book, Edit, blanked, struck, swapped_days
from ingestion.simulator.fault_rows import (
    breaking_rows,
    duplicate_companies,
    duplicate_persons,
    orphans,
    tickets_after_churn,
    usage_after_churn,
)
from ingestion.simulator.timeline import Timeline

Tables = dict[str, pa.Table]
LATE_DAYS = (5, 60)


def with_faults(tables: Tables, calendar: Timeline, rate: float, rng: np.random.Generator) -> tuple[Tables, pa.Table]:
    """The tables with faults, and one row per fault: rule, table_name, row_key."""
    book = Book(dict(tables), calendar, rate, rng)
    if rate > 0:
        for strike in _STRIKES:
            strike(book)
    return book.tables, book.listed()


def _edits() -> tuple[Edit, ...]:
    """Faults that change one column of existing rows (all versions of a row alike)."""
    return (
        Edit("stage_without_date", "lead_stage_events", "entered_at", where=("stage", ("mql", "sql")), to=blanked),
        Edit("customer_without_conversion_date", "lead_stage_events", "entered_at", ("stage", ("customer",)), blanked),
        Edit("score_at_odds_with_stage", "lead_stage_events", "source_score", ("stage", ("mql",)), _set(150.0)),
        Edit("stage_dates_out_of_order", "lead_stage_events", "entered_at", ("stage", ("mql",)), swapped_days),
        Edit("negative_money", "transactions", "amount", ("kind", ("invoice",)), _negated),
        Edit("negative_money", "deals", "amount", None, _negated),
        Edit("closed_deal_without_close_date", "deals", "closed_at", ("outcome", ("won", "lost")), blanked),
        Edit("overdue_open_deal", "deals", "expected_close_on", ("outcome", ("open",)), _before_the_end),
        Edit("score_out_of_range", "survey_responses", "score", None, _set(11.0)),
        Edit("currency_missing", "transactions", "currency", None, blanked),
        Edit("currency_missing", "deals", "currency", None, blanked),
        Edit("consent_missing", "leads", "consent", None, blanked),
    )


def _set(value: float) -> Callable[[pa.ChunkedArray, Book], pa.ChunkedArray]:
    """An edit that writes one value."""
    return lambda column, _book: pa.array(np.full(len(column), value), column.type)


def _negated(column: pa.ChunkedArray, _book: Book) -> pa.ChunkedArray:
    """The amount with a minus sign."""
    return pc.binary_join_element_wise("-", pc.utf8_ltrim(column, "-"), "")


def _before_the_end(column: pa.ChunkedArray, book: Book) -> pa.Array:
    """A day shortly before the period's end."""
    days = book.calendar.last_day - book.rng.integers(20, 60, len(column))
    return col.dates(book.calendar, days)


def _strike_edits(book: Book) -> None:
    for edit in _edits():
        struck(book, edit)


def _late(book: Book) -> None:
    """Rows that became known long after they happened."""
    for name, key in (
        ("touchpoints", "touchpoint_id"),
        ("product_usage", "usage_id"),
        ("survey_responses", "response_id"),
    ):
        hit = book.pick(np.ones(len(book.tables[name]), dtype=bool))
        table = book.tables[name]
        late = book.rng.integers(*LATE_DAYS, len(table)) * col.SECONDS * 1_000_000
        known = np.asarray(table["modified_at"].cast(pa.int64())) + np.where(hit, late, 0)
        end = (book.calendar.epoch_day + book.calendar.days) * col.SECONDS * 1_000_000 - 6 * 3600 * 1_000_000
        known = np.minimum(known, np.maximum(end, np.asarray(table["modified_at"].cast(pa.int64()))))
        book.tables[name] = col.replaced(table, "modified_at", pa.array(known).cast(col.INSTANT))
        book.note("late_row", name, col.rows(table, hit)[key])


_STRIKES = (
    usage_after_churn,
    tickets_after_churn,
    _strike_edits,
    _late,
    duplicate_companies,
    duplicate_persons,
    orphans,
    breaking_rows,
)
