import subprocess
import sys
from pathlib import Path

from orchestration.exclusive import LOCK, only_run
from orchestration.holding import holder, is_alive


def test_whoever_holds_the_lock_is_told_without_taking_it(tmp_path: Path) -> None:
    """The holder's process is named while it holds, and a run that starts meanwhile is not turned away by looking."""
    assert holder(tmp_path) is None
    with only_run(tmp_path):
        assert holder(tmp_path) == int((tmp_path / LOCK).read_text())
    assert holder(tmp_path) is None
    with only_run(tmp_path):
        pass


def test_a_number_of_a_dead_process_holds_nothing(tmp_path: Path) -> None:
    """What a killed run noted is no holder."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    (tmp_path / LOCK).write_text(f"{ended.pid}\n")
    assert not is_alive(ended.pid)
    assert holder(tmp_path) is None
