"""`make ui`: Dagster's UI for all companies of the deployment and MLflow's for each store, on loopback, until Ctrl-C.

Belongs here: starting, watching and stopping the servers. Nothing is served beyond this machine.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from orchestration.deployment import instance
from orchestration.deployment.exit_codes import FAILED, OK
from orchestration.deployment.instance import point_dagster_at
from orchestration.environment import environment, mlflow_environment
from orchestration.resources import ROOT, Deployment, deployment_from_environment
from orchestration.runs.exclusive import only_run

HOST = "127.0.0.1"
DAGSTER_PORT, MLFLOW_PORT = 3000, 5000
STOP_SECONDS = 15
# Without it MLflow opens on its pages for language models.
MLFLOW_PAGE = "/#/experiments?workflowType=machine_learning"


@dataclass(frozen=True)
class Server:
    """A server that was started: its name, where it listens, its process, what it writes."""

    name: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path


def main() -> int:
    """Start the UIs, print their addresses, and stop them on Ctrl-C or SIGTERM.

    Raises:
        CompanyError: the settings are wrong.
        DatabaseUnreachableError: a database does not answer.
        AnotherRunError: the UIs of this deployment are up already; two daemons would each start what is due.
    """
    deployment = deployment_from_environment()
    title = ", ".join(deployment.companies) if deployment.is_shared else deployment.company.title
    instance.reach_databases(deployment)
    with only_run(deployment.dagster_folder, "make ui"):
        point_dagster_at(deployment)
        return _serve(deployment, title)


def _serve(deployment: Deployment, title: str) -> int:
    console = Console()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, _interrupt)
    servers: list[Server] = []
    try:
        servers.extend(_servers(deployment))
        console.print(f"[bold]{escape(title)}[/bold]: starting, this takes some seconds ...")
        _wait_until_up([server.port for server in servers], [server.process for server in servers])
        for server in servers:
            page, content = ("", "assets, runs, checks") if server is servers[0] else (MLFLOW_PAGE, "runs, models")
            console.print(f"{server.name:<16} http://{HOST}:{server.port}{page}  ({content})", soft_wrap=True)
            console.print(f"{'':<16} log: {server.log}", style="dim", soft_wrap=True)
        console.print("Ctrl-C stops them.")
        return _wait_for_end(servers, deployment, console)
    except KeyboardInterrupt:
        return OK
    finally:
        _stop([server.process for server in servers])
        console.print("Stopped.")


def _servers(deployment: Deployment) -> Iterator[Server]:
    """Dagster's first; one MLflow per store: one for all companies in a database, else one for each."""
    dagster_port, port, stores = free_port(DAGSTER_PORT), free_port(MLFLOW_PORT), owners_of_stores(deployment)
    # Assets link to MLflow where one server shows all models.
    with environment(LIFECYCLE_MLFLOW_UI=f"http://{HOST}:{port}" if len(stores) == 1 else ""):
        log = deployment.dagster_folder / "dagster-ui.log"
        yield Server("Dagster", dagster_port, _start(_dagster(deployment, dagster_port), log), log)
    for one in stores:
        port = free_port(port)
        name = "MLflow" if len(stores) == 1 else f"MLflow {one.company_name}"
        one.state.mkdir(parents=True, exist_ok=True)
        with environment(**mlflow_environment(one)):
            log = one.state / "mlflow-ui.log"
            yield Server(name, port, _start(_mlflow(port), log), log)
        port += 1


def owners_of_stores(deployment: Deployment) -> list[Deployment]:
    """A company for each of MLflow's stores: one where all share a database, else every company."""
    if deployment.has_mlflow_database or not deployment.is_shared:
        return [deployment]
    return [deployment_from_environment(name) for name in deployment.companies]


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


def _dagster(deployment: Deployment, port: int) -> list[str]:
    one = ["-m", "orchestration.definitions", "-d", str(ROOT)]
    code = ["-w", str(instance.workspace_file(deployment))] if deployment.is_shared else one
    return [_tool("dagster"), "dev", *code, "-h", HOST, "-p", str(port), "--log-level", "warning"]


def _mlflow(port: int) -> list[str]:
    return [_tool("mlflow"), "server", "--host", HOST, "--port", str(port), "--workers", "1"]


def _tool(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server in the folder of its log: in ours Dagster would read a file `.env` over the environment."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - commands of our own
            command, cwd=log.parent, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
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


def _wait_for_end(servers: Sequence[Server], deployment: Deployment, console: Console) -> int:
    """Until Dagster ends, or anything where one company is all there is; an MLflow of another company may be missed."""
    running = list(servers)
    while running and running[0] is servers[0]:
        ended = [server for server in running if server.process.poll() is not None]
        for server in ended:
            console.print(f"{server.name} ended by itself; see {server.log}", style="red", soft_wrap=True)
            running.remove(server)
        if ended and not deployment.is_shared:
            break
        time.sleep(0.5)
    return FAILED


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
