"""Frames that models learn from and score, read from the warehouse.

Belongs here: the SQL that joins feature views of one entity and reads the facts that labels need. Does not belong
here: labels, training, or any transformation a dbt model should make.
"""

import hashlib
from collections.abc import Sequence
from datetime import date

import duckdb
import pandas as pd

from feature_definitions import registry
from feature_definitions.base import FeatureColumn, FeatureView
from feature_definitions.point_in_time import exact_sql

# Before every event: nothing is matured, nobody is a customer.
NO_DATA = date(1900, 1, 31)
FACTS = {
    "spells": "select account_id, spell_number, started_on, ended_on from marts.fct_customer_spells order by 1, 2",
    "lifecycle": "select lead_id, created_on, customer_on from marts.fct_lead_lifecycle order by lead_id",
    "deals": (
        "select deal_id, account_id, amount, created_on, expected_close_on, closed_on, outcome "
        "from marts.fct_deals order by deal_id"
    ),
    "purchases": "select account_id, purchased_on, amount from marts.fct_purchases order by 1, 2",
    "movements": "select * from marts.fct_mrr_movements order by account_id, month_start",
    "segments": "select account_id, coalesce(industry, 'unknown') as segment from marts.dim_accounts order by 1",
    "revenue": "select * from marts.fct_monthly_revenue order by month_start, region, segment",
    "accounts": "select * from marts.dim_accounts order by account_id",
    "contracts": (
        "select account_id, started_on, billing_period = 'annual' as is_annual "
        "from intermediate.int_subscription_periods order by 1, 2, subscription_id"
    ),
    "leads": (
        "select lifecycle.lead_id, lifecycle.account_id, lifecycle.created_on, min(versions.known_on) as known_on "
        "from marts.fct_lead_lifecycle as lifecycle inner join staging.stg_raw__leads as versions using (lead_id) "
        "where lifecycle.created_on is not null group by all order by 1"
    ),
    # What a deal became is a closed version's word, and was not known before that version was.
    "deal_histories": (
        "select deals.deal_id, deals.account_id, deals.lead_id, deals.amount, deals.created_on, deals.outcome, "
        "min(versions.known_on) as known_on, "
        "max(case when versions.outcome = deals.outcome then versions.counted_closed_on end) as closed_on, "
        "min(case when versions.outcome = deals.outcome then versions.known_on end) as closed_known_on "
        "from marts.fct_deals as deals inner join intermediate.int_deal_versions as versions using (deal_id) "
        "where deals.created_on is not null group by all order by 1"
    ),
    "open_deals": (
        "select deal_id, as_of, stage, age_days, amount from marts.fct_open_deals_monthly order by as_of, deal_id"
    ),
}


def read(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    """The result of a query as a frame; decimals become floats, days and instants time stamps of one resolution."""
    frame: pd.DataFrame = connection.sql(query).df()
    stamps = frame.select_dtypes("datetime").columns
    return frame.astype(dict.fromkeys(stamps, "datetime64[ns]"))


def facts(connection: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """One of the marts that labels and the models of money read; money arrives as float."""
    return read(connection, FACTS[name])


def of_model(
    connection: duckdb.DuckDBPyConnection,
    model: str,
    as_of: date | None = None,
    between: tuple[date, date] | None = None,
) -> pd.DataFrame:
    """The features that a model may use, and no other: what it may not see is not even read; see `features`."""
    columns = registry.columns_for(model)
    return features(connection, registry.views_for(model), as_of, between=between, columns=columns)


def features(
    connection: duckdb.DuckDBPyConnection,
    views: Sequence[FeatureView],
    as_of: date | None = None,
    *,
    between: tuple[date, date] | None = None,
    columns: Sequence[FeatureColumn] | None = None,
) -> pd.DataFrame:
    """The features of several views of one entity, one row per entity and `as_of`.

    Args:
        as_of: only this month end; without it, the whole history.
        between: only rows of these days and those between them.
        columns: only these features; without them, all.

    Returns:
        entity, as_of and every feature, sorted by (as_of, entity).
    """
    first, last = between or (as_of, as_of)
    where = f"base.as_of between date '{first}' and date '{last}'" if first else "true"
    return read(connection, exact_sql(views, where, columns))


def data_until(connection: duckdb.DuckDBPyConnection) -> date:
    """The last day the data cover; `NO_DATA` for a company without a single dated row."""
    return _observed(connection, "data_until")


def last_as_of(connection: duckdb.DuckDBPyConnection) -> date:
    """The last month end the data cover; `NO_DATA` for a company without a single dated row."""
    return _observed(connection, "last_as_of")


def _observed(connection: duckdb.DuckDBPyConnection, column: str) -> date:
    rows = connection.execute(f"select {column} from intermediate.int_observation_window").fetchall()  # noqa: S608
    found: date | None = rows[0][0] if rows else None
    return found or NO_DATA


def snapshot_id(connection: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> str:
    """Names the state of the raw tables: the same rows and versions give the same id (16 hex digits)."""
    counts = [
        connection.execute(f'select count(*), max(loaded_at) from raw."{table}"').fetchall()[0]  # noqa: S608
        for table in sorted(tables)
    ]
    return hashlib.sha256(repr(counts).encode()).hexdigest()[:16]
