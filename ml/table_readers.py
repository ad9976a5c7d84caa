"""One column of a table of unknown origin as numbers or dates, by a form that is found once and kept.

Belongs here: columns of any dtype to floats and time stamps. Does not belong here: reading single texts
(`ml.table_values`), deciding what a column is (`ml.table_columns`).
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from ml import table_values
from ml.arrays import FloatArray

DAY: Final = 86_400.0
DAY_OF_CALENDAR: Final = "%Y%m%d"
DAYS: Final = "days since 1970"
# Numbers that spell a day, a month or a year, and the range in which they do.
_CALENDARS: Final = (("%Y", 1900, 2200), ("%Y%m", 190_001, 220_012), (DAY_OF_CALENDAR, 19_000_101, 22_001_231))


def levels(values: "pd.Series[Any]") -> list[str]:
    """Distinct texts of a column in the order of appearance, without missing ones."""
    return [str(level) for level in pd.unique(table_values.texts(values).dropna())]


def number_form(values: "pd.Series[Any]") -> str:
    """The decimal mark of a column of numbers; the point where they are numbers already."""
    if not _is_text(values):
        return table_values.POINT
    listed = levels(values)
    none = table_values.is_missing_among_numbers(listed)
    return table_values.number_form([level for level, is_none in zip(listed, none, strict=True) if not is_none])[0]


def date_form(values: "pd.Series[Any]") -> str:
    """How a column of dates is read: a format of its texts or numbers, empty for time stamps.

    Numbers are years, yyyymm or yyyymmdd where all of them can be, else days since 1970.
    """
    if _is_text(values):
        return table_values.date_format(levels(values))[0] or "ISO8601"
    if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        return ""
    known = values.dropna()
    for form, least, most in _CALENDARS:
        if len(known) and known.between(least, most).all() and as_dates(known, form).notna().all():
            return form
    return DAYS


def as_numbers(values: "pd.Series[Any]", form: str) -> FloatArray:
    """Numbers of numbers, flags (no form) and texts; infinities and unreadable texts are missing."""
    if pd.api.types.is_timedelta64_dtype(values):
        values = values.dt.total_seconds() / DAY
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        found = values.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(found), found, np.nan)
    codes, distinct = pd.factorize(table_values.texts(values))
    listed = [str(level) for level in distinct]
    none = table_values.is_missing_among_numbers(listed)
    read = table_values.numbers(listed, form) if form else table_values.flags_one_by_one(listed)
    return np.append(np.where(none, np.nan, read), np.nan)[codes]


def as_dates(values: "pd.Series[Any]", form: str) -> "pd.Series[Any]":
    """Time stamps of a column, by its form; NaT where a value is no date."""
    if not form:
        return table_values.instants(values)
    if form == DAYS:
        days = pd.to_timedelta(pd.to_numeric(values, errors="coerce"), unit="D")
        return (pd.Timestamp("1970-01-01") + days).astype("datetime64[ns]")
    if pd.api.types.is_numeric_dtype(values):
        values = values.map(lambda value: f"{value:.0f}", na_action="ignore")
    codes, distinct = pd.factorize(table_values.texts(values))
    read = table_values.dates([str(level) for level in distinct], form).append(pd.DatetimeIndex([pd.NaT]))
    return pd.Series(read[codes], index=values.index).astype("datetime64[ns]")


def _is_text(values: "pd.Series[Any]") -> bool:
    is_other = pd.api.types.is_numeric_dtype(values) or values.dtype.kind in "bmM"
    return not (is_other or isinstance(values.dtype, pd.PeriodDtype) or table_values.is_dates_of_python(values))
