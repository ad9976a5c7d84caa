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
        assert days.execute("refresh_features", all_months(deployment.company, at) or {})[0].is_success
        _carry_trainings_over(deployment, kept)
        months = {f"{RANGE}_start": scored[0], f"{RANGE}_end": scored[-1]}
        assert days.execute("score_and_publish", months)[0].is_success
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


def differences(left: Mapping[str, pd.DataFrame], right: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Per table with a difference: rows that only the left and only the right one has, and the columns that differ."""
    rows = []
    for table in sorted({*left, *right}):
        one, other = left.get(table, pd.DataFrame()), right.get(table, pd.DataFrame())
        if one.equals(other):
            continue
        columns = [name for name in one.columns if name in other.columns]
        merged = one[columns].astype(str).merge(other[columns].astype(str), how="outer", indicator=True)
        only = merged["_merge"].value_counts()
        rows.append(
            {
                "table": table,
                "rows": len(one),
                "only left": int(only["left_only"]),
                "only right": int(only["right_only"]),
                "columns": ", ".join(sorted({*one.columns} ^ {*other.columns})),
            }
        )
    return pd.DataFrame(rows, columns=["table", "rows", "only left", "only right", "columns"])
