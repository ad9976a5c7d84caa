"""Servers killed while runs work and wait: what became of the runs, and what it took until all was well again.

A code server and a daemon serve one small company as in production; runs are launched into the queue, and processes
are killed (SIGKILL) once a run holds the company. Belongs here: that experiment and its page. Does not belong here:
kills inside a run (`benchmarks.kills`).
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import dagster as dg
import pandas as pd

from benchmarks.pages import Page, table
from orchestration.deployment.instance import point_dagster_at
from orchestration.deployment.ui import free_port
from orchestration.resources import ROOT, Deployment, dagster_environment
from orchestration.runs import exclusive
from orchestration.runs.dead_runs import COMPANY_TAG
from tests import held_runs, small_companies
from tests.runs import kept_environment, versions

JOB = "land_source"
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE
PATIENCE_SECONDS = 420.0


@dataclass(frozen=True)
class Outcome:
    """One row of the table."""

    killed: str
    runs: str
    mended_by: str
    seconds: str
    raw_versions: str


@dataclass
class Servers:
    """The code server and the daemon of a deployment, and the runs launched so far."""

    deployment: Deployment
    folder: Path
    instance: dg.DagsterInstance
    port: int = field(default_factory=lambda: free_port(4100))
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start servers and wait for the code server to load."""
        workspace = self.folder / "workspace.yaml"
        workspace.write_text(f"load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {self.port}}}\n")
        served = ["-m", "orchestration.definitions", "-h", "127.0.0.1", "-p", str(self.port)]
        commands = {
            "code server": [*_dagster("dagster"), "api", "grpc", *served],
            "daemon": [*_dagster("dagster-daemon"), "run", "-w", str(workspace)],
        }
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(  # noqa: S603 - commands of our own
                    commands[name], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
                )
            if name == "code server":
                _wait(self._serves)

    def _serves(self) -> bool:
        check = [*_dagster("dagster"), "api", "grpc-health-check", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(check, capture_output=True, check=False).returncode == 0  # noqa: S603

    def launch(self) -> None:
        """Put a run into the queue."""
        tags = json.dumps({COMPANY_TAG: self.deployment.company_name})
        command = ["job", "launch", "-w", str(self.folder / "workspace.yaml"), "-j", JOB, "--tags", tags]
        subprocess.run([*_dagster("dagster"), *command], cwd=ROOT, check=True, capture_output=True)  # noqa: S603

    def worker(self) -> int:
        """The process of the run that holds the company, once one does."""
        _wait(lambda: exclusive.is_held(self.deployment.state) and self._holder() != 0)
        return self._holder()

    def _holder(self) -> int:
        by = exclusive.holder(self.deployment.state)
        return by.process if by is not None and by.run_id else 0

    def kill(self, *names: str) -> None:
        """Kill servers, not what they started."""
        for name in names:
            self.processes[name].kill()
            self.processes[name].wait()

    def stop(self) -> None:
        """End everything."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait(60)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill each server and all of them; returns 1 if a run that was launched did not end well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/results/server_kills.md")
    chosen = parser.parse_args(arguments)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, kept_environment():
        outcomes = _experiment(Path(folder))
    page = _page(outcomes, time.monotonic() - started)
    print(page.text())
    if chosen.write:
        print(page.write())
    return int(any("NOT" in outcome.runs for outcome in outcomes))


def _experiment(folder: Path) -> list[Outcome]:
    deployment = small_companies.deploy(folder, "contract", "contractual", small_companies.contractual(12, 20))
    point_dagster_at(deployment)
    os.environ.update(dagster_environment(deployment))
    code, output, errors = held_runs.finish(held_runs.start(deployment, held_runs.script_of(JOB)))
    if code != 0:
        raise RuntimeError(output + errors)
    with dg.DagsterInstance.get() as instance:
        servers = Servers(deployment, folder, instance)
        servers.start("code server", "daemon")
        try:
            return [_case(servers, *case) for case in CASES]
        finally:
            servers.stop()


def _kill_worker(servers: Servers) -> None:
    os.kill(servers.worker(), signal.SIGKILL)


def _kill_daemon(servers: Servers) -> None:
    servers.worker()
    servers.kill("daemon")


def _kill_code_server(servers: Servers) -> None:
    servers.worker()
    servers.kill("code server")


def _kill_all(servers: Servers) -> None:
    worker = servers.worker()
    servers.kill("daemon", "code server")
    os.kill(worker, signal.SIGKILL)


Case = tuple[str, Callable[[Servers], None], tuple[str, ...], int]
# What is killed, how, which servers are started again afterwards, and how many runs are launched.
CASES: tuple[Case, ...] = (
    ("the run's process", _kill_worker, (), 1),
    ("the daemon; one run works, one waits in the queue", _kill_daemon, ("daemon",), 2),
    ("the code server while a run works", _kill_code_server, ("code server",), 1),
    ("all three at once; one run more in the queue", _kill_all, ("code server", "daemon"), 2),
)


def _case(
    servers: Servers, killed: str, kill: Callable[[Servers], None], restarted: tuple[str, ...], n: int
) -> Outcome:
    before, counts = len(servers.instance.get_runs()), versions(servers.deployment)
    for _ in range(n):
        servers.launch()
    kill(servers)
    began = time.monotonic()
    servers.start(*restarted)
    ended = _wait(lambda: _successes(servers, before) >= n)
    seconds = time.monotonic() - began
    runs = [
        run.status.value for run in reversed(servers.instance.get_runs()[: len(servers.instance.get_runs()) - before])
    ]
    outcome = Outcome(
        killed,
        ", ".join(runs) + ("" if ended else " - NOT WELL"),
        f"{' and '.join(restarted)} started again" if restarted else "nothing done: sensor `dead_runs`, run retry",
        f"{seconds:.0f}",
        "unchanged" if versions(servers.deployment) == counts else "CHANGED",
    )
    print(" | ".join(asdict(outcome).values()), flush=True)
    return outcome


def _successes(servers: Servers, before: int) -> int:
    runs = servers.instance.get_runs()
    new = runs[: len(runs) - before]
    is_over = all(run.is_finished for run in new)
    return sum(run.status == SUCCESS for run in new) if is_over else 0


def _wait(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def _dagster(name: str) -> list[str]:
    return [str(Path(sys.executable).parent / name)]


def _page(outcomes: Sequence[Outcome], seconds: float) -> Page:
    well = sum("NOT" not in outcome.runs and outcome.raw_versions == "unchanged" for outcome in outcomes)
    return Page(
        name="server_kills",
        title="Servers killed while runs work",
        outcome=(
            f"In {well} of {len(outcomes)} cases every run that was launched ended well without a person's help beyond "
            "starting the server again, and landing the same source again changed nothing."
        ),
        command="python -m benchmarks.server_kills --write",
        seed=11,
        seconds=seconds,
        blocks=[
            (__doc__ or "").split("\n\n")[1].split(" Belongs here")[0],
            table(pd.DataFrame([asdict(outcome) for outcome in outcomes])),
            "`FAILURE, SUCCESS` are the killed run and the one that Dagster launched in its place, from the step it "
            "died in. Seconds count from the kill until every run is over; the sensor looks every minute.",
        ],
    )


if __name__ == "__main__":
    sys.exit(main())
