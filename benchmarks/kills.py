"""Runs killed at every layer: what remained, what readers saw meanwhile, and what running again made of it.

A small company has a published snapshot; late data arrive; the job that takes them in is killed (SIGKILL) at a point
and run again. Every table of the warehouse, and what is published, is compared with what the job makes when nobody
disturbs it; the first row kills nothing and shows that the comparison itself is fair. Belongs here: that experiment
and its page. Does not belong here: what holds a run at a point (`tests.held_runs`).
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from benchmarks.pages import Page, table
from benchmarks.steadiness import Reader, difference, published, tables
from orchestration import snapshot
from orchestration.resources import Deployment
from orchestration.runs import dead_runs
from tests import held_runs, small_companies
from tests.runs import kept_environment

NOWHERE = "nowhere"
WITH_DBT = "; dbt killed as well"


@dataclass(frozen=True)
class Stage:
    """A job, the months it is given, and where it is killed: point to what has happened by then.

    Attributes:
        assets: keys of the job's assets that are made instead of all.
    """

    job: str
    months: tuple[str, ...]
    points: dict[str, str]
    assets: tuple[str, ...] = ()


STAGES = (
    Stage(
        "land_source",
        (),
        {
            NOWHERE: "not killed, to show that the comparison is fair",
            "landing": "all rows loaded, transaction open",
            "expectations": "pages written, checks not reported",
        },
    ),
    Stage(
        "refresh_warehouse",
        (),
        {
            "dbt": "dbt builds the marts and works on, an orphan",
            "usage mart": f"dbt writes the incremental usage mart{WITH_DBT}",
            "findings": f"dbt writes the memory of findings{WITH_DBT}",
        },
    ),
    Stage(
        "refresh_warehouse",
        (),
        {"metrics": "first metric computed"},
        assets=("metrics/metric_values", "metrics/metric_definitions"),
    ),
    Stage(
        "score_and_publish",
        ("2024-05",),
        {
            "predictions": "statements inserted, warehouse not closed",
            "monitoring": "drift of one model written",
            "publish": "both faces written, version not named",
            "switch": "version complete, pointer not moved",
        },
    ),
    Stage(
        "train_models",
        (),
        {"registry": "version registered, alias not moved", "training": "record of a training half written"},
    ),
    Stage("build_features", ("2023-01", "2024-06"), {"features": "dbt builds the features and works on, an orphan"}),
)
POINTS = [point for stage in STAGES for point in stage.points]
MODELS_OF_DBT = {"usage mart": "fct_account_usage_monthly", "findings": "int_findings_tracked"}
# By dbt's own log, which runs otherwise do not write, the moment is known at which it sends a model's statements.
WITH_LOG = (
    "from orchestration.transformations import lean_dbt; lean_dbt.LEAN_FLAGS = (*lean_dbt.LEAN_FLAGS[:-1], 'debug')\n"
)


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
    parser.add_argument("--folder", type=Path, help="where states and rows of an earlier call are kept and taken from")
    parser.add_argument("--write", action="store_true", help="write docs/results/kills.md")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch, kept_environment():
        kills = _experiment(chosen.folder or Path(scratch), chosen.points)
    page = _page(kills, time.monotonic() - started)
    print(page.text())
    if chosen.write:
        print(page.write())
    return int(any(kill.equal != "yes" for kill in kills))


def _experiment(folder: Path, points: Sequence[str]) -> list[Kill]:
    """Rows of the table; before every kill the state is put back to the end of the stage before."""
    deployment = small_companies.deploy(folder, "contract", "contractual", small_companies.contractual(12, 20))
    before = _state_after(deployment, folder / "published", held_runs.RUN)
    _late_data(folder)
    kills = []
    for number, stage in enumerate(STAGES):
        _put_back(deployment, before)
        after = _state_after(deployment, folder / f"after_{number}_{stage.job}", _script(stage))
        _put_back(deployment, after)
        expected = tables(deployment)
        for point in stage.points:
            if point in points:
                row = folder / f"kill_{point}.json"
                if not row.exists():
                    _put_back(deployment, before)
                    row.write_text(json.dumps(asdict(_kill(deployment, stage, point, expected, folder))))
                kills.append(Kill(**json.loads(row.read_text())))
        before = after
    return kills


def _state_after(deployment: Deployment, kept: Path, script: str) -> Path:
    """The state after an undisturbed run, kept in a folder."""
    if not kept.exists():
        _run(deployment, script)
        shutil.copytree(deployment.state, kept)
    return kept


def _put_back(deployment: Deployment, state: Path) -> None:
    shutil.rmtree(deployment.state, ignore_errors=True)
    shutil.copytree(state, deployment.state)


def _script(stage: Stage) -> str:
    return held_runs.script_of(stage.job, months=stage.months, assets=stage.assets)


def _kill(deployment: Deployment, stage: Stage, point: str, expected: dict[str, pd.DataFrame], folder: Path) -> Kill:
    good = published(deployment).version
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
    seen = "CHANGED" if reader.seen - {good, published(deployment).version} else "good snapshots only"
    left = held_runs.under_way(deployment)
    kill = Kill(
        stage.job,
        f"{point}: {stage.points[point]}",
        remained,
        f"{reader.reads} reads, {len(reader.failures)} failed, {seen}",
        f"ended well in {took:.0f} s; {left} dead on record",
        difference(tables(deployment), expected),
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
    log.unlink(missing_ok=True)
    child = held_runs.start(deployment, WITH_LOG + _script(stage))
    wanted, place = f"On model.customer_lifecycle.{MODELS_OF_DBT[point]}".encode(), 0
    while child.poll() is None:
        if log.exists():
            with log.open("rb") as file:
                file.seek(place)
                read = file.read()
            if wanted in read:
                return child
            # What is wanted may be half written.
            place += max(len(read) - len(wanted), 0)
        time.sleep(0.002)
    msg = f"the run ended before dbt came to it: {child.communicate()}"
    raise RuntimeError(msg)


def _remains(deployment: Deployment) -> str:
    """What lies there after the kill, as far as it is not as it was."""
    note = deployment.state / dead_runs.DBT
    has_dbt = note.exists() and dead_runs.is_dbt(int(note.read_text() or 0), deployment.state)
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
    missing = [point for point in POINTS if not any(kill.killed.startswith(f"{point}:") for kill in kills)]
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
        blocks=[
            (__doc__ or "").split("\n\n")[1].split(" Belongs here")[0],
            table(pd.DataFrame([asdict(kill) for kill in kills])),
            f"Not measured this time: {', '.join(missing)}." if missing else "",
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
