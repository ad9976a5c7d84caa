from datetime import date, datetime

import duckdb
import pytest

from ml.evaluation import MetricRow, TrainingReport
from ml.gate_results import GateResult
from orchestration.learning import frames, records

DAY = date(2024, 1, 31)


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def write(connection: duckdb.DuckDBPyConnection, run_id: str, at: datetime, value: float) -> None:
    row = MetricRow("churn", "lightgbm", "auc", value, None, None, 10, 4, DAY, DAY, is_baseline=False)
    gate = GateResult("beats_base_rate", passed=True, reason="better")
    report = TrainingReport("churn", "validated", ("fine",), "lightgbm", (row,), (gate,))
    training = records.Training(
        "churn", run_id, at, "validated", ["fine"], "lightgbm", "1", "1", "validated", 10, DAY, DAY, "hash", "snapshot"
    )
    records.write(connection, training, report)


def test_a_run_written_again_replaces_its_own_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """The same MLflow run is on record once, with its metrics and gates."""
    for value in (0.6, 0.7):
        write(connection, "run", datetime(2024, 2, 1), value)
    assert connection.execute("select value, base_rate from models.metrics").fetchall() == [(0.7, 0.4)]
    assert connection.execute("select count(*) from models.trainings").fetchall() == [(1,)]
    assert connection.execute("select gate, passed from models.gates").fetchall() == [("beats_base_rate", True)]


def test_the_newest_training_speaks(connection: duckdb.DuckDBPyConnection) -> None:
    """Of two trainings the figures of the one made last are read, also where the machine's clock went back."""
    write(connection, "old", datetime(2024, 3, 1), 0.6)
    write(connection, "new", datetime(2024, 2, 1), 0.8)
    assert records.newest(connection, "metrics")["value"].tolist() == [0.8]


def test_a_failed_record_leaves_nothing(connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    """All tables of a training are written, or none."""
    records.create(connection)
    monkeypatch.setattr(records, "_insert", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(connection, "run", datetime(2024, 2, 1), 0.6)
    assert connection.execute("select count(*) from models.trainings").fetchall() == [(0,)]


def test_frames_have_floats_and_time_stamps(connection: duckdb.DuckDBPyConnection) -> None:
    """Money becomes float and every day a time stamp of one resolution, so that frames join without casts."""
    found = frames.read(connection, "select 1.10::decimal(18,2) as amount, date '2024-01-31' as as_of")
    assert {name: str(kind) for name, kind in found.dtypes.items()} == {"amount": "float64", "as_of": "datetime64[ns]"}


def test_no_dated_row_is_no_data(connection: duckdb.DuckDBPyConnection) -> None:
    """A company without a single event has a day before all days, not an error."""
    connection.execute("create schema intermediate")
    connection.execute("create table intermediate.int_observation_window (data_until date, last_as_of date)")
    assert frames.data_until(connection) == frames.last_as_of(connection) == frames.NO_DATA
    connection.execute("insert into intermediate.int_observation_window values ('2024-02-10', '2024-01-31')")
    assert (frames.data_until(connection), frames.last_as_of(connection)) == (date(2024, 2, 10), DAY)


def test_the_snapshot_id_follows_the_rows(connection: duckdb.DuckDBPyConnection) -> None:
    """The same raw rows have the same name, one more row another."""
    connection.execute("create schema raw")
    connection.execute("create table raw.deals as select timestamp '2024-01-01' as loaded_at")
    before = frames.snapshot_id(connection, ["deals"])
    assert frames.snapshot_id(connection, ["deals"]) == before
    connection.execute("insert into raw.deals values ('2024-01-02')")
    assert frames.snapshot_id(connection, ["deals"]) != before
