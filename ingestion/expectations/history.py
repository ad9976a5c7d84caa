"""What a raw table's own history says is usual, computed in DuckDB.

Belongs here: the rows that history is made of, and the statistics of its months. Does not belong here: how far a new
month may stray from them (`history_suite`).

A month is complete when its last day is past (`data_until`, or the day of the newest landing). Months are those of the
event time in UTC. A table's first month is left out: it may have begun in the middle.
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from ingestion.contract_fields import RawTable
from ingestion.expectations.watched import (
    HISTORY_MONTHS,
    LEAST_GAPS,
    LEAST_ROWS,
    MOST_WORDS,
    QUANTILES,
    VOLUME_MONTHS,
    WATCHED,
)
from ingestion.sql_text import name

RECENT = "recent_rows"
# Which version of a key is the newest; the same order as in staging.
NEWEST_FIRST = "known_at desc, loaded_at desc, source_file desc, source_row desc, row_hash desc"
USUAL_GAP = 0.95


@dataclass(frozen=True)
class Range:
    """Least and most of a monthly figure."""

    least: float
    most: float


@dataclass(frozen=True)
class History:
    """The usual of one table.

    Attributes:
        month: first day of the newest complete month; all else is about the months before.
        months: how many of those have enough rows to say something.
        rows_in_month: rows of the newest complete month.
        volumes: rows of each of the last months before it, empty months included.
        missing: column -> largest share of nulls in a month.
        quantiles: column -> the range of each quantile over the months.
        words: column -> its values, for columns that have few.
        newest_event: the last event of all.
        usual_gap_days: 95 of 100 gaps between two days with rows, in the last year with rows, are not longer; none
            where there are too few gaps to say.
    """

    month: date
    months: int = 0
    rows_in_month: int = 0
    volumes: tuple[int, ...] = ()
    missing: Mapping[str, Range] = field(default_factory=dict)
    quantiles: Mapping[str, tuple[Range, ...]] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    newest_event: datetime | None = None
    usual_gap_days: float | None = None


def newest_complete_month(until: date) -> date:
    """First day of the last month that is over at the end of `until`."""
    return added((until + timedelta(days=1)).replace(day=1), -1)


def added(month: date, count: int) -> date:
    """First day of the month `count` months later."""
    at = month.year * 12 + month.month - 1 + count
    return date(at // 12, at % 12 + 1, 1)


def read(con: duckdb.DuckDBPyConnection, table: RawTable, until: date) -> History:
    """The history of a table; leaves the rows it was made of in the temporary table `recent_rows`."""
    month = newest_complete_month(until)
    event = name(table.event_time)
    first, newest = con.execute(f"select min({event}), max({event}) from raw.{table.name}").fetchall()[0]
    _gather(con, table, month)
    if first is None:
        return History(month)
    start = max(added(month, -HISTORY_MONTHS), added(date(first.year, first.month, 1), 1))
    profile = _profile(con, table, start)
    earlier = [found for at, found in profile.items() if at < month and found["rows"] >= LEAST_ROWS]
    return History(
        month=month,
        months=len(earlier),
        rows_in_month=profile.get(month, {"rows": 0})["rows"],
        volumes=_volumes(profile, max(start, added(month, -VOLUME_MONTHS)), month),
        missing=_missing(table, earlier),
        quantiles=_quantiles(table, earlier),
        words=_words(con, table, start, month),
        newest_event=datetime(newest.year, newest.month, newest.day),
        usual_gap_days=_usual_gap(con, table),
    )


def compared_columns(table: RawTable) -> tuple[str, ...]:
    """Columns that may be null and whose share of nulls means something in the newest month."""
    left_out = {table.event_time, *WATCHED[table.name].fills_later}
    return tuple(column.name for column in table.columns if column.nullable and column.name not in left_out)


def _gather(con: duckdb.DuckDBPyConnection, table: RawTable, month: date) -> None:
    """The newest versions of the months that count; of columns that are not watched only whether there is a value."""
    watch, event, key = WATCHED[table.name], name(table.event_time), name(table.key)
    kept = {column: f"cast({name(column)} as double)" for column in watch.measures}
    kept |= {column: name(column) for column in watch.words}
    for column in compared_columns(table):
        kept.setdefault(column, f"case when {name(column)} is not null then true end")
    picked = "".join(f", {value} as {name(column)}" for column, value in kept.items())
    con.execute(
        f"""
        create or replace temp table {RECENT} as
        with ranked as (
            select cast(date_trunc('month', {event}) as date) as month_start, {key} as row_key{picked},
                row_number() over (partition by source, {key} order by {NEWEST_FIRST}) as recency
            from raw.{table.name}
            where {event} >= $first and {event} < $next
        )
        select * exclude (recency) from ranked where recency = 1
        """,
        {"first": added(month, -HISTORY_MONTHS), "next": added(month, 1)},
    )


def _profile(con: duckdb.DuckDBPyConnection, table: RawTable, start: date) -> dict[date, dict[str, Any]]:
    """Month -> rows, values by column, and quantiles by measure."""
    figures = {"rows": "count(*)"}
    for column in {*compared_columns(table), *WATCHED[table.name].measures}:
        figures[f"values {column}"] = f"count({name(column)})"
    for column in WATCHED[table.name].measures:
        figures[f"quantiles {column}"] = f"quantile_cont({name(column)}, {list(QUANTILES)})"
    picked = ", ".join(f"{value} as {name(figure)}" for figure, value in figures.items())
    rows = con.execute(
        f"select month_start, {picked} from {RECENT} where month_start >= $start group by month_start order by 1",
        {"start": start},
    ).fetchall()
    return {month: dict(zip(figures, values, strict=True)) for month, *values in rows}


def _volumes(profile: Mapping[date, Mapping[str, Any]], start: date, month: date) -> tuple[int, ...]:
    found, at = [], start
    while at < month:
        found.append(int(profile[at]["rows"]) if at in profile else 0)
        at = added(at, 1)
    return tuple(found)


def _missing(table: RawTable, months: list[dict[str, Any]]) -> dict[str, Range]:
    shares = {
        column: [1 - found[f"values {column}"] / found["rows"] for found in months]
        for column in compared_columns(table)
    }
    return {column: Range(min(found), max(found)) for column, found in shares.items() if found}


def _quantiles(table: RawTable, months: list[dict[str, Any]]) -> dict[str, tuple[Range, ...]]:
    ranges = {}
    for column in WATCHED[table.name].measures:
        found = [each[f"quantiles {column}"] for each in months if each[f"values {column}"] >= LEAST_ROWS]
        if found:
            ranges[column] = tuple(Range(min(values), max(values)) for values in zip(*found, strict=True))
    return ranges


def _words(con: duckdb.DuckDBPyConnection, table: RawTable, start: date, month: date) -> dict[str, tuple[str, ...]]:
    words = {}
    for column in WATCHED[table.name].words:
        rows = con.execute(
            f"select distinct {name(column)} from {RECENT} where month_start >= $start and month_start < $month "
            f"and {name(column)} is not null order by 1 limit {MOST_WORDS + 1}",
            {"start": start, "month": month},
        ).fetchall()
        if 0 < len(rows) <= MOST_WORDS:
            words[column] = tuple(value for (value,) in rows)
    return words


def _usual_gap(con: duckdb.DuckDBPyConnection, table: RawTable) -> float | None:
    event = name(table.event_time)
    rows = con.execute(f"""
        with days as (
            select distinct cast({event} as date) as happened_on from raw.{table.name}
            where {event} > (select max({event}) - interval 365 day from raw.{table.name})
        ),
        gaps as (
            select happened_on - lag(happened_on) over (order by happened_on) as gap_days from days
        )
        select quantile_cont(gap_days, {USUAL_GAP}) from gaps having count(gap_days) >= {LEAST_GAPS}
    """).fetchall()
    return float(rows[0][0]) if rows else None
