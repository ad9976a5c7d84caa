"""`make ui`: the Dagster and MLflow UIs of one company on loopback, until Ctrl-C.

Belongs here: starting, watching and stopping the two servers. Nothing is served beyond this machine.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rich.console import Console

from orchestration.resources import ROOT, Deployment, deployment_from_environment, environment, point_dagster_at

HOST = "127.0.0.1"
DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
STOP_SECONDS = 15
# Without it MLflow opens on its pages for language models.
MLFLOW_PAGE = "/#/experiments?workflowType=machine_learning"


def main() -> int:
    """Start both UIs, print their addresses, and stop them on Ctrl-C or SIGTERM."""
    console = Console()
    deployment = deployment_from_environment()
    point_dagster_at(deployment)
    dagster_port, mlflow_port = free_port(DAGSTER_PORT), free_port(MLFLOW_PORT)
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _interrupt)
    with environment(
        MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false",
        MLFLOW_DISABLE_TELEMETRY="true",
        LIFECYCLE_MLFLOW_UI=f"http://{HOST}:{mlflow_port}",
    ):
        servers = [
            _start(_mlflow(deployment, mlflow_port), deployment.state / "mlflow-ui.log"),
            _start(_dagster(dagster_port), deployment.state / "dagster-ui.log"),
        ]
    try:
        console.print(f"[bold]{deployment.company.title}[/bold]: starting, this takes some seconds ...")
        _wait_until_up([dagster_port, mlflow_port], servers)
        console.print(f"Dagster  http://{HOST}:{dagster_port}  (assets, runs, checks)")
        console.print(f"MLflow   http://{HOST}:{mlflow_port}{MLFLOW_PAGE}  (runs, registered models)")
        console.print("Ctrl-C stops both.")
        return _wait_for_end(servers, deployment, console)
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(servers)
        console.print("Stopped.")


def free_port(preferred: int) -> int:
    """The preferred port if nobody listens on it, else one the system picks."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    msg = f"no free port on {HOST}"
    raise OSError(msg)


def _dagster(port: int) -> list[str]:
    command = [_tool("dagster"), "dev", "-m", "orchestration.definitions"]
    return [*command, "-h", HOST, "-p", str(port), "--log-level", "warning"]


def _mlflow(deployment: Deployment, port: int) -> list[str]:
    deployment.state.mkdir(parents=True, exist_ok=True)
    store = ["--backend-store-uri", deployment.tracking_uri]
    artifacts = ["--default-artifact-root", deployment.artifact_folder.as_uri()]
    return [_tool("mlflow"), "server", "--host", HOST, "--port", str(port), "--workers", "1", *store, *artifacts]


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - commands of our own
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )


def _wait_until_up(ports: Sequence[int], servers: Sequence[subprocess.Popen[bytes]], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    waiting = list(ports)
    while waiting and time.monotonic() < deadline and all(server.poll() is None for server in servers):
        waiting = [port for port in waiting if not _listens(port)]
        time.sleep(0.2)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def _wait_for_end(servers: Sequence[subprocess.Popen[bytes]], deployment: Deployment, console: Console) -> int:
    while all(server.poll() is None for server in servers):
        time.sleep(0.5)
    console.print(f"[red]A server ended by itself; its log is in {deployment.state}.[/red]")
    return 1


def _stop(servers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ask each server and what it started to end, and end them if they do not; each is a process group of its own."""
    for server in servers:
        _signal_group(server, signal.SIGTERM)
    for server in servers:
        try:
            server.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _signal_group(server, signal.SIGKILL)
            server.wait()


def _signal_group(server: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, number)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
