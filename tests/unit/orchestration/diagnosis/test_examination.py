import fcntl
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration import snapshot
from orchestration.deployment.instance import point_dagster_at
from orchestration.diagnosis import company, installation, stores
from orchestration.diagnosis.examination import examine
from orchestration.diagnosis.finding import Finding
from orchestration.launching import instance
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import DBT
from orchestration.runs.exclusive import LIVE, only_run
from orchestration.snapshot import Face
from tests import small_companies
from tests.runs import kept_environment


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A small company with a warehouse and a published snapshot."""
    made = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    with made.warehouse() as connection:
        connection.execute("create table deals as select range as deal_id from range(5000)")
        snapshot.publish(
            connection,
            made.published,
            [Face("main", "deals", keys=("deal_id",))],
            version="1",
            at=datetime.now(UTC).isoformat(),
            as_of="2024-06-30",
        )
    return made


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _publish_fewer(deployment: Deployment) -> None:
    with duckdb.connect(str(deployment.published / "1" / "analytics.duckdb")) as connection:
        connection.execute("delete from deals where deal_id < 10")


BROKEN: list[tuple[str, Callable[[Deployment], object], str, str, str]] = [
    ("warehouse", lambda it: _truncate(it.warehouse_path), "warehouse", "error", "lifecycle reset"),
    ("no source", lambda it: shutil.rmtree(Path(it.data_folder) / "small"), "source", "error", "Ask Ann"),
    ("pointer", lambda it: (it.published / "current.json").write_text("{"), "snapshot", "error", "lifecycle publish"),
    ("version gone", lambda it: shutil.rmtree(it.published / "1"), "snapshot", "error", "lifecycle publish"),
    ("lookup", lambda it: _truncate(it.published / "1" / "lookup.sqlite"), "snapshot", "error", "lifecycle publish"),
    ("parquet", lambda it: _truncate(it.published / "1/parquet/deals.parquet"), "snapshot", "error", "publish"),
    ("rows", _publish_fewer, "snapshot", "error", "lifecycle publish"),
    (
        "settings",
        lambda it: (Path(it.companies_folder) / "small.toml").write_text("title = 3"),
        "settings",
        "error",
        "add_a_company",
    ),
]


def found(deployment: Deployment, check: str) -> Finding:
    return next(finding for finding in examine(deployment) if finding.check == check)


@pytest.mark.parametrize(
    ("break_it", "check", "level", "mend"), [case[1:] for case in BROKEN], ids=[c[0] for c in BROKEN]
)
def test_what_is_broken_is_found_with_its_mend(
    deployment: Deployment, break_it: Callable[[Deployment], object], check: str, level: str, mend: str
) -> None:
    """A damaged or missing file is an error of its own examination, and was none before."""
    assert found(deployment, check).level == "ok"
    break_it(deployment)
    finding = found(deployment, check)
    assert (finding.level, mend in finding.mend) == (level, True), finding


def test_a_warehouse_that_a_run_holds_is_left_in_peace(deployment: Deployment) -> None:
    """An examination must not take the lock that a writer waits for."""
    with only_run(deployment.state):
        finding = company.warehouse(deployment)
    assert (finding.level, "held by a run" in finding.said) == ("ok", True)


def test_what_a_killed_run_left_is_told(deployment: Deployment) -> None:
    """A run whose note nobody holds and a noted dbt that lives, while nobody holds the company."""
    waits = [sys.executable, "-c", "import time; time.sleep(60)", "dbt", "build"]
    names = os.environ | {"LIFECYCLE_WAREHOUSE": str(deployment.warehouse_path)}
    with kept_environment(), subprocess.Popen(waits, env=names) as dbt:  # noqa: S603 - our own script
        point_dagster_at(deployment)
        with instance(deployment) as opened:
            run = opened.create_run_for_job(_job(), status=dg.DagsterRunStatus.STARTED)
        note = deployment.state / LIVE / run.run_id
        note.parent.mkdir()
        note.touch()
        (deployment.state / DBT).write_text(str(dbt.pid))
        levels = {finding.check: finding.level for finding in examine(deployment)}
        with note.open() as life:
            fcntl.flock(life, fcntl.LOCK_SH)
            living = {finding.check: finding.level for finding in stores.run_records(deployment)}
        dbt.kill()
    assert (levels["dead runs"], levels["orphaned dbt"]) == ("warning", "warning")
    assert living["dead runs"] == "ok"


def test_a_storage_of_another_version_is_told(deployment: Deployment) -> None:
    """Dagster's and MLflow's databases at another revision than the installed packages want are errors."""
    with kept_environment():
        point_dagster_at(deployment)
        with instance(deployment) as opened:
            assert opened.get_runs_count() == 0
        assert next(iter(stores.run_records(deployment))).level == "ok"
        _set_revision(deployment.dagster_folder / "history" / "runs.db")
        finding = next(iter(stores.run_records(deployment)))
    assert (finding.level, "instance migrate" in finding.mend) == ("error", True), finding
    (deployment.state / "mlflow.db").touch()
    _set_revision(deployment.state / "mlflow.db", "create table model_versions (name text)")
    finding = stores.registry_schema(deployment)
    assert (finding.level, f"wanted {stores.mlflow_head()}" in finding.said) == ("error", True), finding


def _set_revision(path: Path, also: str = "select 1") -> None:
    with sqlite3.connect(path) as database:
        database.execute("create table if not exists alembic_version (version_num text)")
        database.execute("delete from alembic_version")
        database.execute("insert into alembic_version values ('0123456789ab')")
        database.execute(also)
    database.close()


def test_a_database_that_does_not_answer_is_told_once(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named with the mend, and nothing that would try for minutes is examined."""
    monkeypatch.setenv("LIFECYCLE_MLFLOW_DATABASE", "postgresql://u:hunter2@127.0.0.1:1/models")
    findings = list(examine(Deployment(**deployment.model_dump() | {"has_mlflow_database": True})))
    assert [(one.level, one.check) for one in findings if one.level == "error"] == [("error", "databases")]
    assert "LIFECYCLE_MLFLOW_DATABASE" in findings[-1].said
    assert "start the server" in findings[-1].mend
    assert "hunter2" not in str(findings)


def test_a_run_from_the_future_is_told(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the clock went back, the newest run lies ahead of it."""
    with kept_environment():
        point_dagster_at(deployment)
        with instance(deployment) as opened:
            opened.create_run_for_job(_job())
        now = datetime.now(UTC).timestamp()
        monkeypatch.setattr(stores.time, "time", lambda: now - timedelta(hours=2).total_seconds())
        levels = {finding.check: finding.level for finding in stores.run_records(deployment)}
    assert levels["order of runs"] == "error"


def test_a_package_of_another_version_is_told(tmp_path: Path) -> None:
    """What differs from the pins and what is missing is named with both versions."""
    pins = tmp_path / "run.txt"
    pins.write_text("pandas==0.1 \\\n    --hash=sha256:00\nno-such-package[extra]==2.0 \\\n")
    said = installation.packages(pins).said
    assert "(pinned 0.1)" in said
    assert "no-such-package missing (pinned 2.0)" in said


def test_a_wrong_memory_limit_is_told(deployment: Deployment) -> None:
    """Text that is no amount is an error, more than the machine has a warning."""
    levels = [
        installation.memory(Deployment(**deployment.model_dump() | {"memory_limit": limit})).level
        for limit in ("1GB", "900TB", "plenty")
    ]
    assert levels == ["ok", "warning", "error"]


def test_an_examination_that_breaks_off_keeps_none_from_being_made(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is told as an error, and the rest is examined."""

    def breaks() -> Finding:
        raise ZeroDivisionError

    monkeypatch.setattr(installation, "python_version", breaks)
    findings = list(examine(deployment))
    assert [finding.said for finding in findings if finding.check == "breaks"] == ["ZeroDivisionError: "]
    assert findings[-1].check != "breaks"


def test_findings_can_be_written_as_json(deployment: Deployment) -> None:
    """Every finding is plain text, with a mend wherever something is wrong."""
    findings = [vars(finding) for finding in examine(deployment)]
    assert json.loads(json.dumps(findings)) == findings
    assert all(finding["mend"] for finding in findings if finding["level"] != "ok")


def _job() -> dg.JobDefinition:
    @dg.op
    def nothing() -> None:
        """An op that does nothing."""

    @dg.job
    def empty() -> None:
        nothing()

    return empty
