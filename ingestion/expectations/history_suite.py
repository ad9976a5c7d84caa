"""What the newest month should look like, judged by the months before: warnings for a person, never a reason to stop.

Belongs here: the expectations of volume, silence, nulls, distribution and words, with the limits that history sets.
Does not belong here: the statistics (`history`). Where history says too little, a note says so instead.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import TYPE_CHECKING

from companies.reporting import Quality
from ingestion.contract_fields import RawTable
from ingestion.expectations.history import History, Range
from ingestion.expectations.outcomes import number
from ingestion.expectations.watched import (
    LEAST_GAPS,
    LEAST_MONTHS,
    LEAST_ROWS,
    MISSING_SLACK,
    QUANTILE_SLACK,
    QUANTILES,
    VOLUME_FACTOR,
    WATCHED,
)

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation


@dataclass(frozen=True)
class Expected:
    """What history lets one expect.

    Attributes:
        delivery: about how much came and how recently (one row, `batches.delivery`).
        month: about the rows of the newest complete month (`batches.newest_month`).
        notes: what cannot be expected, and why.
    """

    delivery: "tuple[Expectation, ...]"
    month: "tuple[Expectation, ...]"
    notes: tuple[str, ...]


def expected(table: RawTable, history: History, until: date, quality: Quality) -> Expected:
    """Expectations of the newest complete month of one table.

    Args:
        until: the last day the source covers.
        quality: after how long a silence a source counts as stale; the same limits as in the quality findings.
    """
    notes: list[str] = []
    delivery = [*_volume(history, notes), *_recency(table, history, until, quality, notes)]
    if history.months < LEAST_MONTHS:
        notes.append(
            f"Values are not compared: not enough history, {history.months} of {LEAST_MONTHS} complete months "
            f"with {LEAST_ROWS} rows or more before {history.month:%Y-%m}."
        )
        return Expected(tuple(delivery), (), tuple(notes))
    if history.rows_in_month < LEAST_ROWS:
        notes.append(f"Values are not compared: {history.month:%Y-%m} has {history.rows_in_month} rows.")
        return Expected(tuple(delivery), (), tuple(notes))
    month = [*_missing(history), *_quantiles(table, history), *_words(history)]
    return Expected(tuple(delivery), tuple(month), tuple(notes))


def volume_limits(volumes: tuple[int, ...]) -> tuple[int, int]:
    """Least and most rows that are still usual after months of so many rows."""
    return math.ceil(min(volumes) / VOLUME_FACTOR), math.floor(max(volumes) * VOLUME_FACTOR)


def quantile_limits(ranges: tuple[Range, ...], at: int, *, whole: bool) -> tuple[float, float]:
    """How far one quantile may stray: by the width of its range, by half its size, by a little of the upper decile.

    Args:
        whole: the column holds whole numbers, whose quantiles move in steps of one.

    Below zero only a column may go that has been there before.
    """
    found, upper = ranges[at], ranges[-1]
    size = max(abs(found.least), abs(found.most))
    slack = max(found.most - found.least, QUANTILE_SLACK * size, 0.05 * abs(upper.most), 1.0 if whole else 0.0)
    least = found.least - slack
    return (max(least, 0.0) if ranges[0].least >= 0 else least), found.most + slack


def _volume(history: History, notes: list[str]) -> "Iterator[Expectation]":
    from great_expectations import expectations

    volumes = history.volumes
    if len(volumes) < LEAST_MONTHS:
        notes.append(f"Volume is not compared: not enough history, {len(volumes)} of {LEAST_MONTHS} complete months.")
    elif median(volumes) < LEAST_ROWS:
        notes.append(f"Volume is not compared: a usual month has fewer than {LEAST_ROWS} rows.")
    else:
        least, most = volume_limits(volumes)
        made: Expectation = expectations.ExpectColumnValuesToBeBetween(
            column="rows_in_month",
            min_value=least,
            max_value=most,
            severity="warning",
            description=f"{history.month:%Y-%m} has {least:,} to {most:,} rows; "
            f"the {len(volumes)} months before had {min(volumes):,} to {max(volumes):,}.",
            meta={"subject": "rows", "observed": f"{history.rows_in_month:,} rows"},
        )
        yield made


def _recency(
    table: RawTable, history: History, until: date, quality: Quality, notes: list[str]
) -> "Iterator[Expectation]":
    from great_expectations import expectations

    if not WATCHED[table.name].has_rhythm:
        return
    if history.newest_event is None or history.usual_gap_days is None:
        notes.append(f"Silence is not judged: not enough history, fewer than {LEAST_GAPS} gaps between days with rows.")
        return
    silence = max(quality.stale_source_factor * history.usual_gap_days, quality.stale_source_min_days)
    due = until - timedelta(days=math.floor(silence))
    made: Expectation = expectations.ExpectColumnValuesToBeBetween(
        column="newest_event",
        min_value=datetime.combine(due, time()),
        severity="warning",
        description=f"The newest row is of {due} or later: 95 % of gaps between days with rows are at most "
        f"{history.usual_gap_days:g} days, and the source covers days up to {until}.",
        meta={"subject": table.event_time, "observed": f"{history.newest_event:%Y-%m-%d}"},
    )
    yield made


def _missing(history: History) -> "Iterator[Expectation]":
    from great_expectations import expectations

    for column, shares in history.missing.items():
        most = shares.most + MISSING_SLACK
        if most >= 1:
            continue
        made: Expectation = expectations.ExpectColumnProportionOfNonNullValuesToBeBetween(
            column=column,
            min_value=1 - most,
            severity="warning",
            description=f"{column} is there in at least {1 - most:.1%} of rows; "
            f"the months before had {_between(1 - shares.most, 1 - shares.least)}.",
        )
        yield made


def _between(least: float, most: float) -> str:
    return f"{least:.1%}" if f"{least:.1%}" == f"{most:.1%}" else f"{least:.1%} to {most:.1%}"


def _quantiles(table: RawTable, history: History) -> "Iterator[Expectation]":
    from great_expectations import expectations

    kinds = {column.name: column.kind for column in table.columns}
    for column, ranges in history.quantiles.items():
        limits = [quantile_limits(ranges, at, whole=kinds[column] == "count") for at in range(len(QUANTILES))]
        words = ", ".join(
            f"{_named(quantile)} {number(least)} to {number(most)} (was {number(was.least)} to {number(was.most)})"
            for quantile, (least, most), was in zip(QUANTILES, limits, ranges, strict=True)
        )
        made: Expectation = expectations.ExpectColumnQuantileValuesToBeBetween(
            column=column,
            quantile_ranges={"quantiles": list(QUANTILES), "value_ranges": [list(pair) for pair in limits]},
            severity="warning",
            description=f"{column} is distributed as before: {words}.",
        )
        yield made


def _named(quantile: float) -> str:
    return {0.1: "lower decile", 0.5: "median", 0.9: "upper decile"}[quantile]


def _words(history: History) -> "Iterator[Expectation]":
    from great_expectations import expectations

    for column, words in history.words.items():
        made: Expectation = expectations.ExpectColumnValuesToBeInSet(
            column=column,
            value_set=list(words),
            severity="info",
            description=f"{column} holds no value that the months before did not have ({len(words)} known).",
        )
        yield made
