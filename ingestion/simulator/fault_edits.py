"""Faults as changes of existing rows, and the book that lists every fault.

Belongs here: picking rows at the set rate, changing a column of all versions of a row. Does not belong here: which
faults there are (`faults`) and added rows (`fault_rows`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.simulator import columns as col
from ingestion.simulator.timeline import Flags, Timeline

DAY_MICROS = col.SECONDS * 1_000_000


@dataclass
class Book:
    """The tables being messed up, and the faults so far.

    Attributes:
        rate: share of the rows in question that each fault strikes.
    """

    tables: dict[str, pa.Table]
    calendar: Timeline
    rate: float
    rng: np.random.Generator
    faults: list[pa.Table] = field(default_factory=list)

    def pick(self, eligible: Flags) -> Flags:
        """Some of the eligible rows, at least one if there is any: every rule is exercised in every block."""
        draws = np.where(eligible, self.rng.random(len(eligible)), 2.0)
        return np.asarray(eligible & (draws <= max(self.rate, draws.min(initial=2.0))))

    def note(self, rule: str, table: str, keys: pa.ChunkedArray) -> None:
        """List faults by the key of their row."""
        names = {"rule": col.constant(rule, len(keys)), "table_name": col.constant(table, len(keys))}
        self.faults.append(pa.table({**names, "row_key": keys}))

    def listed(self) -> pa.Table:
        """Every fault: rule, table_name, row_key."""
        empty = pa.table({name: pa.array([], pa.string()) for name in ("rule", "table_name", "row_key")})
        return pa.concat_tables([empty, *self.faults]).combine_chunks()

    def append(self, name: str, rows: pa.Table) -> None:
        """Add rows to a table."""
        self.tables[name] = pa.concat_tables([self.tables[name], rows]).combine_chunks()


@dataclass(frozen=True)
class Edit:
    """One fault: in `table`, rows that meet `where` (a column and its values) get `to(column)` in `column`."""

    rule: str
    table: str
    column: str
    where: tuple[str, tuple[str, ...]] | None
    to: Callable[[pa.ChunkedArray, Book], pa.Array | pa.ChunkedArray]


def struck(book: Book, edit: Edit) -> None:
    """Change the picked rows: chosen by their newest version, changed in every version that meets the condition."""
    table = book.tables[edit.table]
    key = table[table.column_names[0]]
    eligible = _meets(table, edit)
    picked = key.filter(pa.array(book.pick(eligible & _newest(table)))).unique()
    mask = np.asarray(pc.is_in(key, picked)) & eligible
    column = pc.if_else(pa.array(mask), edit.to(table[edit.column], book), table[edit.column])
    book.tables[edit.table] = col.replaced(table, edit.column, column)
    book.note(edit.rule, edit.table, picked)


def _newest(table: pa.Table) -> Flags:
    """The last version of each key; versions of a key stand in order of time."""
    key = table[table.column_names[0]].dictionary_encode().combine_chunks().indices
    codes = np.asarray(key)
    last = np.zeros(len(codes), dtype=np.int64)
    last[codes] = np.arange(len(codes))
    return np.asarray(last[codes] == np.arange(len(codes)))


def _meets(table: pa.Table, edit: Edit) -> Flags:
    """Rows that the fault may strike: they meet the condition and hold a value that is not struck yet."""
    held = np.asarray(pc.is_valid(table[edit.column]))
    if edit.where is None:
        return held
    name, values = edit.where
    return np.asarray(held & np.asarray(pc.is_in(table[name], pa.array(values))))


def blanked(column: pa.ChunkedArray, _book: Book) -> pa.Array:
    """Nothing."""
    return pa.nulls(len(column), column.type)


def swapped_days(column: pa.ChunkedArray, book: Book) -> pa.Array:
    """Half a year to a year earlier than it was: before the lead was created."""
    shift = book.rng.integers(180, 365, len(column)) * DAY_MICROS
    moved = np.asarray(column.cast(pa.int64()).fill_null(0)) - shift
    return pa.array(moved).cast(col.INSTANT)
