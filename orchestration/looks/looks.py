"""What a person sees of a table on its page: a small table and a figure of what it says now.

Belongs here: which rows are shown of which table, as metadata of a materialization. Does not belong here: how a figure
is drawn (`ml.plots_of_tables`), how a model's training is shown (`orchestration.looks.figures`).
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

import dagster as dg
import duckdb
import pandas as pd

from orchestration import markdown
from orchestration.learning import frames
from orchestration.looks.figures import image

MONTHS: Final = 12
ROWS: Final = 15
REASONS: Final = 3
# The same in every row, or no use without the others.
HIDDEN: Final = ("as_of", "break_even", "act_from", "close_months")

Look = dict[str, dg.MetadataValue]

# The longest window, and only cohorts that have had all of it: a young cohort would look like a bad one.
FUNNEL: Final = """
    with judged as (
        select * from marts.fct_lead_funnel
        where is_mature and window_days = (select max(window_days) from marts.fct_lead_funnel)
    )
    select from_stage, to_stage, window_days as within_days, sum(entered_count)::bigint as entered,
        sum(reached_count)::bigint as reached, sum(reached_count) / nullif(sum(entered_count), 0) as conversion
    from judged
    where cohort_month > (select max(cohort_month) from judged) - interval 12 month
    group by all order by entered desc, reached desc
"""
MOVEMENTS: Final = """
    select month_start as month, sum(opening_mrr) as opening, sum(new_mrr) as new, sum(expansion_mrr) as expansion,
        sum(reactivation_mrr) as reactivation, sum(contraction_mrr) as contraction, sum(churn_mrr) as churn,
        sum(closing_mrr) as closing
    from marts.fct_mrr_movements
    where is_complete
    group by month_start order by month_start desc limit 12
"""
DRIFT: Final = """
    select concat(model, ': ', name) as name, psi, psi_limit, ks, ks_noise, reference_missing, current_missing
    from monitoring.drift where as_of = ? order by psi / nullif(psi_limit, 0) desc nulls last
"""
PIPELINE: Final = """
    select current_stage as stage, forecast_category, count(*) as deals, sum(amount) as amount,
        avg(age_days) as mean_age_days
    from marts.fct_deals where is_open group by all order by amount desc
"""


def of_table(table: str, connection: duckdb.DuckDBPyConnection) -> Look:
    """What is shown of a table of the warehouse by its `schema.table` name; nothing for most."""
    look = LOOKS.get(table)
    return look(connection) if look else {}


def _funnel(connection: duckdb.DuckDBPyConnection) -> Look:
    from ml import plots_of_tables

    rows = frames.read(connection, FUNNEL)
    return _shown("last_12_cohorts", rows, lambda: plots_of_tables.funnel(rows))


def _movements(connection: duckdb.DuckDBPyConnection) -> Look:
    from ml import plots_of_tables

    rows = frames.read(connection, MOVEMENTS).iloc[::-1].reset_index(drop=True)
    return _shown("last_12_months", rows, lambda: plots_of_tables.movements(rows))


def _open_deals(connection: duckdb.DuckDBPyConnection) -> Look:
    return _shown("open_by_stage", frames.read(connection, PIPELINE))


def drift(connection: duckdb.DuckDBPyConnection, as_of: date) -> Look:
    """The inputs and scores of a month that moved most."""
    from ml import plots_of_tables

    rows = connection.execute(DRIFT, [as_of]).df()
    return _shown("most_shifted", rows.head(ROWS), lambda: plots_of_tables.drift(rows))


def _shown(name: str, rows: pd.DataFrame, draw: Callable[[], Any] | None = None) -> Look:
    drawn = {} if draw is None or rows.empty else {"figure": dg.MetadataValue.md(image(draw(), name))}
    return {**drawn, name: dg.MetadataValue.md(markdown.of_frame(rows))}


def predictions(rows: pd.DataFrame) -> Look:
    """The statements with the highest value, each with interval and reasons; a forecast of nothing has no columns."""
    if rows.empty:
        return _shown("highest", rows)
    highest = rows.sort_values("value", ascending=False).head(ROWS)
    said = {name: highest[name].map(_in_words) for name in ("reasons", "actions") if name in highest}
    hidden = [name for name in HIDDEN if name in highest]
    return _shown("highest", highest.assign(**said).drop(columns=hidden))


def _in_words(said: str | None) -> str:
    """The first of a JSON list of reasons or actions."""
    found = json.loads(said) if said else []
    words = [one.get("text", str(one)) if isinstance(one, dict) else str(one) for one in found[:REASONS]]
    return "; ".join(words) or "–"


LOOKS: Final[Mapping[str, Callable[[duckdb.DuckDBPyConnection], Look]]] = {
    "marts.fct_lead_funnel": _funnel,
    "marts.fct_mrr_movements": _movements,
    "marts.fct_deals": _open_deals,
}
