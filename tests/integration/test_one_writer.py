"""Runs of one company that are launched at once or die at once, whatever executes their steps."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from orchestration import snapshot
from orchestration.resources import ROOT
from orchestration.runs import exclusive
from tests.one_writer import DIARY, HELD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
JOBS = ("many_processes", "one_process")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Dagster's folder and the deployment's state, with the pool's limit of ours."""
    (tmp_path / "dagster.yaml").write_text("concurrency:\n  pools:\n    default_limit: 1\n    granularity: op\n")
    # The tables of the records are there already; Dagster itself does not expect two first starts at once.
    with dg.DagsterInstance.from_config(str(tmp_path)):
        pass
    return tmp_path


def _started(home: Path, job: str) -> "subprocess.Popen[bytes]":
    names = {"DAGSTER_HOME": str(home), "LIFECYCLE_STATE_DIR": str(home)}
    command = [sys.executable, "-m", "tests.one_writer", job]
    return subprocess.Popen(  # noqa: S603 - our own module
        command, cwd=ROOT, env=os.environ | names, stderr=subprocess.PIPE, start_new_session=True
    )


def _ends_well(child: "subprocess.Popen[bytes]") -> None:
    _, errors = child.communicate(timeout=240)
    assert child.returncode == 0, errors.decode()[-3000:]


def test_runs_queue_and_never_interleave(home: Path) -> None:
    """A run with step processes and runs with one process end one after the other; none waits for another's pool."""
    for child in [_started(home, job) for job in JOBS]:
        _ends_well(child)
    lines = [line.split() for line in (home / "small" / DIARY).read_text().splitlines()]
    assert len(lines) == 4 * len(JOBS)
    for first in range(0, len(lines), 4):
        assert len({job for job, *_ in lines[first : first + 4]}) == 1, lines
        assert [part for *_, part in lines[first : first + 4]] == ["begins", "ends"] * 2


def test_all_processes_of_a_run_die_while_it_publishes(home: Path) -> None:
    """As when the machine goes: nobody reads half a version, nothing is taken for alive, and the next run publishes."""
    state = home / "small"
    state.mkdir()
    (state / HELD).touch()
    child = _started(home, "publishes")
    while not list(state.glob(f"published/{snapshot.UNFINISHED}*/parquet/b.parquet")) and child.poll() is None:
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    assert snapshot.current(state / "published") is None
    (note,) = exclusive.live_runs(state)
    # The system closes the files of the last killed process a moment after the signal.
    deadline = time.monotonic() + 30
    while (exclusive.is_held(state) or exclusive.lives(note)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not exclusive.is_held(state)
    assert not exclusive.lives(note)

    (state / HELD).unlink()
    _ends_well(_started(home, "publishes"))
    made = snapshot.current(state / "published")
    assert made is not None
    assert {path.name for path in (state / "published").iterdir()} == {snapshot.POINTER, made.version}
    with dg.DagsterInstance.from_config(str(home)) as instance:
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses.pop(note.name) == dg.DagsterRunStatus.FAILURE
    assert list(statuses.values()) == [dg.DagsterRunStatus.SUCCESS]
