"""Arrow columns made from arrays of numbers, without a Python loop per row.

Belongs here: ids, money as text, instants and days, versions of a row. Does not belong here: what is drawn.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.simulator.timeline import NEVER, Flags, Floats, Ints, Timeline

SECONDS = 86_400
CURRENCY = "EUR"
INSTANT = pa.timestamp("us", tz="UTC")


def texts(values: Sequence[str | None], codes: Ints) -> pa.Array:
    """`values` picked by `codes`; a negative code gives null."""
    return pa.array(values, pa.string()).take(pa.array(codes, mask=codes < 0))


def constant(value: str | float | bool | None, rows: int, kind: pa.DataType | None = None) -> pa.Array:
    """The same value in every row (text unless `kind` says otherwise)."""
    return pa.array([value], kind or pa.string()).take(pa.array(np.zeros(rows, dtype=np.int64)))


def ids(prefix: str, numbers: Ints, width: int = 8) -> pa.Array:
    """Keys such as A00000042; a negative number gives null."""
    padded = pc.utf8_lpad(pc.cast(pa.array(numbers, mask=numbers < 0), pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, padded, "")


def joined(*parts: pa.Array | str, separator: str = "-") -> pa.Array:
    """Texts joined row by row."""
    return pc.binary_join_element_wise(*parts, separator)


def money(cents: Ints) -> pa.Array:
    """Amounts as the text a CRM exports, for example 1234.50."""
    size = np.abs(cents)
    whole = pc.cast(pa.array(size // 100), pa.string())
    rest = pc.utf8_lpad(pc.cast(pa.array(size % 100), pa.string()), 2, "0")
    sign = texts(["", "-"], (cents < 0).astype(np.int64))
    return pc.binary_join_element_wise(pc.binary_join_element_wise(sign, whole, ""), rest, ".")


def cents(amounts: Floats) -> Ints:
    """Amounts in money rounded to cents."""
    return np.rint(amounts * 100).astype(np.int64)


def instants(calendar: Timeline, days: Ints, seconds: Ints) -> pa.Array:
    """UTC instants `seconds` after the start of each day; null after the simulated period."""
    micros = ((days + calendar.epoch_day) * SECONDS + seconds) * 1_000_000
    return pa.array(micros, mask=days > calendar.last_day).cast(INSTANT)


def dates(calendar: Timeline, days: Ints, *, past_end: bool = False) -> pa.Array:
    """Days; null after the simulated period unless `past_end`, null for NEVER in any case."""
    limit = NEVER - 1 if past_end else calendar.last_day
    known = np.minimum(days, NEVER - 1)
    return pa.array((known + calendar.epoch_day).astype(np.int32), mask=days > limit).cast(pa.date32())


def rows(table: pa.Table, mask: Flags) -> pa.Table:
    """The rows that meet the mask."""
    return table.filter(pa.array(mask))


def replaced(table: pa.Table, name: str, column: pa.Array | pa.ChunkedArray) -> pa.Table:
    """The table with one column exchanged."""
    return table.set_column(table.column_names.index(name), name, column)


def versions(table: pa.Table, changed_at: pa.Array, before: dict[str, str | None]) -> pa.Table:
    """Every row as first known, and once more as changed: the history that a CRM's change log gives.

    Args:
        table: final state with `modified_at` = when the row was first known.
        changed_at: when it took its final state; null: it never changed.
        before: columns that looked otherwise in the first version, and what they held then.
    """
    changed = pc.is_valid(changed_at)
    first = table
    for name, value in before.items():
        kind = table.schema.field(name).type
        first = replaced(first, name, pc.if_else(changed, pa.scalar(value, kind), table[name]))
    last = replaced(table, "modified_at", changed_at).filter(changed)
    return pa.concat_tables([first, last]).combine_chunks()
