import json
from collections.abc import Iterator
from datetime import date, datetime

import duckdb
import numpy as np
import pandas as pd
import pytest

from feature_definitions.registry import columns_for
from ml.models.shrunken_rates import fit_rates
from ml.training_frames import training_frame
from orchestration.learning import ledger, records, watching
from orchestration.sensors.retraining import Advice
from tests import factories

COMPANY = factories.company()
HISTORY = pd.date_range("2024-01-31", "2024-12-31", freq="ME")
MONTH = date(2025, 6, 30)


def deals(month: pd.Timestamp, shift: float = 0.0, count: int = 60) -> pd.DataFrame:
    """Deals of a month as the feature view declares them; `shift` moves their age."""
    random = np.random.default_rng(int(month.strftime("%Y%m")))
    rows = pd.DataFrame({"deal_id": [f"{month:%Y%m}-{number}" for number in range(count)], "as_of": month})
    for column in columns_for("win_probability"):
        numbers = random.gamma(2, 20, count) + shift * (column.name == "deal_age_days")
        kinds = {"categorical": random.choice(["a", "b"], count), "flag": random.random(count) < 0.5}
        rows[column.name] = kinds.get(column.kind, numbers)
    return rows.assign(as_of_month=month)


@pytest.fixture
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    """A year of deals that a version learned from, and a later month."""
    connection = duckdb.connect()
    connection.execute("create schema features; create schema marts; create schema intermediate")
    rows = pd.concat([deals(month) for month in [*HISTORY, pd.Timestamp(MONTH)]])
    connection.execute("create table features.feat_deal_pipeline as from rows")
    facts = rows[["deal_id", "as_of"]].reset_index(drop=True)
    facts["outcome"] = np.where(np.arange(len(facts)) % 3 == 0, "won", "lost")
    connection.execute(
        "create table marts.fct_deals as select deal_id, 'a' as account_id, 1.0 as amount, as_of::date as created_on, "
        "null::date as expected_close_on, as_of::date + 10 as closed_on, outcome from facts"
    )
    connection.execute(
        "create table intermediate.int_observation_window as "
        "select date '2025-12-31' as data_until, date '2025-12-31' as last_as_of"
    )
    records.create(connection)
    watching.create(connection)
    connection.execute(
        "insert into models.trainings (model, run_id, trained_at, status, candidate_version, champion_version, "
        "champion_status, training_rows, first_as_of, last_as_of) values "
        "('win_probability', 'r1', timestamp '2025-04-01', 'validated', '1', '1', 'validated', 720, "
        "date '2024-01-31', date '2024-12-31')"
    )
    connection.execute(
        "insert into models.metrics (run_id, model, method, metric, value, lower, upper, base_rate, is_baseline) "
        "values ('r1', 'win_probability', 'lightgbm', 'auc', 0.9, 0.88, 0.92, 0.33, false)"
    )
    yield connection
    connection.close()


def shifts_of(warehouse: duckdb.DuckDBPyConnection) -> set[str]:
    learned = warehouse.execute("from features.feat_deal_pipeline where as_of < '2025-01-01'").df()
    labels = learned[["deal_id", "as_of"]].assign(won=(np.arange(len(learned)) % 3 == 0).astype(int))
    frame = training_frame(
        learned, labels, entity="deal_id", columns=columns_for("win_probability"), label="won", horizon_days=90
    )
    champion = fit_rates(frame, ("deal_age_days",), "be won")
    of = watching.served(warehouse, "win_probability", "1")
    assert of is not None
    return {one.name for one in watching.write_drift(warehouse, COMPANY, champion, of, MONTH) if one.is_shifted}


def state(warehouse: duckdb.DuckDBPyConnection, value: str, made_at: datetime, version: str = "1") -> None:
    """The version's statements about the later month."""
    frame = warehouse.execute(
        f"select deal_id, as_of, {value} as value from features.feat_deal_pipeline where as_of >= '2024-12-01'"
    ).df()
    ledger.append(
        warehouse, "win_probability", frame, keys=("deal_id", "as_of"), model_version=version, status="validated",
        run_id="r", made_at=made_at,
    )  # fmt: skip


def test_same_population_has_not_shifted(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Sixty new deals of the same kind: no feature and no score is called shifted."""
    assert shifts_of(warehouse) == set()


def test_shift_is_seen_in_the_feature_and_in_the_score(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Deals that suddenly are much older shift that feature and, as the model reads it, the score; nothing else."""
    warehouse.execute(
        f"update features.feat_deal_pipeline set deal_age_days = deal_age_days + 200 where as_of = date '{MONTH}'"
    )
    assert shifts_of(warehouse) == {"deal_age_days", watching.SCORE}


def test_comparing_a_month_again_replaces_it(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A month has one set of distances, whatever the number of runs."""
    shifts_of(warehouse)
    rows = warehouse.execute("select count(*), count(distinct name) from monitoring.drift").fetchall()
    shifts_of(warehouse)
    assert warehouse.execute("select count(*), count(distinct name) from monitoring.drift").fetchall() == rows


def test_only_first_statements_without_foresight_are_judged(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Of a month that was learned from nothing counts, and a later, better word does not replace the first."""
    state(warehouse, "random() * 0.01 + 0.3", datetime(2025, 7, 1))
    state(warehouse, "case when deal_id like '%0' then 0.9 else 0.1 end", datetime(2025, 12, 1))
    watching.write_performance(warehouse, COMPANY, "win_probability")
    rows = warehouse.execute(
        "select distinct rows, first_as_of, last_as_of, is_worse from monitoring.performance where metric = 'auc'"
    ).fetchall()
    assert rows == [(60, MONTH, MONTH, True)]


def test_advice_reads_what_is_on_record(warehouse: duckdb.DuckDBPyConnection) -> None:
    """A worthless version is advised to be trained again; the reasons are kept, and told as a sensor reads them."""
    state(warehouse, "random() * 0.01 + 0.3", datetime(2025, 7, 1))
    watching.write_performance(warehouse, COMPANY, "win_probability")
    of = watching.served(warehouse, "win_probability", "1")
    assert of is not None
    advice, reasons = watching.write_advice(warehouse, COMPANY, of)
    assert advice == "retrain"
    assert "promised were 0.900" in reasons[0]
    kept = warehouse.execute("select advice, reasons, new_outcomes from monitoring.retraining_advice").fetchall()
    assert kept == [("retrain", list(reasons), 60)]
    [told] = watching.advised(warehouse)
    assert Advice(**told).is_answered_by(None, COMPANY.monitoring) is False
    assert (told["advice"], told["reasons"], told["new_outcomes"]) == ("retrain", "; ".join(reasons), 60)
    assert json.loads(json.dumps(told)) == told


def test_model_that_never_spoke_has_no_performance(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Before the first prediction there is nothing to judge, and no error."""
    watching.write_performance(warehouse, COMPANY, "win_probability")
    assert warehouse.execute("select count(*) from monitoring.performance").fetchall() == [(0,)]
