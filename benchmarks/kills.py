"""Runs killed at every layer: what remained, what readers saw meanwhile, and what running again made of it.

A small company has a published snapshot; late data arrive; the run that takes them in is killed (SIGKILL) at a point
and `make run` is run again. Its end is compared with that of a run nobody disturbed. Belongs here: that experiment and
its page. Does not belong here: what holds a run at a point (`tests.held_runs`).
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
from tests.runs import content, kept_environment, versions

POINTS = {
    "landing": "all rows loaded, transaction open",
    "expectations": "pages written, checks not reported",
    "dbt": "dbt's marts, the run alone: dbt works on",
    "usage mart": "dbt writes the incremental usage mart; both killed",
    "findings": "dbt writes the memory of findings; both killed",
    "metrics": "first metric computed",
    "features": "dbt's features, the run alone: dbt works on",
    "registry": "version registered, alias not moved",
    "training": "record of a training half written",
    "predictions": "statements inserted, ledger not closed",
    "monitoring": "drift of one model written",
    "publish": "both faces written, version not named",
    "switch": "version complete, pointer not moved",
}
MODELS_OF_DBT = {"usage mart": "fct_account_usage_monthly", "findings": "int_findings_tracked"}
# Which training made a row is not what it says: a training that was killed is made again under the next number.
OF_THE_TRAINING = {"candidate_version", "champion_version", "model_version", "version", "previous_champion"}


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

    killed: str
    remained: str
    readers: str
    rerun: str
    equal: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill a run at every point; returns 1 if a rerun did not end as an undisturbed run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", nargs="*", default=list(POINTS), choices=list(POINTS))
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
    """Rows of the table; the state before the late data is put back for every point."""
    deployment = small_companies.deploy(folder, "contract", "contractual", small_companies.contractual(12, 20))
    _run(deployment)
    before = folder / "before"
    shutil.copytree(deployment.state, before)
    _late_data(folder)
    _run(deployment)
    expected = _state(deployment)
    return [_kill(deployment, point, before, expected, folder) for point in points]


def _kill(deployment: Deployment, point: str, before: Path, expected: dict[str, pd.DataFrame], folder: Path) -> Kill:
    shutil.rmtree(deployment.state)
    shutil.copytree(before, deployment.state)
    good = _published(deployment)
    child = _held(deployment, point, folder)
    if point in MODELS_OF_DBT:
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    held_runs.finish(child)
    remained = _remains(deployment)
    reader = Reader(deployment)
    thread = threading.Thread(target=reader.run)
    thread.start()
    took = time.monotonic()
    _run(deployment)
    took = time.monotonic() - took
    reader.stop.set()
    thread.join()
    now = _published(deployment)
    is_steady = not reader.failures and reader.seen <= {good.version, now.version} and good.version in reader.seen
    told = f"{reader.reads} reads, {len(reader.failures)} failed; " + (
        "last good, then new" if is_steady else "CHANGED"
    )
    left = held_runs.under_way(deployment)
    kill = Kill(
        f"{point}: {POINTS[point]}",
        remained,
        told,
        f"ended well in {took:.0f} s; {left} dead records left",
        _difference(_state(deployment), expected),
    )
    print(" | ".join(asdict(kill).values()), flush=True)
    return kill


def _held(deployment: Deployment, point: str, folder: Path) -> "subprocess.Popen[str]":
    """A run that has come to the point."""
    if point not in MODELS_OF_DBT:
        return held_runs.held_at(deployment, point, folder)
    log = deployment.state / "dbt" / "dbt_warehouse" / "dbt.log"
    passed = log.stat().st_size if log.exists() else 0
    child = held_runs.start(deployment)
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


def _run(deployment: Deployment) -> None:
    code, output, errors = held_runs.finish(held_runs.start(deployment))
    if code != 0:
        raise RuntimeError(output + errors)


def _published(deployment: Deployment) -> snapshot.Snapshot:
    made = snapshot.current(deployment.published)
    if made is None:
        msg = "nothing is published"
        raise RuntimeError(msg)
    return made


def _state(deployment: Deployment) -> dict[str, pd.DataFrame]:
    """What readers see, without the names and times of runs and trainings, and the number of raw versions."""
    found = {
        name: frame[[column for column in frame.columns if column not in OF_THE_TRAINING]]
        for name, frame in content(deployment, records=False).items()
    }
    counts = versions(deployment)
    return found | {"raw versions": pd.DataFrame({"table": list(counts), "count": list(counts.values())})}


def _difference(found: dict[str, pd.DataFrame], expected: dict[str, pd.DataFrame]) -> str:
    names = sorted(
        name
        for name in expected.keys() | found.keys()
        if name not in expected or name not in found or not _same(found[name], expected[name])
    )
    return f"NO: {', '.join(names)}" if names else "yes"


def _same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    order = [
        frame.iloc[frame.astype(str).agg("|".join, axis=1).argsort()].reset_index(drop=True) if len(frame) else frame
        for frame in (one, other)
    ]
    return list(one.columns) == list(other.columns) and order[0].equals(order[1])


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
    equal = sum(kill.equal == "yes" for kill in kills)
    steady = sum("0 failed; last good" in kill.readers for kill in kills)
    return Page(
        name="kills",
        title="Runs killed at every layer",
        outcome=(
            f"Of {len(kills)} runs killed (SIGKILL) at as many points, {equal} ended as an undisturbed run once run "
            f"again; in {steady} readers saw nothing but the last good snapshot and then the new one."
        ),
        command="python -m benchmarks.kills --write",
        seed=11,
        seconds=seconds,
        blocks=[__doc__.split("\n\n")[1], table(pd.DataFrame([asdict(kill) for kill in kills]))],
    )


if __name__ == "__main__":
    sys.exit(main())
