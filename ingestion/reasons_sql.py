"""Why a staged row is refused, in words, as SQL.

Belongs here: reasons that a row gives by itself (a value not of its kind, the contract's checks, an event in the
future). Does not belong here: reasons that need another row (`ingestion.versions`).
"""
# ruff: noqa: S608 - names are quoted by sql_text and come from the contract

from datetime import datetime, timedelta

from ingestion.contract_fields import RawColumn, RawTable
from ingestion.contract_sql import value_faults
from ingestion.sql_text import literal, name

LONGEST_QUOTE = 60


def reasons_query(table: RawTable, now: datetime, *, has_known_at: bool) -> str:
    """The rows of CTE `typed` with the list of reasons against each, empty for a row to accept.

    Args:
        now: the landing; an event more than a day later is refused.
        has_known_at: the source gives its own clock, which is checked as well.
    """
    cases = [case for column in table.columns for case in _column_cases(table, column)]
    cases += _clock_cases(table, now, has_known_at=has_known_at)
    rows = ", ".join(cases)
    return f"select *, list_filter([{rows}], lambda reason: reason is not null) as reasons from typed"


def _column_cases(table: RawTable, column: RawColumn) -> list[str]:
    text, value = name("text " + column.name), name(column.name)
    cases = [_case(f"{text} is not null and {value} is null", column.name, f" is not a {column.duckdb_type}", text)]
    if not column.nullable:
        cases.append(_case(f"{text} is null", column.name, "is missing"))
    faults = value_faults(table, column.name, value)
    return cases + [_case(condition, column.name, f" {words}", text) for condition, words in faults]


def _clock_cases(table: RawTable, now: datetime, *, has_known_at: bool) -> list[str]:
    latest = f"timestamp {literal(now + timedelta(days=1))}"
    event, text = table.event_time, name("text known_at")
    cases = [_case(f"{name(event)} > {latest}", event, " is in the future", name("text " + event))]
    if has_known_at:
        unread = f"{text} is not null and given_known_at is null"
        cases.append(_case(unread, "known_at", " is not a TIMESTAMP", text))
        cases.append(_case(f"given_known_at > {latest}", "known_at", " is in the future", text))
    return cases


def _case(condition: str, column: str, words: str, text: str | None = None) -> str:
    quoted = (
        f"'''' || left({text}, {LONGEST_QUOTE}) || '''{words.replace(chr(39), chr(39) * 2)}'"
        if text
        else literal(words)
    )
    return f"case when {condition} then 'row ' || source_row || ', column {column}: ' || {quoted} end"
