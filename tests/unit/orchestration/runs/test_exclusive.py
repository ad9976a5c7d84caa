import errno
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.runs import exclusive
from orchestration.runs.exclusive import AnotherRunError, living_run, only_run
from orchestration.storage import DeploymentError

# A process that holds the company for a run, or shows that the run lives, until it is killed.
HOLDS = """
import sys, time
from pathlib import Path
from orchestration.runs import exclusive
run = exclusive.living_run(Path(sys.argv[1]), "run1", "rebuild", print)
run.__enter__()
print("ready", flush=True)
time.sleep(60)
"""


def _process(state: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", HOLDS, str(state)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def test_a_second_holder_is_refused_or_queues(tmp_path: Path) -> None:
    """Who does not wait is told who holds the company; who waits is told once, and comes after."""
    told: list[str] = []
    order: list[str] = []

    def second() -> None:
        with only_run(tmp_path, "make run", wait=told.append):
            order.append("second")

    with ThreadPoolExecutor() as others, only_run(tmp_path, "make docs"):
        with pytest.raises(AnotherRunError, match="make docs"):
            others.submit(only_run(tmp_path).__enter__).result()
        waiting = others.submit(second)
        while not told:
            threading.Event().wait(0.05)
        order.append("first")
        assert not waiting.done()
    assert order == ["first", "second"]
    assert len(told) == 1
    assert "make docs" in told[0]
    assert exclusive.holder(tmp_path) is None


def test_a_process_enters_again(tmp_path: Path) -> None:
    """`make run` holds the company around its jobs, each of which holds it too; others read who is innermost."""
    with only_run(tmp_path, "make run"):
        with living_run(tmp_path, "run1", "rebuild", print) as is_holder:
            assert is_holder
            assert str(exclusive.holder(tmp_path)).endswith("job rebuild, run run1")
        assert str(exclusive.holder(tmp_path)).endswith("make run")
        assert exclusive.is_held(tmp_path)
    assert not exclusive.is_held(tmp_path)


def test_a_killed_holder_lets_go_and_is_found_dead(tmp_path: Path) -> None:
    """The system frees what a killed process held; its name still stands there, and its note shows no life."""
    with _process(tmp_path) as child:
        assert exclusive.is_held(tmp_path)
        (note,) = exclusive.live_runs(tmp_path)
        assert exclusive.lives(note)
        child.kill()
    assert not exclusive.is_held(tmp_path)
    assert not exclusive.lives(note)
    killed = exclusive.holder(tmp_path)
    assert killed is not None
    assert killed.run_id == "run1"
    with only_run(tmp_path):
        pass


def test_a_step_process_shares_its_parents_hold(tmp_path: Path) -> None:
    """A step in a process of its own does not wait for the parent that holds the company for the same run."""
    with _process(tmp_path) as parent:
        with living_run(tmp_path, "run1", "rebuild", print) as is_holder:
            assert not is_holder
        parent.kill()


def test_a_step_that_begins_after_its_run_was_killed_ends(tmp_path: Path) -> None:
    """It neither waits for itself nor works beside the next run, which finds the company free."""
    with _process(tmp_path) as parent:
        parent.kill()
    late = "from pathlib import Path; from orchestration.runs import exclusive\n"
    late += f"exclusive.living_run(Path({str(tmp_path)!r}), 'run1', 'rebuild', print).__enter__()"
    ended = subprocess.run([sys.executable, "-c", late], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    assert "KilledRunError: Run run1 was killed before this step of it began." in ended.stderr
    assert not exclusive.lives(tmp_path / exclusive.LIVE / "run1")
    with only_run(tmp_path):
        pass


def test_a_step_that_outlives_its_killed_run_is_waited_for(tmp_path: Path) -> None:
    """The company is free when the last process of the killed run has ended, not before."""
    told: list[str] = []
    with _process(tmp_path) as parent, _process(tmp_path) as step:
        parent.kill()
        parent.wait()

        def ends(text: str) -> None:
            told.append(text)
            step.kill()

        with only_run(tmp_path, wait=ends):
            assert step.poll() is not None
    assert told == ["Run run1 was killed; a step of it still works. Waiting for its end."]


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems know none: nothing runs there unprotected, and the message says what to change."""

    def no_locks(_descriptor: int, _kind: int) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr("fcntl.flock", no_locks)
    for hold in (only_run(tmp_path), living_run(tmp_path, "run1", "rebuild", print)):
        with pytest.raises(DeploymentError, match="Let LIFECYCLE_STATE_DIR name a folder on a local disk"), hold:
            pytest.fail("held without a lock")
