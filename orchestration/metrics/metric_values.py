"""The tables `metrics.metric_definitions` and `metrics.metric_values`, written anew whenever the warehouse is built.

Belongs here: storing definitions and values. Does not belong here: their meaning
(`orchestration.metrics.metric_layer`).
"""

from dataclasses import asdict
from datetime import date

import duckdb
import pandas as pd

from orchestration.metrics.metric_layer import MetricLayer

DEFINITIONS = (
    "create or replace table metrics.metric_definitions as select name as metric, label, description, formula, grain, "
    "cast(dimensions as varchar[]) as dimensions, unit, owner, caveat, cast(version as integer) as version, "
    "fingerprint from new_definitions order by 1"
)
VALUES = (
    "create or replace table metrics.metric_values as select new_values.metric, "
    "cast(new_values.month_start as date) as month_start, new_values.dimension, new_values.dimension_value, "
    "new_values.value, definitions.version, coalesce(months.is_complete, true) as is_complete "
    "from new_values inner join metrics.metric_definitions as definitions on new_values.metric = definitions.metric "
    "left join intermediate.int_month_spine as months on new_values.month_start = months.month_start "
    "order by 1, 2, 3, 4"
)

NEWEST = """
    with company as (
        select * from {0}metric_values where dimension = 'all' and is_complete
    ),
    ranked as (
        select *, row_number() over (partition by metric order by month_start desc) as newest_rank from company
    )
    select ranked.metric, ranked.month_start, ranked.value, before.value
    from ranked
    left join company as before
        on ranked.metric = before.metric and before.month_start + interval 12 month = ranked.month_start
    where newest_rank = 1
    order by ranked.metric
"""
Newest = tuple[date, float, float | None]


def newest(connection: duckdb.DuckDBPyConnection, schema: str = "metrics") -> dict[str, Newest]:
    """Metric to its newest complete month, the company's value in it and the value a year before.

    Args:
        schema: empty for a published snapshot, where tables have no schema.
    """
    rows = connection.execute(NEWEST.format(f"{schema}." if schema else "")).fetchall()
    return {metric: (month, value, before) for metric, month, value, before in rows}


def write(connection: duckdb.DuckDBPyConnection, layer: MetricLayer) -> int:
    """Replace both tables in one transaction; returns the number of values."""
    definitions = pd.DataFrame([asdict(one) | {"dimensions": one.by + one.dimensions} for one in layer.definitions])
    values = pd.concat(
        [layer.values(connection, one).assign(metric=one.name) for one in layer.definitions], ignore_index=True
    )
    connection.register("new_definitions", definitions)
    connection.register("new_values", values)
    connection.execute("begin")
    try:
        connection.execute("create schema if not exists metrics")
        connection.execute(DEFINITIONS)
        connection.execute(VALUES)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.unregister("new_definitions")
        connection.unregister("new_values")
    return len(values)
