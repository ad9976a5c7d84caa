"""One clean build of a company in the place of its state, for comparison with what many days of ticks left.

Belongs here: what is carried over (the registry and its records: they follow from trainings, not from files), and the
comparison. Does not belong here: ticks.
"""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from ingestion.contract import TABLES
from orchestration.coverage import all_months
from orchestration.resources import Deployment
from tests.daily_ticks import RANGE, UntestedDbt, days_of
from tests.runs import content

# What the week did besides, by table: no file brings it, so a clean build has it otherwise.
REFUSED_AND_MENDED = "a row that was refused until it came in order is remembered; all files at once never refuse it"
OF_THE_WEEK: Mapping[str, str] = {
    "fct_forecast_accuracy": (
        "parts of a forecast that was stated before an account's region and industry were corrected; the whole is equal"
    ),
    "loads": "one record per table and landing; what they landed are the raw tables, which are equal",
    "fct_data_quality_findings": REFUSED_AND_MENDED,
    "fct_data_quality_by_rule": REFUSED_AND_MENDED,
}
# Rows that the week has besides: by table, the column that tells them and how its values begin.
BESIDES: Mapping[str, tuple[str, str]] = {
    "fct_data_quality_findings": ("rule", "quarantined_row"),
    "fct_data_quality_by_rule": ("rule", "quarantined_row"),
}
# When and from which file a version was landed: one that was sent twice is taken from the first that comes.
OF_THE_LANDING = "loaded_at, source_file, source_row"
# What looks back at statements, which a clean build makes last.
LOOKING_BACK = (
    "intermediate/int_revenue_forecasts",
    "marts/fct_forecast_accuracy",
    "metrics/metric_definitions",
    "metrics/metric_values",
)
REGISTRY = ("mlflow.db", "mlartifacts", "training_sets")


def build_anew(
    deployment: Deployment, kept: Path, at: datetime, scored: Sequence[str], *, looks_back: bool = False
) -> dict[str, pd.DataFrame]:
    """Move the state to `kept`, build everything from all files at once, and read it.

    Args:
        at: the instant whose complete months are built.
        scored: first and last month to predict, in one run.
        looks_back: make what tells how the statements came out once more, after they were made.
    """
    deployment.state.rename(kept)
    deployment.state.mkdir()
    for name in REGISTRY:
        if (kept / name).is_dir():
            shutil.copytree(kept / name, deployment.state / name)
        elif (kept / name).exists():
            shutil.copy(kept / name, deployment.state / name)
    # Equal tables pass equal tests.
    with days_of(deployment, deployment.state / "instance", UntestedDbt) as days:
        days.must("refresh_features", all_months(deployment.company, at) or {})
        _carry_trainings_over(deployment, kept)
        months = {f"{RANGE}_start": scored[0], f"{RANGE}_end": scored[-1]}
        days.must("score_and_publish", months)
        if looks_back:
            days.must("refresh_warehouse", {}, LOOKING_BACK)
            days.must("publish_snapshot", {})
    return everything(deployment)


def everything(deployment: Deployment) -> dict[str, pd.DataFrame]:
    """Every published table and every raw one, without what tells of the run or landing itself."""
    found = content(deployment)
    with deployment.warehouse(read_only=True) as connection:
        for name in TABLES:
            query = f'select * exclude ({OF_THE_LANDING}) from raw."{name}"'
            found[f"raw.{name}"] = connection.execute(query).df()
    return found


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
    """Per table: its rows, those that only one side has, why they may differ, and those without a reason."""
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
