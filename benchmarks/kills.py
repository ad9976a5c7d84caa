"""Runs killed at every layer: what remained, what readers saw meanwhile, and what running again made of it.

A small company has a published snapshot; late data arrive; the job that takes them in is killed (SIGKILL) at a point
and run again. Every table of the warehouse, and what is published, is compared with what the job makes when nobody
disturbs it; the first row kills nothing and shows that the comparison itself is fair. Belongs here: that experiment
and its page. Does not belong here: what holds a run at a point (`tests.held_runs`).
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import duckdb
import pandas as pd

from benchmarks.pages import Page, table
from orchestration import dead_runs, snapshot
from orchestration.resources import Deployment
from tests import held_runs, small_companies
from tests.runs import OF_THE_RUN, RECORDS, content, kept_environment

NOWHERE = "nowhere"
WITH_DBT = "; dbt killed as well"


@dataclass(frozen=True)
class Stage:
    """A job, the months it is given, and where it is killed: point to what has happened by then."""

    job: str
    months: tuple[str, ...]
    points: dict[str, str]


STAGES = (
    Stage(
        "refresh_warehouse",
        (),
        {
            NOWHERE: "not killed, to show that the comparison is fair",
            "landing": "all rows loaded, transaction open",
            "expectations": "pages written, checks not reported",
            "dbt": "dbt builds the marts and works on, an orphan",
            "usage mart": f"dbt writes the incremental usage mart{WITH_DBT}",
            "findings": f"dbt writes the memory of findings{WITH_DBT}",
            "metrics": "first metric computed",
        },
    ),
    Stage("build_features", ("2023-01", "2024-06"), {"features": "dbt builds the features and works on, an orphan"}),
    Stage(
        "train_models",
        (),
        {"registry": "version registered, alias not moved", "training": "record of a training half written"},
    ),
    Stage(
        "score_and_publish",
        ("2024-06",),
        {
            "predictions": "statements inserted, warehouse not closed",
            "monitoring": "drift of one model written",
            "publish": "both faces written, version not named",
            "switch": "version complete, pointer not moved",
        },
    ),
)
POINTS = [point for stage in STAGES for point in stage.points]
MODELS_OF_DBT = {"usage mart": "fct_account_usage_monthly", "findings": "int_findings_tracked"}
# Which training made a row is not what it says: a training that was killed is made again under the next number.
NAMES = OF_THE_RUN | {"candidate_version", "champion_version", "model_version", "version", "known_at", "source_row"}


@dataclass
class Reader:
    """Reads the published snapshot again and again, as an application does."""

    deployment: Deployment
    reads: int = 0
    failures: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Read until told to stop."""
        while not self.stop.wait(0.2):
            try:
                made = _published(self.deployment)
                path = made.path(self.deployment.published) / "analytics.duckdb"
                with duckdb.connect(str(path), read_only=True) as connection:
                    rows = connection.execute("select count(*) from dim_accounts").fetchall()[0][0]
            except (OSError, RuntimeError, ValueError, duckdb.Error) as error:
                self.failures.append(repr(error))
                continue
            self.reads += 1
            self.seen.add(made.version if rows == made.rows["dim_accounts"] else "other rows than were published")


@dataclass(frozen=True)
class Kill:
    """One row of the table."""

    job: str
    killed: str
    remained: str
    readers: str
    rerun: str
    equal: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill a run at every point; returns 1 if a rerun did not end as an undisturbed run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", nargs="*", default=POINTS, choices=POINTS)
    parser.add_argument("--write", action="store_true", help="write docs/results/kills.md")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, kept_environment():
        kills = _experiment(Path(folder), chosen.points)
    page = _page(kills, time.monotonic() - started)
    print(page.text())
    if chosen.write:
        print(page.write())
    return int(any(kill.equal != "yes" for kill in kills))


def _experiment(folder: Path, points: Sequence[str]) -> list[Kill]:
    """Rows of the table; before every kill the state is put back to the end of the stage before."""
    deployment = small_companies.deploy(folder, "contract", "contractual", small_companies.contractual(12, 20))
    _run(deployment, held_runs.RUN)
    _late_data(folder)
    kills = []
    for stage in STAGES:
        before = folder / f"before_{stage.job}"
        shutil.copytree(deployment.state, before)
        _run(deployment, _script(stage))
        expected = _tables(deployment)
        after = folder / f"after_{stage.job}"
        shutil.copytree(deployment.state, after)
        for point in stage.points:
            if point in points:
                _put_back(deployment, before)
                kills.append(_kill(deployment, stage, point, expected, folder))
        _put_back(deployment, after)
    return kills


def _put_back(deployment: Deployment, state: Path) -> None:
    shutil.rmtree(deployment.state)
    shutil.copytree(state, deployment.state)


def _script(stage: Stage) -> str:
    return held_runs.JOB.format(job=stage.job, months=stage.months)


def _kill(deployment: Deployment, stage: Stage, point: str, expected: dict[str, pd.DataFrame], folder: Path) -> Kill:
    good = _published(deployment).version
    reader = Reader(deployment)
    thread = threading.Thread(target=reader.run)
    thread.start()
    try:
        remained = "" if point == NOWHERE else _killed(deployment, stage, point, folder)
        took = time.monotonic()
        _run(deployment, _script(stage))
        took = time.monotonic() - took
    finally:
        reader.stop.set()
        thread.join()
    seen = "CHANGED" if reader.seen - {good, _published(deployment).version} else "good snapshots only"
    left = held_runs.under_way(deployment)
    kill = Kill(
        stage.job,
        f"{point}: {stage.points[point]}",
        remained,
        f"{reader.reads} reads, {len(reader.failures)} failed, {seen}",
        f"ended well in {took:.0f} s; {left} dead on record",
        _difference(_tables(deployment), expected),
    )
    print(" | ".join(asdict(kill).values()), flush=True)
    return kill


def _killed(deployment: Deployment, stage: Stage, point: str, folder: Path) -> str:
    """Kill the job at the point; returns what remains."""
    child = _held(deployment, stage, point, folder)
    if point in MODELS_OF_DBT:
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    held_runs.finish(child)
    return _remains(deployment)


def _held(deployment: Deployment, stage: Stage, point: str, folder: Path) -> "subprocess.Popen[str]":
    """A run that has come to the point."""
    if point not in MODELS_OF_DBT:
        return held_runs.held_at(deployment, point, folder, _script(stage))
    log = deployment.state / "dbt" / "dbt_warehouse" / "dbt.log"
    passed = log.stat().st_size if log.exists() else 0
    child = held_runs.start(deployment, _script(stage))
    while child.poll() is None:
        with log.open("rb") as file:
            file.seek(passed)
            if f"On model.customer_lifecycle.{MODELS_OF_DBT[point]}".encode() in file.read():
                return child
        time.sleep(0.002)
    msg = f"the run ended before dbt came to it: {child.communicate()}"
    raise RuntimeError(msg)


def _remains(deployment: Deployment) -> str:
    """What lies there after the kill, as far as it is not as it was."""
    note = deployment.state / dead_runs.DBT
    has_dbt = note.exists() and dead_runs._is_dbt(int(note.read_text() or 0))  # noqa: SLF001
    unfinished = len(list(deployment.published.glob(f"{snapshot.UNFINISHED}*")))
    named = {path.name for path in deployment.published.iterdir() if path.is_dir() and not path.name.startswith(".")}
    current = snapshot.current(deployment.published)
    unnamed = len([name for name in named if current is not None and name > current.version])
    found = {
        "run on record as started": held_runs.under_way(deployment),
        "dbt at work": int(has_dbt),
        "unfinished version": unfinished,
        "complete version without pointer": unnamed,
        "uncommitted write-ahead log": int(Path(f"{deployment.warehouse_path}.wal").exists()),
    }
    return ", ".join(f"{count} {what}" for what, count in found.items() if count)


def _run(deployment: Deployment, script: str) -> None:
    code, output, errors = held_runs.finish(held_runs.start(deployment, script))
    if code != 0:
        raise RuntimeError(output + errors)


def _published(deployment: Deployment) -> snapshot.Snapshot:
    made = snapshot.current(deployment.published)
    if made is None:
        msg = "nothing is published"
        raise RuntimeError(msg)
    return made


def _tables(deployment: Deployment) -> dict[str, pd.DataFrame]:
    """Every table of the warehouse and of the published snapshot, without the names and times of runs."""
    published = {f"published {name}": frame for name, frame in content(deployment, records=False).items()}
    with deployment.warehouse(read_only=True) as connection:
        rows = connection.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        found = {
            f"{schema}.{name}": connection.table(f'"{schema}"."{name}"').df()
            for schema, name in rows
            if name not in RECORDS
        }
    return {name: _without_names(frame) for name, frame in (found | published).items()}


def _without_names(frame: pd.DataFrame) -> pd.DataFrame:
    kept = frame[[name for name in frame.columns if name not in NAMES]]
    if kept.empty:
        return kept
    return kept.iloc[kept.astype(str).agg("|".join, axis=1).argsort()].reset_index(drop=True)


def _difference(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> str:
    names = sorted(
        name
        for name in expected.keys() | found.keys()
        if name not in expected or name not in found or not found[name].equals(expected[name])
    )
    return f"NO: {', '.join(names)}" if names else "yes"


def _late_data(folder: Path) -> None:
    """A changed deal, a ticket and a month of usage that became known late."""
    tables = small_companies.contractual(12, 20)
    tables["deals"][0]["amount"] = 4321
    tables["support_tickets"].append(
        {"ticket_id": "late", "account_id": "a0", "opened_at": "2024-05-02", "resolved_at": "2024-05-03"}
    )
    tables["product_usage"] += [
        {"usage_id": f"late-{day}", "account_id": "a0", "used_on": f"2024-06-{day:02}", "events": day}
        for day in range(1, 21)
    ]
    for name, rows in tables.items():
        small_companies.write(folder / "data" / "small" / f"{name}.csv", name, rows)


def _page(kills: Sequence[Kill], seconds: float) -> Page:
    done = [kill for kill in kills if not kill.killed.startswith(NOWHERE)]
    equal = sum(kill.equal == "yes" for kill in done)
    steady = sum("0 failed, good" in kill.readers for kill in done)
    return Page(
        name="kills",
        title="Runs killed at every layer",
        outcome=(
            f"Of {len(done)} runs killed (SIGKILL) at as many points, {equal} ended as an undisturbed run once run "
            f"again; in {steady} readers saw nothing but the last good snapshot and then the new one."
        ),
        command="python -m benchmarks.kills --write",
        seed=11,
        seconds=seconds,
        blocks=[(__doc__ or "").split("\n\n")[1], table(pd.DataFrame([asdict(kill) for kill in kills]))],
    )


if __name__ == "__main__":
    sys.exit(main())
