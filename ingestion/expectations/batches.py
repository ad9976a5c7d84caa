"""The rows that expectations look at, as data frames: few enough for memory, chosen so that no fault is missed.

Belongs here: which rows of a table become a batch. Does not belong here: what is expected of them.
"""

# ruff: noqa: S608 - names are quoted by sql_text and come from the contract
import duckdb
import pandas as pd

from ingestion.contract_fields import RawTable
from ingestion.contract_sql import value_faults
from ingestion.expectations.history import RECENT, History
from ingestion.sql_text import name

# A larger batch costs time and finds nothing more: rows that break a rule are in it wherever they are.
MOST_ROWS = 10_000
MOST_FAULTS = 1_000


def landed(con: duckdb.DuckDBPyConnection, table: RawTable) -> pd.DataFrame:
    """The newest version of the rows loaded last, and every row anywhere that breaks a rule of the contract."""
    key = name(table.key)
    return con.execute(f"""
        with last_loaded as (
            select distinct source, {key} from (
                select source, {key} from raw.{table.name}
                order by loaded_at desc, source_file desc, source_row desc limit {MOST_ROWS}
            )
        ),
        ranked as (
            select r.*,
                rank() over (partition by r.source, r.{key} order by r.known_at desc, r.loaded_at desc) as recency
            from raw.{table.name} as r
            semi join last_loaded as l on l.source = r.source and l.{key} = r.{key}
        ),
        faulty as (
            select * from raw.{table.name} where {_broken(table)} limit {MOST_FAULTS}
        )
        select * exclude (recency) from ranked where recency = 1 and not ({_broken(table)})
        union all
        select * from faulty
    """).df()


def newest_month(con: duckdb.DuckDBPyConnection, history: History) -> pd.DataFrame:
    """Rows of the newest complete month with the columns that are compared; beyond a limit those of some keys."""
    return con.execute(
        f"select * exclude (month_start, row_key) from {RECENT} where month_start = $month "
        f"order by md5(row_key) limit {MOST_ROWS}",
        {"month": history.month},
    ).df()


def delivery(history: History) -> pd.DataFrame:
    """One row that says how much came and how recently."""
    newest = pd.Series([history.newest_event], dtype="datetime64[us]")
    return pd.DataFrame({"rows_in_month": [history.rows_in_month], "newest_event": newest})


def _broken(table: RawTable) -> str:
    """Whether a row breaks a rule; the same translation of the contract that landing uses."""
    rules = []
    for column in table.columns:
        value = name(column.name)
        if not column.nullable:
            rules.append(f"{value} is null")
        rules += [f"coalesce({condition}, false)" for condition, _ in value_faults(table, column.name, value)]
    return " or ".join(rules)
