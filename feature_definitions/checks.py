"""Whether a feature table is what its view declares; the answer is a list of failures, not an exception.

Belongs here: the comparison of frames and tables with a view's schema. Does not belong here: whether a failure stops
anything (the asset check decides) or how it is shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb
import pandas as pd
from pandera.errors import SchemaErrors

from feature_definitions.base import FeatureView

EXAMPLES = 5
CHUNK_ROWS = 200_000


@dataclass(frozen=True)
class Failure:
    """One check of one column that does not hold.

    Attributes:
        column: the column, or the view's name for a fault of the whole table.
        check: what should hold, for example `greater_than_or_equal_to(0)`.
        rows: number of failing rows; 0 for a fault of the whole table.
        examples: some of the failing values as text.
    """

    column: str
    check: str
    rows: int
    examples: tuple[str, ...]


def validate(view: FeatureView, frame: pd.DataFrame) -> list[Failure]:
    """Compare a frame with the view's schema: columns, types, nulls, limits, and one row per entity and times.

    Returns:
        One record per column and check that fails, sorted; empty when the frame is what the view declares.
    """
    failures = _schema_failures(view, frame)
    keys = [view.entity, *view.times]
    if set(keys) <= set(frame.columns):
        repeated = frame[frame.duplicated(keys, keep=False)]
        if len(repeated):
            examples = tuple(repeated[keys].head(EXAMPLES).astype(str).agg(" ".join, axis=1))
            failures.append(Failure(view.name, f"unique({', '.join(keys)})", len(repeated), examples))
    return sorted(failures, key=lambda failure: (failure.column, failure.check))


def validate_table(
    con: duckdb.DuckDBPyConnection, view: FeatureView, *, sample_rows: int | None = None, where: str = "true"
) -> list[Failure]:
    """Compare a view's table in the warehouse with its schema, in chunks, so that a large table needs little memory.

    Args:
        sample_rows: check only about so many rows, drawn by a hash of the key, the same ones every time.
        where: SQL condition, for example on `as_of`, that limits the check to what a run has built.
    """
    total = int(con.execute(f"select count(*) from {view.table} where {where}").fetchall()[0][0])  # noqa: S608 - names
    wanted = total if sample_rows is None else min(total, sample_rows)
    share = max(1, round(total / wanted)) if wanted else 1
    buckets = max(1, -(-wanted // CHUNK_ROWS))
    # A bucket holds whole entities, so that a repeated key is seen within one chunk.
    bucket = f"hash({view.entity}) % {buckets * share}"
    query = f"select * from {view.table} where ({where}) and {bucket} = "  # noqa: S608 - names from the registry
    return merged(
        [failure for number in range(buckets) for failure in validate(view, con.sql(query + str(number)).df())]
    )


def merged(failures: Iterable[Failure]) -> list[Failure]:
    """Failures of several chunks as one record per column and check."""
    grouped: dict[tuple[str, str], list[Failure]] = {}
    for failure in failures:
        grouped.setdefault((failure.column, failure.check), []).append(failure)
    return [
        Failure(column, check, sum(f.rows for f in found), tuple(e for f in found for e in f.examples)[:EXAMPLES])
        for (column, check), found in sorted(grouped.items())
    ]


def _schema_failures(view: FeatureView, frame: pd.DataFrame) -> list[Failure]:
    try:
        view.schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases.fillna({"column": view.name})
        return [_failure(str(column), str(check), rows) for (column, check), rows in cases.groupby(["column", "check"])]
    return []


def _failure(column: str, check: str, cases: Any) -> Failure:  # noqa: ANN401 - a group of pandera's failure cases
    examples = tuple(cases["failure_case"].astype(str).head(EXAMPLES))
    return Failure(column, check, int(cases["index"].notna().sum()), examples)
