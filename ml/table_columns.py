"""What the columns of a table of unknown origin are, learned from its rows and kept with the model.

Numbers, flags, categories and dates become features; identifiers, free texts, constants and copies of other columns
are named and left out. A date becomes its age in days: at the row's own time where the table has one, else at the
newest date of the column. Belongs here: that inference, the clean frame it yields and its plain-data form. Does not
belong here: reading single texts (`ml.table_values`), encoding (`ml.encoding`).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn, Kind
from ml import table_readers, table_values

ColumnKind = Literal["number", "flag", "category", "date"]
READABLE: Final = 0.95
MANY_DISTINCT: Final = 0.5
LEAST_ROWS_OF_AN_ID: Final = 20
# Names that a training frame gives to columns of its own.
ENTITY: Final = "row_entity"
LABEL: Final = "row_label"
RESERVED: Final = frozenset({"as_of", ENTITY, LABEL})
FEATURE_KINDS: Final[Mapping[ColumnKind, Kind]] = {
    "number": "numeric", "flag": "flag", "category": "categorical", "date": "numeric",
}  # fmt: skip
_NAME_OF_AN_ID = re.compile(
    r"(^|[_\s.-])(id|key|uuid|guid|index|nr)$|[a-z](Id|ID)$|^(ID|Id)$"
    r"|(client|customer|account|user|row|policy|lead|member|order|loan|case|contact|prospect)[_\s]?(num|number|no|nr)$"
    r"|^unnamed: \d+$|^index$"
)
_IGNORING_CASE = re.compile(
    r"(client|customer|account|row|policy|lead|prospect)[_\s]?(num|number|no|nr|id)$", re.IGNORECASE
)


class TableError(ValueError):
    """A table cannot be used as given; the message names the column and the mend."""


@dataclass(frozen=True)
class TableColumn:
    """How one column of the table is read.

    Attributes:
        form: how its texts are read: decimal mark of a number, format of a date; empty for time stamps.
        newest: of a date, the newest one in training (ISO), from which ages count where rows have no time.
    """

    name: str
    kind: ColumnKind
    form: str = ""
    newest: str = ""

    def instants(self, values: "pd.Series[Any]") -> "pd.Series[Any]":
        """A date column as time stamps."""
        return table_readers.as_dates(values, self.form)

    def read(self, values: "pd.Series[Any]", time: "pd.Series[Any] | None") -> "pd.Series[Any]":
        """The column as floats, or as text for a category."""
        if self.kind == "category":
            return table_values.texts(values)
        if self.kind != "date":
            return pd.Series(
                table_readers.as_numbers(values, "" if self.kind == "flag" else self.form), index=values.index
            )
        days = self.instants(values)
        reference = pd.Series(pd.Timestamp(self.newest), index=values.index) if time is None else time
        return (reference - days).dt.total_seconds() / table_readers.DAY

    @property
    def feature_name(self) -> str:
        """Name of the feature: the column's, unless a training frame needs that name itself."""
        return f"{self.name} (column)" if self.name in RESERVED else self.name

    def feature(self, *, is_worded: bool) -> FeatureColumn:
        """The declaration that models and reasons read."""
        name = self.name.replace("{", "{{").replace("}", "}}")
        if self.kind == "category":
            high, low = None, f"{name} is {{value!s}}"
        elif self.kind == "flag":
            high, low = f"{name} holds", f"{name} does not hold"
        else:
            subject = f"days since {name}: " if self.kind == "date" else f"{name} is "
            high, low = (f"{subject}{side} ({{value:,.6g}})" for side in ("high", "low"))
        words = (high, low, f"{name} is not known") if is_worded else (None, None, None)
        unit = "days" if self.kind == "date" else ""
        return FeatureColumn(
            self.feature_name, FEATURE_KINDS[self.kind], self.name, unit, self.name, words[0], words[1], None,
            "known_at_scoring", words[2],
        )  # fmt: skip


@dataclass(frozen=True)
class TableColumns:
    """The columns that become features, and those left out with the reason."""

    columns: tuple[TableColumn, ...]
    left_out: tuple[tuple[str, str], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the features in order."""
        return tuple(column.name for column in self.columns)

    def features(self, never_a_reason: Sequence[str] = ()) -> tuple[FeatureColumn, ...]:
        """The declarations that models and reasons read."""
        return tuple(column.feature(is_worded=column.name not in never_a_reason) for column in self.columns)

    def read(self, frame: pd.DataFrame, time: "pd.Series[Any] | None" = None) -> pd.DataFrame:
        """The features of any rows of such a table; a row's features do not depend on the other rows.

        Args:
            time: time of each row, for the ages of dates; None: ages count from the newest date of training.

        Raises:
            TableError: a column is missing.
        """
        named = frame.rename(columns=str)
        missing = [name for name in self.names if name not in named.columns]
        if missing:
            msg = f"the table lacks the columns {', '.join(missing)}, which the model was trained with"
            raise TableError(msg)
        return pd.DataFrame(
            {column.feature_name: column.read(named[column.name], time) for column in self.columns}, frame.index
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"columns": [asdict(column) for column in self.columns], "left_out": [list(o) for o in self.left_out]}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "TableColumns":
        """The columns of their plain data."""
        columns = tuple(TableColumn(**column) for column in plain["columns"])
        return cls(columns, tuple((name, reason) for name, reason in plain["left_out"]))


def infer(
    frame: pd.DataFrame,
    kinds: Mapping[str, ColumnKind] | None = None,
    time: "pd.Series[Any] | None" = None,
) -> TableColumns:
    """Decide what every column is.

    Args:
        frame: the candidate columns only (without label, time, fold and entity); names are unique texts.
        kinds: declared kinds, which are not questioned.
        time: time of each row, if the table has one.
    """
    declared = kinds or {}
    found: dict[str, TableColumn] = {}
    left_out: list[tuple[str, str]] = []
    seen: dict[bytes, str] = {}
    for name in frame.columns:
        column, reason = _classify(frame[name], str(name), declared.get(str(name)))
        if column is not None:
            content = _content(column.read(frame[name], time), column.kind)
            reason = "has one value only" if content is None else _copy_of(seen, content, str(name))
        if column is None or reason:
            left_out.append((str(name), reason))
        else:
            found[str(name)] = column
    return TableColumns(tuple(found.values()), tuple(left_out))


def infer_time(values: "pd.Series[Any]", name: str) -> TableColumn:
    """How the time column is read: time stamps, dates in any spelling, or numbers (`ml.table_readers.date_form`)."""
    return TableColumn(name, "date", table_readers.date_form(values))


def _classify(values: "pd.Series[Any]", name: str, declared: ColumnKind | None) -> tuple[TableColumn | None, str]:
    kind = declared or _kind(values, name)
    if kind == "date":
        form = table_readers.date_form(values)
        newest = table_readers.as_dates(values, form).max()
        return TableColumn(name, "date", form, "" if pd.isna(newest) else newest.isoformat()), ""
    reason = "" if declared else _why_left_out(values, name, kind)
    form = table_readers.number_form(values) if kind == "number" else ""
    return (None, reason) if reason else (TableColumn(name, kind, form), "")


def _kind(values: "pd.Series[Any]", name: str) -> ColumnKind:
    if pd.api.types.is_bool_dtype(values):
        return "flag"
    if pd.api.types.is_datetime64_any_dtype(values) or isinstance(values.dtype, pd.PeriodDtype):
        return "date"
    if pd.api.types.is_timedelta64_dtype(values):
        return "number"
    if pd.api.types.is_numeric_dtype(values):
        return _kind_of_numbers(values, name)
    if table_values.is_dates_of_python(values):
        return "date"
    return _kind_of_texts(table_readers.levels(values))


def _kind_of_numbers(values: "pd.Series[Any]", name: str) -> ColumnKind:
    """A number called an id that many rows share (a store, a campaign) is a name, not an amount."""
    if set(values.dropna().unique()) <= {0, 1}:
        return "flag"
    if table_readers.date_form(values) == table_readers.DAY_OF_CALENDAR:
        return "date"
    is_shared = values.nunique() <= MANY_DISTINCT * len(values)
    return "category" if is_shared and _is_named_an_id(name) and bool((values.dropna() % 1 == 0).all()) else "number"


def _is_named_an_id(name: str) -> bool:
    return bool(_NAME_OF_AN_ID.search(name) or _IGNORING_CASE.search(name))


def _kind_of_texts(levels: list[str]) -> ColumnKind:
    known = [
        level for level, none in zip(levels, table_values.is_missing_among_numbers(levels), strict=True) if not none
    ]
    if not known:
        return "category"
    if table_values.flags(known) is not None:
        return "flag"
    if not table_values.has_leading_zeros(known) and table_values.number_form(known)[1] >= READABLE:
        return "number"
    return "date" if table_values.date_format(known)[1] >= READABLE else "category"


def _why_left_out(values: "pd.Series[Any]", name: str, kind: ColumnKind) -> str:
    """Why a column teaches nothing: it names its row; empty if it may teach."""
    known = values.dropna() if kind != "category" else table_values.texts(values).dropna()
    if len(known) < LEAST_ROWS_OF_AN_ID or kind == "flag":
        return ""
    codes = pd.factorize(known if kind != "category" else known.astype(str))[0]
    share = (int(codes.max()) + 1) / len(known)
    if share <= MANY_DISTINCT:
        return ""
    if kind == "category":
        return f"names its row: {share:.0%} of its texts are distinct"
    numbers = np.sort(table_readers.as_numbers(known, table_readers.number_form(known)))
    is_counter = share == 1.0 and len(numbers) > 1 and bool(np.all(np.diff(numbers) == 1))
    return f"numbers its row: {share:.0%} of its values are distinct" if is_counter or _is_named_an_id(name) else ""


def _content(values: "pd.Series[Any]", kind: ColumnKind) -> bytes | None:
    """Fingerprint of a column, the same for a renamed copy and for a category spelled otherwise; None if constant."""
    codes, levels = pd.factorize(values)
    if len(levels) + int((codes < 0).any()) < 2:
        return None
    plain = codes.astype(np.int64) if kind in {"flag", "category"} else values.to_numpy(dtype=np.float64)
    return hashlib.sha256(plain.tobytes()).digest()


def _copy_of(seen: dict[bytes, str], content: bytes, name: str) -> str:
    first = seen.setdefault(content, name)
    return "" if first == name else f"repeats {first}"
