"""What a finished run left behind, read as tests need it.

Belongs here: reading published content, raw versions and champions of a deployment. Does not belong here: running.
"""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

import duckdb
import pandas as pd

from ingestion.contract import TABLES
from ml import registry
from orchestration import snapshot
from orchestration.resources import Deployment

MODELS = ("churn", "clv", "lead_score", "win_probability", "revenue")
# Names and times of a run itself: two runs that say the same differ in these.
OF_THE_RUN = {"run_id", "made_at", "load_id", "loaded_at", "trained_at", "snapshot_id"}
OF_THE_RUN |= {"first_seen", "last_seen", "resolved_at", "scored_at", "scored_on", "month_version"}
# A record per landing grows with every run, one per day with every day.
RECORDS = {"loads", "fct_data_quality_score_history"}


@contextmanager
def kept_environment() -> Iterator[MutableMapping[str, str]]:
    """The environment, put back afterwards; a run points Dagster at its own deployment."""
    before = dict(os.environ)
    try:
        yield os.environ
    finally:
        os.environ.clear()
        os.environ.update(before)


def query(deployment: Deployment, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query on the warehouse."""
    with deployment.warehouse(read_only=True) as connection:
        return connection.execute(sql).fetchall()


def content(deployment: Deployment, *, records: bool = True) -> dict[str, pd.DataFrame]:
    """Every published table, sorted, without the names and times of the run itself."""
    made = snapshot.current(deployment.published)
    assert made is not None, "nothing is published"
    path = made.path(deployment.published) / "analytics.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
        names = [name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()]
        return {
            name: _sorted(connection.table(f'"{name}"').df())
            for name in sorted(names)
            if records or name not in RECORDS
        }


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    kept = frame[[name for name in frame.columns if name not in OF_THE_RUN]]
    order = kept.astype(str).agg("|".join, axis=1).argsort() if len(kept) and len(kept.columns) else []
    return kept.iloc[order].reset_index(drop=True) if len(kept) else kept


def versions(deployment: Deployment) -> dict[str, int]:
    """Number of versions in each raw table."""
    return {name: query(deployment, f'select count(*) from raw."{name}"')[0][0] for name in TABLES}


def champions(deployment: Deployment, *, ids: bool = False) -> set[str]:
    """The models that have a champion; with `ids`, with the champion's version."""
    store = deployment.model_store()
    found = {model: registry.champion_info(store, model) for model in MODELS}
    return {f"{model} {info.version}" if ids else model for model, info in found.items() if info is not None}


def rows_are_accounted_for(deployment: Deployment) -> bool:
    """Whether every row read was inserted, updated, unchanged or quarantined, in every landing of every table."""
    loads = query(
        deployment,
        "select bool_and(rows_read = rows_inserted + rows_updated + rows_unchanged + rows_quarantined), count(*) "
        "from control.loads",
    )
    return bool(loads[0][0]) and loads[0][1] > 0
