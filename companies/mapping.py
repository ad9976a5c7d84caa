"""How a company's source files become raw tables: the declarative mapping of a company's TOML file.

Belongs here: the grammar of the mapping (files, tables, columns, filters, events) as frozen models, and what
makes a mapping wrong by itself. Does not belong here: reading a file or running a mapping (`ingestion`).
"""

from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Scalar = str | int | float | bool


class Part(BaseModel):
    """Base of the mapping's parts: immutable, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(Part):
    """One file (or glob of files with the same columns) of the source folder.

    Attributes:
        path: relative to the source folder; `.gz` is read as it is; globs are allowed.
        format: `csv` covers every single-character delimiter; `whitespace` splits at runs of blanks.
        decimal: the file's decimal sign. Without it only numbers that can be read in one way are accepted
            ("1.5", "1,234.50", "1.234,50"; not "1,234").
        columns: names for a file without a header line.
        null_values: texts that mean "nothing", for example "", "NULL", "9999-12-31".
        increments: the files of a glob are deliveries, one after the other in the order of their names: of rows with
            the same key, and no clock of their own, the one in the last file is the newest version. Without it they
            contradict one another, and the later ones go to quarantine.
    """

    path: str
    format: Literal["csv", "whitespace", "jsonl", "parquet"] = "csv"
    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    decimal: Literal[".", ","] | None = None
    header: bool = True
    columns: tuple[str, ...] = ()
    null_values: tuple[str, ...] = ("",)
    increments: bool = False

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts:
            msg = "must be relative and stay inside the source folder"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _names_its_columns(self) -> Self:
        if not self.header and not self.columns:
            msg = "a file without a header line needs `columns`"
            raise ValueError(msg)
        return self


class Lookup(Part):
    """Take a value from another file: the row of `file` whose `key` equals this row's `by`.

    The other file's first matching row, in file order, counts; no match gives null.
    """

    file: str
    by: str
    key: str
    value: str


class Condition(Part):
    """A test on one source column; exactly one of the operators is given. A null never meets a condition.

    `is_null = true` and `is_null = false` test for absence and presence.
    """

    column: str
    equals: Scalar | None = None
    not_equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    none_of: tuple[Scalar, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None
    is_null: bool | None = None

    @model_validator(mode="after")
    def _has_one_operator(self) -> Self:
        operators = self.model_fields_set - {"column"}
        if len(operators) != 1:
            msg = f"needs exactly one operator, has {sorted(operators)}"
            raise ValueError(msg)
        return self


class ColumnRule(Part):
    """How one raw column is made from a source row. A bare string in TOML means `{column = "..."}`.

    Exactly one of `column`, `value`, `hash`, `concat`, `lookup` says where the text comes from; the rest is
    applied in this order: `map`, `default`, `prefix`, `multiply`, `divide`; `format` says how dates are written.

    Attributes:
        column: a source column.
        value: a constant.
        hash: source columns whose md5 makes a key for a source that has none; equal rows of one file get different
            keys by their occurrence, so that repeated lines are kept and a second landing finds the same keys.
        concat: source columns, joined with "-"; absent parts are left out.
        lookup: a value of another file.
        map: source value to raw value, compared without regard to case and surrounding blanks; a value that is
            not listed is kept unless `map_only` is set, then it becomes null.
        default: what a null becomes.
        prefix: put in front of the text.
        multiply, divide: a factor and a divisor for a number.
        plus_minutes: a source column with the minutes to add to an instant; without minutes there is no instant.
        format: strptime formats, tried in order, of a date or instant; `epoch_s` and `epoch_ms` count from 1970;
            without it ISO 8601.
        anonymize: replace the text by its sha256 (for e-mail addresses).
    """

    column: str | None = None
    value: Scalar | None = None
    hash: tuple[str, ...] | None = None
    concat: tuple[str, ...] | None = None
    lookup: Lookup | None = None
    map: dict[str, Scalar] | None = None
    map_only: bool = False
    default: Scalar | None = None
    prefix: str | None = None
    multiply: float | None = None
    divide: Annotated[float, Field(gt=0)] | None = None
    plus_minutes: str | None = None
    format: str | tuple[str, ...] | None = None
    anonymize: bool = False

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        origins = self.model_fields_set & {"column", "value", "hash", "concat", "lookup"}
        if len(origins) != 1:
            msg = f"needs exactly one of column, value, hash, concat, lookup; has {sorted(origins)}"
            raise ValueError(msg)
        return self

    @property
    def formats(self) -> tuple[str, ...]:
        """The strptime formats, tried in order; empty means ISO 8601."""
        if self.format is None:
            return ()
        return (self.format,) if isinstance(self.format, str) else self.format


Columns = Annotated[dict[str, ColumnRule], Field(default_factory=dict)]


def _as_rules(value: object) -> object:
    """Let `name = "Source Column"` stand for `name = {column = "Source Column"}`."""
    if not isinstance(value, dict):
        return value
    return {key: {"column": rule} if isinstance(rule, str) else rule for key, rule in value.items()}


class Event(Part):
    """One event made from a wide row: `columns` are added to the table's own, for rows that meet `where`."""

    where: tuple[Condition, ...] = ()
    columns: Columns

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return _as_rules(value)


class TableMapping(Part):
    """Rows of one file become rows of one raw table; several mappings may feed the same table.

    Attributes:
        table: a raw table of the source contract.
        file: name of a file of the source.
        where: only rows that meet every condition; the others are counted as filtered, not lost.
        columns: raw column to rule.
        events: wide to long; every source row gives one raw row per event whose condition it meets.
        known_at: rule for the time the company could have known the row, if the source has it.
        delay_days: without `known_at`: the source's delay after the event in a first, historical load.
        first_per_key: of the rows with the same key only the one with the earliest event time counts, and a key
            that is already known is left as it is; for tables derived from others, such as buyers from orders.
    """

    table: str
    file: str
    where: tuple[Condition, ...] = ()
    columns: Columns
    events: tuple[Event, ...] = ()
    known_at: ColumnRule | None = None
    delay_days: Annotated[int, Field(ge=0, le=365)] = 0
    first_per_key: bool = False

    @property
    def rules(self) -> tuple[ColumnRule, ...]:
        """Every rule of the mapping: of the table, of its events and of `known_at`."""
        events = (rule for event in self.events for rule in event.columns.values())
        known_at = (self.known_at,) if self.known_at else ()
        return (*self.columns.values(), *events, *known_at)

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition of the mapping: of the table and of its events."""
        return (*self.where, *(condition for event in self.events for condition in event.where))

    @field_validator("columns", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        return _as_rules(value)

    @field_validator("known_at", mode="before")
    @classmethod
    def _short_rule(cls, value: object) -> object:
        return {"column": value} if isinstance(value, str) else value


class Source(Part):
    """Where a company's rows come from.

    Attributes:
        kind: `files` reads what is in the folder; `simulator` first writes the simulated company into it.
        folder: below the data folder of the deployment (for `simulator`: made in the company's own state folder).
        get: what to put where if a file is missing, for the error message.
        simulator: settings of the simulated company, checked by the simulator itself.
    """

    kind: Literal["files", "simulator"]
    folder: str
    get: str = ""
    system: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    files: dict[str, SourceFile]
    tables: tuple[TableMapping, ...]
    simulator: dict[str, Scalar] = {}

    @model_validator(mode="after")
    def _names_known_files(self) -> Self:
        for table in self.tables:
            looked_up = [rule.lookup.file for rule in table.rules if rule.lookup]
            for file in (table.file, *looked_up):
                if file not in self.files:
                    msg = f"table '{table.table}' reads file '{file}', which is not under [source.files]"
                    raise ValueError(msg)
        return self
