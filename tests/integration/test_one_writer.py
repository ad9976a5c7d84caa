"""Runs of one company that are launched at once, whatever executes their steps."""

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from orchestration.resources import ROOT
from tests.one_writer import DIARY

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
JOBS = ("many_processes", "one_process")


def test_runs_queue_and_never_interleave(tmp_path: Path) -> None:
    """A run with step processes and runs with one process end one after the other; none waits for another's pool."""
    (tmp_path / "dagster.yaml").write_text("concurrency:\n  pools:\n    default_limit: 1\n    granularity: op\n")
    names = {"DAGSTER_HOME": str(tmp_path), "LIFECYCLE_STATE_DIR": str(tmp_path)}
    # The tables of the records are there already; Dagster itself does not expect two first starts at once.
    with dg.DagsterInstance.from_config(str(tmp_path)):
        pass
    children = [
        subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "tests.one_writer", job], cwd=ROOT, env=os.environ | names, stderr=subprocess.PIPE
        )
        for job in JOBS
    ]
    for child in children:
        _, errors = child.communicate(timeout=240)
        assert child.returncode == 0, errors.decode()[-3000:]
    lines = [line.split() for line in (tmp_path / "small" / DIARY).read_text().splitlines()]
    assert len(lines) == 4 * len(JOBS)
    for first in range(0, len(lines), 4):
        assert len({job for job, *_ in lines[first : first + 4]}) == 1, lines
        assert [part for *_, part in lines[first : first + 4]] == ["begins", "ends"] * 2
