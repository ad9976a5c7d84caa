"""A table mapping as one SQL query: source rows in, typed rows with the reasons against them out.

Belongs here: the meaning of the grammar in `companies.mapping` (origins, value maps, filters, events, look-ups) and
the reasons a row is refused for by itself. Does not belong here: reading files, comparing rows with one another or
with what is in the warehouse (`ingestion.versions`).

The query has three steps, each a CTE: `texts` makes one text per raw column, `typed` the typed values beside them,
and the last one the reasons.
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract or a validated settings file
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from companies.mapping import ColumnRule, Condition, Event, Lookup, SourceFile, TableMapping
from ingestion.contract_fields import RawColumn, RawTable
from ingestion.reasons_sql import reasons_query
from ingestion.sql_text import literal, name
from ingestion.values_sql import Style, flag, local_to_utc, number, typed, utc_to_local

SEPARATOR = "chr(31)"
ABSENT = "chr(30)"


@dataclass(frozen=True)
class Plan:
    """Everything that one mapping's query depends on.

    Attributes:
        position: the mapping's place in the settings.
        source_rows: temporary table of the file's text rows.
        lookups: temporary table (key, value) of each look-up.
        zone: the company's time zone.
        now: the landing, naive UTC.
    """

    mapping: TableMapping
    table: RawTable
    file: SourceFile
    position: int
    source_rows: str
    lookups: Mapping[Lookup, str]
    zone: str
    now: datetime


def staged_columns(table: RawTable) -> dict[str, str]:
    """Names and types of the columns of a staged row, in order."""
    head = {"mapping_no": "INTEGER", "file_no": "INTEGER", "source_file": "VARCHAR", "source_row": "BIGINT"}
    tail = {
        "given_known_at": "TIMESTAMP",
        "event_clock": "TIMESTAMP",
        "row_hash": "VARCHAR",
        "reasons": "VARCHAR[]",
        "row": "VARCHAR",
    }
    return head | {column.name: column.duckdb_type for column in table.columns} | tail


def staging_query(plan: Plan) -> str:
    """The rows of one mapping with the columns of `staged_columns`, in file order."""
    texts = " union all ".join(_texts(plan, number, event) for number, event in enumerate(_events(plan.mapping)))
    first = _first_per_key(plan.table) if plan.mapping.first_per_key else ""
    reasons = reasons_query(plan.table, plan.now, has_known_at=plan.mapping.known_at is not None)
    return f"with texts as ({texts}), typed as ({_typed(plan)}), reasoned as ({reasons}) {_final(plan)}{first}"


def lookup_query(lookup: Lookup, source_rows: str) -> str:
    """The (key, value) pairs of a look-up; the first row of a key counts."""
    key, value = name(lookup.key), name(lookup.value)
    ordered = f"first({value} order by file_no, source_row)"
    return f"select {key} as key, {ordered} as value from {source_rows} where {key} is not null group by {key}"


def wanted_columns(mapping: TableMapping) -> set[str]:
    """The columns of its own file that a mapping reads."""
    wanted = {condition.column for condition in mapping.conditions}
    for rule in mapping.rules:
        wanted.update(rule.hash or (), rule.concat or ())
        single = (rule.column, rule.plus_minutes, rule.lookup.by if rule.lookup else None)
        wanted.update(column for column in single if column)
    return wanted


def _events(mapping: TableMapping) -> tuple[Event, ...]:
    return mapping.events or (Event(columns={}),)


def _texts(plan: Plan, number_of_event: int, event: Event) -> str:
    rules = {**plan.mapping.columns, **event.columns}
    picked = [
        f"{_text(plan, rules.get(column.name), number_of_event)} as {name('text ' + column.name)}"
        for column in plan.table.columns
    ]
    known_at = _text(plan, plan.mapping.known_at, number_of_event)
    joined = _joins(plan, [rule for rule in (*rules.values(), plan.mapping.known_at) if rule])
    conditions = [_condition(plan, condition) for condition in (*plan.mapping.where, *event.where)]
    return (
        f"select s.file_no, s.source_file, s.source_row, {', '.join(picked)}, {known_at} as {name('text known_at')} "
        f"from {plan.source_rows} as s{joined} where {' and '.join(conditions) or 'true'}"
    )


def _joins(plan: Plan, rules: list[ColumnRule]) -> str:
    used = dict.fromkeys(rule.lookup for rule in rules if rule.lookup)
    return "".join(
        f" left join {plan.lookups[lookup]} on {plan.lookups[lookup]}.key = s.{name(lookup.by)}" for lookup in used
    )


def _text(plan: Plan, rule: ColumnRule | None, number_of_event: int) -> str:
    if rule is None:
        return "cast(null as varchar)"
    text = _mapped(plan, _origin(plan, rule, number_of_event), rule)
    if rule.plus_minutes is not None:
        return _delayed(plan, text, rule)
    if rule.default is not None:
        text = f"coalesce({text}, {_constant(plan, rule.default)})"
    if rule.prefix is not None:
        text = f"{literal(rule.prefix)} || {text}"
    if rule.anonymize:
        text = f"sha256(lower({text}))"
    return _scaled(text, rule, plan)


def _origin(plan: Plan, rule: ColumnRule, number_of_event: int) -> str:
    if rule.column is not None:
        return f"s.{name(rule.column)}"
    if rule.lookup is not None:
        return f"{plan.lookups[rule.lookup]}.value"
    if rule.concat is not None:
        return f"nullif(concat_ws('-', {_columns(rule.concat)}), '')"
    if rule.hash is not None:
        return _generated_key(plan, rule.hash, number_of_event)
    return _constant(plan, rule.value)


def _columns(names: tuple[str, ...]) -> str:
    return ", ".join(f"s.{name(column)}" for column in names)


def _generated_key(plan: Plan, columns: tuple[str, ...], number_of_event: int) -> str:
    """The md5 of the columns, with the occurrence for the second and later equal rows of a file."""
    parts = ", ".join(f"coalesce(s.{name(column)}, {ABSENT})" for column in columns)
    salt = literal(f"{plan.mapping.file}:{number_of_event}")
    digest = f"md5(concat_ws({SEPARATOR}, {salt}, {parts}))"
    occurrence = f"row_number() over (partition by s.file_no, {digest} order by s.source_row)"
    return f"{digest} || case when {occurrence} > 1 then '-' || {occurrence} else '' end"


def _mapped(plan: Plan, text: str, rule: ColumnRule) -> str:
    if rule.map is None:
        return text
    cases = " ".join(
        f"when {literal(given.strip().lower())} then {_constant(plan, raw)}" for given, raw in rule.map.items()
    )
    otherwise = "null" if rule.map_only else text
    return f"case lower({text}) {cases} else {otherwise} end" if cases else otherwise


def _delayed(plan: Plan, text: str, rule: ColumnRule) -> str:
    """An instant some minutes later, as text with its offset; what cannot be read stays as it is, to be refused."""
    minutes = f"s.{name(str(rule.plus_minutes))}"
    start = typed(text, "instant", _style(plan, rule))
    span = f"to_seconds(60 * try_cast({number(minutes, plan.file.decimal)} as double))"
    refused = f"case when {minutes} is not null then concat_ws(' + ', {text}, {minutes}) end"
    return f"case when {text} is not null then coalesce(cast({start} + {span} as varchar) || 'Z', {refused}) end"


def _scaled(text: str, rule: ColumnRule, plan: Plan) -> str:
    if rule.multiply is None and rule.divide is None:
        return text
    plain = number(text, plan.file.decimal)
    scaled = f"try_cast({plain} as double) * {rule.multiply or 1.0} / {rule.divide or 1.0}"
    written = f"cast({scaled} as varchar)"
    if plan.file.decimal == ",":
        written = f"replace(format('{{:.10f}}', {scaled}), '.', ',')"
    return f"coalesce({written}, {text})"


def _constant(plan: Plan, value: object) -> str:
    """A constant of the settings, a fraction in the writing of the file so that it is read as it is meant."""
    if isinstance(value, float) and plan.file.decimal == ",":
        return literal(str(value).replace(".", ","))
    return literal(value)


def _condition(plan: Plan, condition: Condition) -> str:
    column = f"s.{name(condition.column)}"
    if condition.is_null is not None:
        return f"{column} is null" if condition.is_null else f"{column} is not null"
    if condition.at_least is not None or condition.at_most is not None:
        value = f"try_cast({number(column, plan.file.decimal)} as double)"
        return (
            f"{value} >= {condition.at_least}" if condition.at_least is not None else f"{value} <= {condition.at_most}"
        )
    if condition.equals is not None or condition.one_of is not None:
        allowed = condition.one_of or (condition.equals,)
        return "(" + " or ".join(_equal(column, value, plan) for value in allowed) + ")"
    refused = condition.none_of or (condition.not_equals,)
    return f"({column} is not null and not coalesce({' or '.join(_equal(column, v, plan) for v in refused)}, false))"


def _equal(column: str, value: object, plan: Plan) -> str:
    if isinstance(value, bool):
        return f"({flag(column)}) = {literal(value)}::boolean"
    if isinstance(value, int | float):
        return f"try_cast({number(column, plan.file.decimal)} as double) = {value}"
    return f"lower({column}) = {literal(str(value).strip().lower())}"


def _typed(plan: Plan) -> str:
    rules = _all_rules(plan.mapping)
    values = [
        f"{typed(name('text ' + c.name), c.kind, _written(plan, rules.get(c.name)))} as {name(c.name)}"
        for c in plan.table.columns
    ]
    known_at = typed(name("text known_at"), "instant", _style(plan, plan.mapping.known_at))
    return f"select *, {', '.join(values)}, {known_at} as given_known_at from texts"


def _all_rules(mapping: TableMapping) -> dict[str, ColumnRule]:
    """One rule per column for the style of its dates; where events differ, their formats are tried in order."""
    rules = dict(mapping.columns)
    for event in mapping.events:
        for column, rule in event.columns.items():
            known = rules.get(column)
            formats = tuple(dict.fromkeys((*(known.formats if known else ()), *rule.formats)))
            rules[column] = rule.model_copy(update={"format": formats or None})
    return rules


def _style(plan: Plan, rule: ColumnRule | None) -> Style:
    return Style(plan.zone, plan.file.decimal, rule.formats if rule else ())


def _written(plan: Plan, rule: ColumnRule | None) -> Style:
    """How the text of a column is written: as the source writes it, or ISO where a rule has computed it."""
    return Style(plan.zone, plan.file.decimal) if rule and rule.plus_minutes else _style(plan, rule)


def _final(plan: Plan) -> str:
    columns = [column.name for column in plan.table.columns]
    content = ", ".join(_content(column) for column in plan.table.columns)
    texts = ", ".join(f"{literal(column)}, {name('text ' + column)}" for column in columns)
    return (
        f"select {plan.position} as mapping_no, file_no, source_file, source_row, {', '.join(map(name, columns))}, "
        f"given_known_at, {_event_clock(plan)} as event_clock, md5(concat_ws({SEPARATOR}, {content})) as row_hash, "
        f"reasons, case when len(reasons) > 0 then cast(json_object({texts}) as varchar) end as row from reasoned"
    )


def _content(column: RawColumn) -> str:
    """The column's part of a row's content; none at all, which `concat_ws` skips, for a null that came later."""
    value = f"cast({name(column.name)} as varchar)"
    return f"{literal(column.name)} || {value}" if column.added_later else f"coalesce({value}, {ABSENT})"


def _event_clock(plan: Plan) -> str:
    """UTC time of the event plus the source's delay; the delay is added in local time, to keep local midnights."""
    column = next(c for c in plan.table.columns if c.name == plan.table.event_time)
    value, delay = name(column.name), plan.mapping.delay_days
    if column.kind == "instant" and not delay:
        return value
    local = f"cast({value} as timestamp)" if column.kind == "day" else utc_to_local(value, plan.zone)
    return local_to_utc(f"{local} + interval {delay} days", plan.zone)


def _first_per_key(table: RawTable) -> str:
    order = f"{name(table.event_time)} nulls last, file_no, source_row"
    rank = f"row_number() over (partition by {name(table.key)}, len(reasons) > 0 order by {order})"
    return f" qualify len(reasons) > 0 or {rank} = 1"
