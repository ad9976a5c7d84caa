"""How the feature tables of a company are: how fresh, how complete, how far from the year before.

Belongs here: reading these figures from the warehouse. Does not belong here: how they are shown
(`orchestration.reports.features_report`), and whether drift stops anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from feature_definitions.base import FeatureColumn, FeatureView
from ml.drift import Shift, shift
from orchestration.learning import frames

# Whole entities are drawn until about so many rows are read, so that a table of any size fits in memory.
MOST_ROWS = 200_000
UNKNOWN = "unknown"


@dataclass(frozen=True)
class ColumnFigures:
    """One feature in the newest month against the twelve months before.

    Attributes:
        missing, missing_before: share of rows without a value (null, or the category `unknown`); None without rows.
        shift: how far the month is from the year before; None if either has no rows.
    """

    column: FeatureColumn
    missing: float | None
    missing_before: float | None
    shift: Shift | None


@dataclass(frozen=True)
class ViewFigures:
    """A view's table.

    Attributes:
        rows, entities: of the whole table.
        newest: day of the newest row; None for an empty table.
        lag_days: days from then to the last day the data cover.
        sampled: share of the entities behind the columns' figures.
    """

    view: FeatureView
    rows: int
    entities: int
    newest: date | None
    lag_days: int | None
    sampled: float
    columns: tuple[ColumnFigures, ...]

    @property
    def is_stale(self) -> bool:
        """Whether no row may be used any more on the last day the data cover."""
        return self.lag_days is not None and self.lag_days > self.view.max_age.days


def view_figures(connection: duckdb.DuckDBPyConnection, view: FeatureView, most_rows: int = MOST_ROWS) -> ViewFigures:
    """Figures of one view; an empty table has columns without figures."""
    rows, entities, newest = connection.execute(
        f"select count(*), count(distinct {view.entity}), max(as_of) from {view.table}"  # noqa: S608 - names from the registry
    ).fetchall()[0]
    if newest is None:
        empty = tuple(ColumnFigures(column, None, None, None) for column in view.columns)
        return ViewFigures(view, 0, 0, None, None, 1.0, empty)
    year_rows = int(_year(connection, view, newest, "count(*)", 1).to_numpy()[0, 0])
    parts = max(1, -(-year_rows // most_rows))
    found = _year(connection, view, newest, "*", parts)
    lag = (frames.data_until(connection) - newest).days
    return ViewFigures(view, rows, entities, newest, lag, 1 / parts, _column_figures(view, found, newest))


def _year(
    connection: duckdb.DuckDBPyConnection, view: FeatureView, newest: date, selected: str, parts: int
) -> pd.DataFrame:
    """The newest month and the twelve before, of one in `parts` entities, the same ones every time."""
    first = f"date_trunc('month', date '{newest.isoformat()}') - interval 12 month"
    return frames.read(
        connection,
        f"select {selected} from {view.table} where as_of >= {first} and hash({view.entity}) % {parts} = 0",  # noqa: S608 - as above
    )


def _column_figures(view: FeatureView, found: pd.DataFrame, newest: date) -> tuple[ColumnFigures, ...]:
    is_current = pd.to_datetime(found["as_of"]) >= pd.Timestamp(newest.replace(day=1))
    before, current = found[~is_current], found[is_current]
    # A year holds an entity up to twelve times, with much the same values.
    independent = before[view.entity].nunique(), current[view.entity].nunique()
    return tuple(_figures(column, before, current, independent) for column in view.columns)


def _figures(
    column: FeatureColumn, before: pd.DataFrame, current: pd.DataFrame, independent: tuple[int, int]
) -> ColumnFigures:
    known = [_known(part[column.name], column) for part in (before, current)]
    missing_before, missing = (float(values.isna().mean()) if len(values) else None for values in known)
    moved = shift(column.name, known[0], known[1], independent) if all(independent) else None
    return ColumnFigures(column, missing, missing_before, moved)


def _known(values: "pd.Series[Any]", column: FeatureColumn) -> "pd.Series[Any]":
    """The values; a category that the source does not say is missing."""
    return values.mask(values.eq(UNKNOWN)) if column.kind == "categorical" else values


def figures_of(connection: duckdb.DuckDBPyConnection, views: Sequence[FeatureView]) -> list[ViewFigures]:
    """Figures of the views whose tables are built."""
    built = {
        f"features.{name}"
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'features'"
        ).fetchall()
    }
    return [view_figures(connection, view) for view in views if view.table in built]
