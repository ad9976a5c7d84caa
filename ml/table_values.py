"""What the cells of a table of unknown origin mean: missing, numbers as text, flags, dates.

Belongs here: reading one column's distinct texts. Does not belong here: deciding what a column is
(`ml.table_columns`), encoding for a model (`ml.encoding`).
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray

# Spellings of "nothing" anywhere, and those that say so only among numbers and dates: a category may be called "none".
MISSING: Final = frozenset({"", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "nat", "nil", "\\n", "."})
MISSING_AMONG_NUMBERS: Final = MISSING | {"none", "-", "--", "unknown", "missing", "inf", "-inf", "#value!", "#div/0!"}
POINT, COMMA = "point", "comma"
TRUE: Final = ("yes", "true", "y", "t", "1", "on", "1.0")
FALSE: Final = ("no", "false", "n", "f", "0", "off", "0.0")
# Tried in this order; the first that reads the most values wins, so a day above 12 decides between 3/4 and 4/3.
DATE_FORMATS: Final = (
    "ISO8601", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%d %b %Y", "%d-%b-%Y",
    "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b-%Y", "%d.%m.%Y %H:%M", "%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M",
    "%d.%m.%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S",
)  # fmt: skip

_POINT = re.compile(r"[-+]?(\d{1,3}(,\d{3})+(\.\d+)?|\d*\.?\d+\.?(e[-+]?\d+)?)")
_COMMA = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+(,\d+)?|\d+(,\d+)?)")
_DECORATED = re.compile(r"[<>~]?\s*[$€£¥]?\s*(\(?[-+]?[$€£¥]?[\d][\d.,' ]*(?:e[-+]?\d+)?\)?|\(?[-+]?\.\d+\)?)\s*(.*)")
_UNIT = re.compile(r"[+]?\s*[a-z%$€£¥/²³°.]{0,10}\.?")
_LIKE_A_DATE = re.compile(r"\d{1,4}[-/. ](\d{1,2}|[a-z]{3,9})[-/., ]|[a-z]{3,9}[- ]\d{1,2}|[a-z]{3}-\d{4}")
_MOST_UNITS = 3


def texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Every value as trimmed text, null where nothing is there in any spelling."""
    codes, levels = pd.factorize(values.astype(object).map(_as_text, na_action="ignore"))
    found = np.array([*levels, None], dtype=object)
    return pd.Series(found[codes], index=values.index, dtype=object)


def _as_text(value: object) -> str | None:
    text = str(value).strip()
    return None if text.lower() in MISSING else text


def is_missing_among_numbers(levels: Sequence[str]) -> BoolArray:
    """Which texts mean "nothing" in a column of numbers or dates."""
    return np.array([level.lower() in MISSING_AMONG_NUMBERS for level in levels], dtype=bool)


def numbers(levels: Sequence[str], form: str = POINT) -> FloatArray:
    """Texts as numbers, nan where a text is none.

    Currency signs, per cent, accountants' brackets and a unit behind the number ("36 months") are read over.

    Args:
        form: `POINT` or `COMMA`, the decimal mark of the whole column.
    """
    found = np.full(len(levels), np.nan)
    for at, level in enumerate(levels):
        part = _DECORATED.fullmatch(level.lower())
        digits = _digits(part[1]) if part else ""
        if form == POINT and _POINT.fullmatch(digits):
            found[at] = float(digits.replace(",", ""))
        elif form == COMMA and _COMMA.fullmatch(digits):
            found[at] = float(digits.replace(".", "").replace(",", "."))
    return found


def number_form(levels: Sequence[str]) -> tuple[str, float]:
    """The decimal mark that reads more of the texts (a point where both read as many), and the share it reads.

    A column that knows more than three units behind its numbers is none of numbers.
    """
    parts = (_DECORATED.fullmatch(level.lower()) for level in levels)
    units = {part[2].strip() for part in parts if part} - {""}
    if not levels or len(units) > _MOST_UNITS or not all(_UNIT.fullmatch(unit) for unit in units):
        return POINT, 0.0
    shares = {form: float(np.isfinite(numbers(levels, form)).mean()) for form in (POINT, COMMA)}
    best = COMMA if shares[COMMA] > shares[POINT] else POINT
    return best, shares[best]


def _digits(text: str) -> str:
    bare = re.sub(r"[$€£¥' ]", "", text)
    return f"-{bare[1:-1]}" if bare.startswith("(") and bare.endswith(")") else bare


def has_leading_zeros(levels: Sequence[str]) -> bool:
    """Whether the texts are codes such as postal codes: digits only, of which one in twenty starts with a zero."""
    coded = [len(level) > 1 and level.isdigit() and level.startswith("0") for level in levels]
    return bool(levels) and float(np.mean(coded)) >= 0.05


def flags(levels: Sequence[str]) -> FloatArray | None:
    """Texts as 0 and 1; None where they are not a pair of yes and no."""
    lowered = [level.lower() for level in levels]
    for yes, no in zip(TRUE, FALSE, strict=True):
        if set(lowered) <= {yes, no}:
            return np.array([float(level == yes) for level in lowered])
    return None


def flags_one_by_one(levels: Sequence[str]) -> FloatArray:
    """0, 1, or nan where a text is neither yes nor no; each is read by itself, for a row may stand alone."""
    values = {**dict.fromkeys(TRUE, 1.0), **dict.fromkeys(FALSE, 0.0)}
    return np.array([values.get(level.lower(), np.nan) for level in levels], dtype=np.float64)


def date_format(levels: Sequence[str]) -> tuple[str, float]:
    """The format that reads most of the texts, and the share it reads."""
    if not levels or not np.mean([bool(_LIKE_A_DATE.search(level.lower())) for level in levels]) > 0.5:
        return "", 0.0
    shares = {form: 1.0 - float(np.mean(np.isnat(dates(levels, form).to_numpy()))) for form in DATE_FORMATS}
    best = max(shares, key=lambda form: shares[form])
    return best, shares[best]


def dates(levels: Sequence[str], form: str) -> "pd.DatetimeIndex":
    """Texts as instants without zone (UTC where the text names one); NaT where they are none."""
    found = pd.to_datetime(pd.Series(list(levels), dtype=object), format=form, errors="coerce", utc=True)
    return pd.DatetimeIndex(found).tz_localize(None)


def instants(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Time stamps of any kind (zoned, periods, Python dates) without zone and of one resolution."""
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    found = pd.to_datetime(values, errors="coerce", utc=True)
    return found.dt.tz_localize(None).astype("datetime64[ns]")


def is_dates_of_python(values: "pd.Series[Any]") -> bool:
    """Whether an object column holds dates (or datetimes, which are dates) of Python."""
    known = values.dropna().head(100)
    return len(known) > 0 and all(isinstance(value, date) for value in known)
