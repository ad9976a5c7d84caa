"""One clean build of a company in the place of its state, for comparison with what many days of ticks left.

Belongs here: what is carried over (the registry and its records: they follow from trainings, not from files), and the
comparison. Does not belong here: ticks.
"""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from orchestration.coverage import all_months
from orchestration.resources import Deployment
from tests.daily_ticks import RANGE, days_of
from tests.runs import content

# What the week did besides, by table: no file brings it, so a clean build has it otherwise. Of `metric_values` only the
# metrics of the forecast may differ.
FORECAST_METRICS = "forecast_"
REFUSED_AND_MENDED = "a row that was refused until it came in order is remembered; all files at once never refuse it"
OF_THE_WEEK: Mapping[str, str] = {
    "loads": "one record per table and landing",
    "fct_forecast_accuracy": "forecasts stated during the week have matured; a clean build has stated none",
    "metric_values": "metrics of those forecasts; no other metric differs",
    "fct_data_quality_findings": REFUSED_AND_MENDED,
    "fct_data_quality_by_rule": REFUSED_AND_MENDED,
}
# Rows that the week has besides: by table, the column that tells them and how its values begin.
BESIDES: Mapping[str, tuple[str, str]] = {
    "metric_values": ("metric", FORECAST_METRICS),
    "fct_data_quality_findings": ("rule", "quarantined_row"),
    "fct_data_quality_by_rule": ("rule", "quarantined_row"),
}
REGISTRY = ("mlflow.db", "mlartifacts", "training_sets")


def build_anew(deployment: Deployment, kept: Path, at: datetime, scored: Sequence[str]) -> dict[str, pd.DataFrame]:
    """Move the state to `kept`, build everything from all files at once, and read what is published.

    Args:
        at: the instant whose complete months are built.
        scored: first and last month to predict, in one run.
    """
    deployment.state.rename(kept)
    deployment.state.mkdir()
    for name in REGISTRY:
        if (kept / name).is_dir():
            shutil.copytree(kept / name, deployment.state / name)
        elif (kept / name).exists():
            shutil.copy(kept / name, deployment.state / name)
    with days_of(deployment, deployment.state / "instance") as days:
        days.must("refresh_features", all_months(deployment.company, at) or {})
        _carry_trainings_over(deployment, kept)
        months = {f"{RANGE}_start": scored[0], f"{RANGE}_end": scored[-1]}
        days.must("score_and_publish", months)
    return content(deployment)


def _carry_trainings_over(deployment: Deployment, kept: Path) -> None:
    with deployment.warehouse() as connection:
        connection.execute(f"attach '{kept / 'warehouse.duckdb'}' as kept (read_only)")
        connection.execute("create schema models")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'kept' and schema_name = 'models'"
        ).fetchall()
        for (table,) in tables:
            connection.execute(f'create table models."{table}" as from kept.models."{table}"')
        connection.execute("detach kept")


def compared(week: Mapping[str, pd.DataFrame], clean: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Per published table: its rows, those that only one side has, why they may differ, and those without a reason."""
    rows = []
    for table in sorted({*week, *clean}):
        one, other = week.get(table, pd.DataFrame()), clean.get(table, pd.DataFrame())
        only_week, only_clean = _only(one, other), _only(other, one)
        differing, why = only_week + only_clean, OF_THE_WEEK.get(table, "")
        unexplained = 0 if why else differing
        if table in BESIDES:
            left, right = (_without(frame, *BESIDES[table]) for frame in (one, other))
            unexplained = _only(left, right) + _only(right, left)
        rows.append(
            {
                "table": table,
                "rows": len(one),
                "only after the week": only_week,
                "only in the clean build": only_clean,
                "differing": differing,
                "because": why,
                "unexplained": unexplained,
            }
        )
    return pd.DataFrame(rows)


def _without(frame: pd.DataFrame, column: str, beginning: str) -> pd.DataFrame:
    return frame[~frame[column].str.startswith(beginning)] if len(frame) else frame


def _only(one: pd.DataFrame, other: pd.DataFrame) -> int:
    """How many rows of one frame have no equal in the other, repeated rows counted; all where the columns differ."""
    if list(one.columns) != list(other.columns):
        return len(one)
    counts = _texts(one).value_counts() - _texts(other).value_counts().reindex(_texts(one).unique(), fill_value=0)
    return int(counts.clip(lower=0).sum())


def _texts(frame: pd.DataFrame) -> pd.Series:
    return frame.astype(str).agg("|".join, axis=1) if len(frame) else pd.Series(dtype=str)
