"""Tables in Markdown for Dagster's pages, of values that a company's source may have filled.

Belongs here: how a value reads (separators, missing ones, days) and that text stays text: a deal's name cannot break a
table, load an image or hide where a link leads. Does not belong here: which rows are shown
(`orchestration.looks.looks`).
"""

import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import islice
from numbers import Integral
from typing import Any, Final

import numpy as np
import pandas as pd

MISSING: Final = "–"
MOST_ROWS: Final = 40
LONGEST_TEXT: Final = 300
# What Markdown or HTML read as more than a letter; within a word, `_` is none.
SPECIAL: Final = re.compile(r"[\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w)")
# From this size on, digits after the point say nothing.
LARGE: Final = 100


class Written(str):
    """A cell that is Markdown already: a link, bold letters. Never made of what a source says."""

    __slots__ = ()


def table(names: Sequence[str], rows: Iterable[Sequence[object]], most: int = MOST_ROWS) -> str:
    """A Markdown table of at most so many rows, which says how many more there are; "no rows" without any."""
    left = iter(rows)
    lines = [f"| {' | '.join(text(one) for one in row)} |" for row in islice(left, most)]
    more = sum(1 for _ in left)
    if not lines:
        return "no rows"
    head = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    return "\n".join([*head, *lines, *([f"\nand {more:,} more rows"] if more else [])])


def of_frame(frame: pd.DataFrame, most: int = MOST_ROWS) -> str:
    """The same of a frame; all numbers of a column have the same number of digits."""
    shown = frame.head(most).apply(_readable)
    rows = [*shown.itertuples(index=False, name=None), *([()] * (len(frame) - len(shown)))]
    return table([str(name) for name in frame.columns], rows, most)


def text(value: object) -> str:
    """A value as a cell: missing ones as a dash, thousands separated, days as days, text as nothing but text."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{value:,}"
    if isinstance(value, float):
        return number(value)
    if value is None or value is pd.NA or value is pd.NaT:
        return MISSING
    if isinstance(value, date):
        return f"{value:%Y-%m-%d %H:%M}" if _has_hour(value) else f"{value:%Y-%m-%d}"
    if isinstance(value, list | np.ndarray):
        return plain("; ".join(str(one) for one in value)) or MISSING
    return plain(str(value)) or MISSING


def number(value: float, *, is_large: bool | None = None) -> str:
    """Three digits after the point for what is small, none for what is large; `is_large` decides for a column."""
    if not math.isfinite(value):
        return MISSING if math.isnan(value) else str(value)
    return format(value, ",.0f" if (abs(value) >= LARGE if is_large is None else is_large) else ",.3f")


def plain(said: str) -> str:
    """Text on one line that Markdown shows as it is."""
    line = " ".join(said.split())
    short = line if len(line) <= LONGEST_TEXT else line[: LONGEST_TEXT - 1] + "…"
    return SPECIAL.sub(r"\\\g<0>", short)


def _readable(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if pd.api.types.is_float_dtype(column):
        is_large = bool((column.abs() >= LARGE).any())
        return pd.Series([Written(number(float(value), is_large=is_large)) for value in column], column.index, object)
    return column.astype(object)


def _has_hour(value: date) -> bool:
    return isinstance(value, datetime) and (value.hour, value.minute) != (0, 0)
