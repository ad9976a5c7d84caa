import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestration.deployment import ui
from orchestration.resources import deployment_from_environment

# A server that starts a helper of its own, as `dagster dev` does, and tells its number.
SERVER = """
import subprocess, sys, time
helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
print(helper.pid, flush=True)
time.sleep(120)
"""


def test_a_taken_port_is_not_chosen() -> None:
    """Where somebody listens already, the system picks another port."""
    with socket.socket() as taken:
        taken.bind((ui.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ui.free_port(port) != port
        assert ui._listens(port)
    assert not ui._listens(port)


def test_what_was_started_is_stopped(tmp_path: Path) -> None:
    """Nothing that the UI started works on after it: neither the server nor the server's helpers."""
    log = tmp_path / "server.log"
    server = ui._start([sys.executable, "-c", SERVER], log)
    deadline = time.monotonic() + 30
    while not log.read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.05)
    helper = int(log.read_text())
    ui._stop([server])
    assert server.poll() is not None
    assert _ends(helper)


def test_a_server_that_ended_is_no_reason_to_wait() -> None:
    """A server that dies while starting ends the waiting at once."""
    with subprocess.Popen([sys.executable, "-c", ""]) as server:
        server.wait()
        started = time.monotonic()
        ui._wait_until_up([1], [server], seconds=30)
    assert time.monotonic() - started < 5


def test_a_store_has_one_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Companies with a file each have a server each; those that share a database share its server."""
    monkeypatch.setenv("LIFECYCLE_COMPANIES", "sample,olist")
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", str(tmp_path))
    monkeypatch.delenv("LIFECYCLE_COMPANY", raising=False)
    owners = ui.owners_of_stores(deployment_from_environment())
    assert [one.tracking_uri for one in owners] == [
        f"sqlite:///{tmp_path}/{name}/mlflow.db" for name in ("sample", "olist")
    ]
    monkeypatch.setenv("LIFECYCLE_MLFLOW_DATABASE", "postgresql://u:p@db/models")
    assert len(ui.owners_of_stores(deployment_from_environment())) == 1


def _ends(pid: int) -> bool:
    """Whether the process is gone, or waits only for its parent to take note of its end."""
    for _ in range(50):
        state = subprocess.run(  # noqa: S603 - fixed arguments
            ["/bin/ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout.strip()
        if not state or state.startswith("Z"):
            return True
        time.sleep(0.1)
    os.kill(pid, 9)
    return False
