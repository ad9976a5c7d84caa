"""What was trained, in the warehouse: trainings, their metrics beside the baselines, and their gates.

Belongs here: the tables of schema `models`; of `models.trainings`, `models.metrics` and `models.gates` also the rows,
one set per MLflow run.
MLflow keeps the models; these tables let SQL, the summary and the published snapshot show the same figures.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta

import duckdb
import pandas as pd

from ml.evaluation import TrainingReport
from orchestration.learning import frames

TABLES = {
    "trainings": (
        "model varchar, run_id varchar, trained_at timestamp, status varchar, reasons varchar[], kept_method varchar, "
        "candidate_version varchar, champion_version varchar, champion_status varchar, training_rows bigint, "
        "first_as_of date, last_as_of date, content_hash varchar, snapshot_id varchar"
    ),
    "metrics": (
        "run_id varchar, model varchar, method varchar, metric varchar, value double, lower double, upper double, "
        "rows bigint, positives bigint, base_rate double, first_as_of date, last_as_of date, is_baseline boolean"
    ),
    "gates": (
        "run_id varchar, model varchar, gate varchar, passed boolean, blocking boolean, value double, "
        "threshold double, reason varchar"
    ),
    # What only the revenue forecast has: the backtest as it was made then, and the course of revenue.
    "revenue_backtest": (
        "run_id varchar, origin date, month date, step bigint, method varchar, actual double, predicted double"
    ),
    "revenue_parts": (
        "run_id varchar, month date, base_retained double, expansion double, pipeline double, new_business double"
    ),
    "revenue_seasonality": "run_id varchar, period varchar, number bigint, factor double, lower double, upper double",
    "revenue_growth": "run_id varchar, span varchar, rate double, lower double, upper double, months bigint",
}
# Decisions about versions, kept for good: no training replaces a row (`orchestration.learning.reviews` adds them).
REVIEWS = (
    "model varchar, version varchar, number bigint, decision varchar, previous_version varchar, "
    "champion_version varchar, decided_by varchar, reason varchar, decided_at timestamp, run_id varchar, "
    "dagster_run_id varchar"
)
OF_REPORT = ("revenue_backtest", "revenue_parts", "revenue_seasonality", "revenue_growth")


@dataclass(frozen=True)
class Training:
    """One row of `models.trainings`."""

    model: str
    run_id: str
    trained_at: datetime
    status: str
    reasons: list[str]
    kept_method: str | None
    candidate_version: str | None
    champion_version: str | None
    champion_status: str | None
    training_rows: int
    first_as_of: date | None
    last_as_of: date | None
    content_hash: str
    snapshot_id: str


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables if they are missing."""
    connection.execute("create schema if not exists models")
    for table, columns in {**TABLES, "reviews": REVIEWS}.items():
        connection.execute(f"create table if not exists models.{table} ({columns})")


def write(connection: duckdb.DuckDBPyConnection, training: Training, report: TrainingReport) -> None:
    """Keep a training; the same run written again replaces its own rows."""
    create(connection)
    training = _after_all_others(connection, training)
    connection.execute("begin")
    try:
        for table in TABLES:
            connection.execute(f"delete from models.{table} where run_id = ?", [training.run_id])  # noqa: S608
        values = list(asdict(training).values())
        connection.execute(f"insert into models.trainings values ({_marks(values)})", values)  # noqa: S608
        for row in report.metrics:
            facts = asdict(row) | {"base_rate": row.base_rate}
            _insert(connection, "metrics", {"run_id": training.run_id, **facts})
        for gate in report.gates:
            facts = asdict(gate)
            facts["gate"] = facts.pop("name")
            _insert(connection, "gates", {"run_id": training.run_id, "model": training.model, **facts})
        for table in OF_REPORT:
            _insert_table(connection, table, training, report)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise


def _after_all_others(connection: duckdb.DuckDBPyConnection, training: Training) -> Training:
    """The training, timed after the model's others also where the machine's clock went back: the newest one counts."""
    query = "select max(trained_at) from models.trainings where model = ? and run_id <> ?"
    newest: datetime | None = connection.execute(query, [training.model, training.run_id]).fetchall()[0][0]
    if newest is None:
        return training
    return replace(training, trained_at=max(training.trained_at, newest + timedelta(microseconds=1)))


def newest(connection: duckdb.DuckDBPyConnection, table: str) -> pd.DataFrame:
    """Rows of the newest training of each model, from `trainings`, `metrics` or `gates`."""
    return frames.read(
        connection,
        f"select facts.* from models.{table} as facts inner join "  # noqa: S608 - names from our own code
        "(select model, arg_max(run_id, trained_at) as run_id from models.trainings group by model) as last "
        "using (model, run_id)",
    )


def _insert(connection: duckdb.DuckDBPyConnection, table: str, facts: dict[str, object]) -> None:
    names = ", ".join(facts)
    values = list(facts.values())
    connection.execute(f"insert into models.{table} ({names}) values ({_marks(values)})", values)  # noqa: S608


def _insert_table(
    connection: duckdb.DuckDBPyConnection, table: str, training: Training, report: TrainingReport
) -> None:
    """Keep one of the report's tables; named `<model>_<table>`."""
    model, name = table.split("_", maxsplit=1)
    rows = report.tables.get(name) if training.model == model else None
    if rows is None or rows.empty:
        return
    connection.register("report_rows", rows.assign(run_id=training.run_id))
    try:
        connection.execute(f"insert into models.{table} by name from report_rows")
    finally:
        connection.unregister("report_rows")


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" for _ in values)
