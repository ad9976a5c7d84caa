"""The deployed models over time, in the warehouse: drift of each month, matured statements, advice.

Belongs here: the tables of schema `monitoring`, which rows of features, trainings and ledger they are made from, and
which statements may be judged: the first of a version about an entity and `as_of`, if that version had learned from
nothing later. Does not belong here: distances (`ml.drift`), figures and advice (`ml.monitoring`), Dagster.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import duckdb
import pandas as pd

from companies.settings import Company
from feature_definitions import registry as views
from ml import monitoring
from ml.drift import Shift, feature_shifts, shift
from ml.monitoring import Evidence, Figure, Limits
from orchestration.learning import frames, outcomes

SCHEMA: Final = "monitoring"
SCORE: Final = "score"
# A single month always differs from a whole history in its calendar features.
CALENDAR: Final = "season"
WATCHED: Final = tuple(outcomes.LABELS)
# Enough for a distance; scoring a whole history again would cost more than the answer is worth.
MOST_REFERENCE_ROWS: Final = 20_000
TABLES: Final = {
    "drift": (
        "model varchar, model_version varchar, as_of date, name varchar, psi double, psi_limit double, ks double, "
        "ks_noise double, reference_missing double, current_missing double, is_shifted boolean, "
        "reference_rows bigint, current_rows bigint"
    ),
    "performance": (
        "model varchar, model_version varchar, first_as_of date, last_as_of date, metric varchar, value double, "
        "lower double, upper double, promised double, promised_lower double, promised_upper double, "
        "is_worse boolean, rows bigint, positives bigint"
    ),
    "retraining_advice": (
        "model varchar, model_version varchar, advice varchar, reasons varchar[], judged_on date, "
        "trained_rows bigint, new_outcomes bigint, learned_until date"
    ),
}


@dataclass(frozen=True)
class Served:
    """The version that is served, and what its training told.

    Attributes:
        status: `validated` or `fallback`.
        first, last: the oldest and the newest as_of that it learned from; None: from none.
        rate: share of positives among its test rows; None where it was not judged.
    """

    model: str
    version: str
    status: str
    run_id: str
    rows: int
    first: date | None
    last: date | None
    rate: float | None


def create(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the schema and its tables where they are missing."""
    connection.execute(f"create schema if not exists {SCHEMA}")
    for table, columns in TABLES.items():
        connection.execute(f"create table if not exists {SCHEMA}.{table} ({columns})")


def served(connection: duckdb.DuckDBPyConnection, model: str, version: str) -> Served | None:
    """What is on record of a version: the first training that named it; None where none does."""
    rows = connection.execute(
        "select run_id, training_rows, first_as_of, last_as_of, "
        "case when candidate_version = ? then 'validated' else champion_status end "
        "from models.trainings where model = ? and (candidate_version = ? or champion_version = ?) "
        "order by trained_at limit 1",
        [version, model, version, version],
    ).fetchall()
    if not rows:
        return None
    run_id, count, first, last, status = rows[0]
    [(rate,)] = connection.execute(
        "select avg(base_rate) from models.metrics where run_id = ? and model = ?", [run_id, model]
    ).fetchall()
    return Served(model, version, status, run_id, count, first, last, rate)


def write_drift(
    connection: duckdb.DuckDBPyConnection,
    company: Company,
    champion: Any,  # noqa: ANN401 - whatever class the model's champion has
    of: Served,
    as_of: date,
) -> tuple[Shift, ...]:
    """Compare a month's feature rows, and the scores of them, with the rows learned from; keep and return it."""
    entity = views.MODEL_ENTITIES[of.model].key
    reference = _learned_rows(connection, company, of)
    current = frames.of_model(connection, of.model, between=(as_of.replace(day=1), as_of))
    columns = [column for column in views.columns_for(of.model) if column.driver != CALENDAR]
    found = list(feature_shifts(reference, current, columns, entity))
    if found:
        sizes = reference[entity].nunique(), current[entity].nunique()
        before, now = (champion.predict(rows, with_reasons=False)["value"] for rows in (reference, current))
        found.insert(0, shift(SCORE, before, now, sizes))
    stamp = (of.model, of.version, as_of)
    rows = [
        (*stamp, one.name, one.psi, one.limit, one.ks, one.ks_noise, one.reference_missing, one.current_missing,
         one.is_shifted, len(reference), len(current))
        for one in found
    ]  # fmt: skip
    _replace(connection, "drift", {"model": of.model, "as_of": as_of}, rows)
    return tuple(found)


def write_performance(connection: duckdb.DuckDBPyConnection, company: Company, model: str) -> None:
    """Judge every version's matured statements, each month and all together.

    Of a version the first statement about an entity and `as_of` counts, if the version had learned from no outcome
    that was still to come then.
    """
    entity, gap = views.MODEL_ENTITIES[model].key, outcomes.gap_days(model, company)
    rows: list[tuple[object, ...]] = []
    for version in _versions(connection, model):
        of = served(connection, model, version)
        if of is None:
            continue
        said = outcomes.labelled(model, connection, company, _statements(connection, of, entity, gap))
        told, rate = _promised(connection, of), of.rate if of.rate is not None else float(said["label"].mean())
        rows += _performance_rows(of, said, monitoring.realised(said, entity, told, rate))
        for _, month in said.groupby("as_of"):
            rows += _performance_rows(of, month, monitoring.realised(month, entity, told, rate))
    _replace(connection, "performance", {"model": model}, rows)


def write_advice(
    connection: duckdb.DuckDBPyConnection, company: Company, of: Served
) -> tuple[monitoring.Advice, tuple[str, ...]]:
    """Advise on the served version from the newest drift and performance on record; keep the advice."""
    today = frames.data_until(connection)
    since = of.last + timedelta(days=1) if of.last else frames.NO_DATA
    entity = views.MODEL_ENTITIES[of.model].key
    fresh = frames.of_model(connection, of.model, between=(since, today))[[entity, "as_of"]]
    shifts = _shifts(connection, of)
    evidence = Evidence(
        is_fallback=of.status == "fallback",
        trained_rows=of.rows,
        new_outcomes=len(outcomes.labelled(of.model, connection, company, fresh)),
        learned_until=of.last,
        figures=_figures(connection, of),
        features=[one for one in shifts if one.name != SCORE],
        score=next((one for one in shifts if one.name == SCORE), None),
    )
    limits = Limits(company.monitoring.new_outcomes_share, company.monitoring.max_age_days)
    advice, reasons = monitoring.advise(evidence, today, limits)
    row = (of.model, of.version, advice, list(reasons), today, of.rows, evidence.new_outcomes, of.last)
    _replace(connection, "retraining_advice", {"model": of.model}, [row])
    return advice, reasons


def advised(connection: duckdb.DuckDBPyConnection) -> list[dict[str, str | int]]:
    """Every model's advice on record, as a sensor reads it: plain values, days as ISO text."""
    columns = "model, model_version, advice, array_to_string(reasons, '; ') as reasons, "
    columns += "cast(judged_on as varchar) as judged_on, trained_rows, new_outcomes"
    frame = connection.execute(f"select {columns} from {SCHEMA}.retraining_advice order by model").df()  # noqa: S608
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _learned_rows(connection: duckdb.DuckDBPyConnection, company: Company, of: Served) -> pd.DataFrame:
    """The rows that a version learned from, at most so many: those of whole entities, the same ones every time."""
    if of.first is None or of.last is None:
        return pd.DataFrame()
    found = frames.of_model(connection, of.model, between=(of.first, of.last))
    learned = outcomes.labelled(of.model, connection, company, found)
    share = min(1.0, MOST_REFERENCE_ROWS / max(len(learned), 1))
    position = pd.util.hash_pandas_object(learned.iloc[:, 0], index=False) / 2**64
    return learned[(position <= share).to_numpy()].reset_index(drop=True)


def _shifts(connection: duckdb.DuckDBPyConnection, of: Served) -> list[Shift]:
    """The shifts of the newest month that was compared with the version's rows."""
    rows = connection.execute(
        "select name, psi, psi_limit, ks, ks_noise, reference_missing, current_missing from monitoring.drift "
        "where model = ? and model_version = ? and as_of = "
        "(select max(as_of) from monitoring.drift where model = ? and model_version = ?) order by psi desc",
        [of.model, of.version] * 2,
    ).fetchall()
    return [Shift(*row) for row in rows]


def _figures(connection: duckdb.DuckDBPyConnection, of: Served) -> list[Figure]:
    """The version's figures over all its months."""
    rows = connection.execute(
        "select metric, value, lower, upper, promised, promised_lower, promised_upper, rows, positives "
        "from monitoring.performance where model = ? and model_version = ? "
        "qualify row_number() over (partition by metric order by rows desc, last_as_of) = 1",
        [of.model, of.version],
    ).fetchall()
    return [Figure(*row) for row in rows]


def _versions(connection: duckdb.DuckDBPyConnection, model: str) -> list[str]:
    """Every version that is in the ledger, the newest last."""
    is_there = connection.execute(
        "select 1 from information_schema.tables where table_schema = 'predictions' and table_name = ?", [model]
    ).fetchall()
    if not is_there:
        return []
    found = connection.execute(
        f"select model_version from predictions.{model} group by 1 order by max(made_at)"  # noqa: S608 - our name
    ).fetchall()
    return [version for (version,) in found]


def _statements(connection: duckdb.DuckDBPyConnection, of: Served, entity: str, gap: int) -> pd.DataFrame:
    """The version's first statement about each entity and as_of without foresight: entity, as_of, value."""
    learned_until = of.last + timedelta(days=gap) if of.last else frames.NO_DATA
    return frames.read(
        connection,
        f"select {entity}, as_of, arg_min(value, made_at) as value from predictions.{of.model} "  # noqa: S608 - names
        f"where model_version = '{of.version}' and as_of >= date '{learned_until}' group by all order by 2, 1",
    )


def _promised(connection: duckdb.DuckDBPyConnection, of: Served) -> dict[str, tuple[float, float | None, float | None]]:
    rows = connection.execute(
        "select metric, value, lower, upper from models.metrics where run_id = ? and model = ? and not is_baseline",
        [of.run_id, of.model],
    ).fetchall()
    return {metric: (value, lower, upper) for metric, value, lower, upper in rows} if of.status == "validated" else {}


def _performance_rows(of: Served, said: pd.DataFrame, figures: Sequence[Figure]) -> list[tuple[object, ...]]:
    days = said["as_of"]
    return [
        (of.model, of.version, days.min().date(), days.max().date(), one.metric, one.value, one.lower, one.upper,
         one.promised, one.promised_lower, one.promised_upper, one.is_worse, one.rows, one.positives)
        for one in figures
    ]  # fmt: skip


def _replace(
    connection: duckdb.DuckDBPyConnection, table: str, where: Mapping[str, object], rows: Sequence[tuple[object, ...]]
) -> None:
    """Put rows in the place of those that meet the condition, at once."""
    create(connection)
    condition = " and ".join(f"{name} = ?" for name in where)
    connection.execute("begin")
    try:
        connection.execute(f"delete from {SCHEMA}.{table} where {condition}", list(where.values()))  # noqa: S608
        if rows:
            marks = ", ".join("?" for _ in rows[0])
            connection.executemany(f"insert into {SCHEMA}.{table} values ({marks})", rows)  # noqa: S608
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
