"""From text to typed values, as SQL expressions that give null where the text is not of the kind.

Belongs here: how numbers, truth values, days and instants may be written. Does not belong here: where a text comes
from (`ingestion.mapping_sql`) and which values are allowed (`ingestion.contract_sql`).

Numbers: plain (1234.5, 1e3) always; grouped only where there is one way to read it (1,234.50 or 1.234.567,8), so
"1,234" is refused unless the file's `decimal` says which sign is which. Money is rounded to cents.
Days and instants: ISO 8601 unless formats are given. A local time is the company's; a day given for an instant is
the local midnight; an offset is honoured. Where a clock jumps, ICU's rule holds: a time that does not exist moves
forward, a time that exists twice is the earlier or later one by the zone's standard offset.
"""

from dataclasses import dataclass
from typing import Literal

from ingestion.contract_fields import Kind
from ingestion.sql_text import listed, literal

Decimal = Literal[".", ","] | None

TRUE_WORDS = ["true", "t", "yes", "y", "1", "1.0"]
FALSE_WORDS = ["false", "f", "no", "n", "0", "0.0"]
PLAIN = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
SURELY_POINT = r"[+-]?\d{1,3}((,\d{3})+\.\d+|(,\d{3}){2,})"
SURELY_COMMA = r"[+-]?\d{1,3}((\.\d{3})+,\d+|(\.\d{3}){2,})"
WITH_POINT = r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?"
WITH_COMMA = r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?"
LOCAL_ISO = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?"
OFFSET_ISO = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z| ?UTC| ?[+-]\d{2}(:?\d{2})?)"
EPOCHS = {"epoch_s": "make_timestamp_ms(1000 * {0})", "epoch_ms": "make_timestamp_ms({0})"}


@dataclass(frozen=True)
class Style:
    """How a source writes values.

    Attributes:
        zone: IANA name of the zone of local times.
        decimal: the decimal sign of the file, if declared.
        formats: strptime formats of the column, tried in order; `epoch_s` and `epoch_ms` count from 1970 UTC.
    """

    zone: str
    decimal: Decimal = None
    formats: tuple[str, ...] = ()


def typed(text: str, kind: Kind, style: Style) -> str:
    """The SQL expression that turns the SQL text expression `text` into the kind's type, or null."""
    if kind in ("instant", "day"):
        return _moment(text, kind, style)
    if kind == "flag":
        return flag(text)
    if kind in ("key", "text"):
        return text
    plain = number(text, style.decimal)
    if kind == "money":
        return f"try_cast({plain} as decimal(18,2))"
    if kind == "count":
        exact = f"try_cast({plain} as decimal(38,6))"
        return f"case when {exact} = trunc({exact}) then try_cast({exact} as bigint) end"
    return f"case when isfinite(try_cast({plain} as double)) then try_cast({plain} as double) end"


def number(text: str, decimal: Decimal = None) -> str:
    """The number's plain writing, or null."""
    if decimal == ",":
        plain = f"replace(replace({text}, '.', ''), ',', '.')"
        return f"case when {_is(text, WITH_COMMA)} then {plain} end"
    if decimal == ".":
        return f"case when {_is(text, PLAIN)} or {_is(text, WITH_POINT)} then replace({text}, ',', '') end"
    return (
        f"case when {_is(text, PLAIN)} then {text} when {_is(text, SURELY_POINT)} then replace({text}, ',', '') "
        f"when {_is(text, SURELY_COMMA)} then replace(replace({text}, '.', ''), ',', '.') end"
    )


def flag(text: str) -> str:
    """True, false or null."""
    low = f"lower({text})"
    return f"case when {low} in ({listed(TRUE_WORDS)}) then true when {low} in ({listed(FALSE_WORDS)}) then false end"


def local_to_utc(local: str, zone: str) -> str:
    """A naive local timestamp as a naive UTC timestamp."""
    return f"timezone('UTC', timezone({literal(zone)}, {local}))"


def utc_to_local(utc: str, zone: str) -> str:
    """A naive UTC timestamp as a naive local timestamp."""
    return f"timezone({literal(zone)}, timezone('UTC', {utc}))"


def _is(text: str, pattern: str) -> str:
    return f"regexp_full_match({text}, {literal(pattern)})"


def _moment(text: str, kind: Kind, style: Style) -> str:
    readings = [_formatted(text, form, kind, style.zone) for form in style.formats] or [_iso(text, kind, style.zone)]
    return readings[0] if len(readings) == 1 else f"coalesce({', '.join(readings)})"


def _iso(text: str, kind: Kind, zone: str) -> str:
    local = _from_local(f"try_cast({text} as timestamp)", kind, zone)
    offset = _from_offset(f"try_cast({text} as timestamptz)", kind, zone)
    return f"case when {_is(text, LOCAL_ISO)} then {local} when {_is(text, OFFSET_ISO)} then {offset} end"


def _formatted(text: str, form: str, kind: Kind, zone: str) -> str:
    if form in EPOCHS:
        counted = EPOCHS[form].format(f"try_cast({text} as bigint)")
        return _from_offset(f"timezone('UTC', {counted})", kind, zone)
    parsed = f"try_strptime({text}, {literal(form)})"
    return (_from_offset if "%z" in form or "%Z" in form else _from_local)(parsed, kind, zone)


def _from_local(local: str, kind: Kind, zone: str) -> str:
    return f"cast({local} as date)" if kind == "day" else local_to_utc(local, zone)


def _from_offset(offset: str, kind: Kind, zone: str) -> str:
    return f"cast(timezone({literal(zone)}, {offset}) as date)" if kind == "day" else f"timezone('UTC', {offset})"
