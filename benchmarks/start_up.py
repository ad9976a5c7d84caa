"""What starting costs before any work is done: `python -m benchmarks.start_up [--company sample] [--write]`.

The code location is loaded in a process of its own, the UI is started until it answers with the graph, and the company
is run twice from nothing, the second time with nothing new; CPU seconds of the process and all it started, because
they depend less on what else the machine does. Belongs here: the measurement and its page. Does not belong here: how
long a company of any size takes (`benchmarks.warehouse`).
"""

import argparse
import contextlib
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import dagster as dg
import pandas as pd
from dagster._core.execution.stats import RunStepKeyStatsSnapshot

from benchmarks.pages import ROOT, Page, table
from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import Deployment, dagster_environment, deployment_from_environment

LOAD = "import orchestration.definitions"
BUILD = "from orchestration.definitions import defs; defs.get_repository_def().load_all_definitions()"
RUN = "import sys; from orchestration.cli.app import main; sys.exit(main(['run']))"
QUESTION = "{ assetNodes { id } }"
SLOWEST, LIBRARIES = 8, 8
Report = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Cost:
    """CPU seconds of a process and its children, and seconds on the clock."""

    what: str
    cpu_seconds: float
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the costs; with --write also the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--company", default="sample")
    parser.add_argument("--write", action="store_true", help="write docs/results/start_up.md")
    chosen = parser.parse_args(arguments)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as state:
        report = measured(deployment_from_environment(chosen.company).model_copy(update={"state_folder": state}))
    for title, frame in report.items():
        print(f"\n{title}\n{frame.to_string(index=False, float_format=lambda value: f'{value:.1f}')}")
    if chosen.write:
        page(report, chosen.company, time.perf_counter() - started).write()
    return 0


def measured(deployment: Deployment) -> Report:
    """Tables by title: what starting costs, what is imported, what the two runs did."""
    names = os.environ | dagster_environment(deployment)
    costs = [
        _timed("dbt parses its project anew (once after a change of it)", lambda: _parse(names)),
        _timed("Python imports the definitions", lambda: _python(LOAD, names)),
        _timed("a code location is loaded", lambda: _python(BUILD, names)),
        _timed("first run of the company", lambda: _python(RUN, names)),
        _timed("second run, nothing new", lambda: _python(RUN, names)),
        _timed("the UIs are up and Dagster answers with the graph", lambda: _until_the_graph_shows(names)),
    ]
    runs = _runs(deployment)
    return {
        "Costs": pd.DataFrame([vars(cost) for cost in costs]),
        "Imports": _imports(names),
        "Events": _events(runs),
        "Slowest steps of the run with nothing new": _steps(runs),
    }


def _timed(what: str, do: Callable[[], object]) -> Cost:
    cpu, clock = _children_cpu(), time.perf_counter()
    do()
    return Cost(what, _children_cpu() - cpu, time.perf_counter() - clock)


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _python(script: str, names: Mapping[str, str], *options: str) -> str:
    """Run a script in a process of its own; returns what it wrote to its error stream."""
    done = subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, *options, "-c", script], cwd=ROOT, env=names, capture_output=True, text=True, check=True
    )
    return done.stderr


def _parse(names: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory() as target:
        script = f"from pathlib import Path; from orchestration.resources import DBT_FOLDER; \
from orchestration.transformations.manifest import _parse; _parse(DBT_FOLDER, Path({target!r}) / 'manifest.json')"
        _python(script, names)


def _imports(names: Mapping[str, str]) -> pd.DataFrame:
    """Seconds that each library's own modules take to import, the slowest first."""
    microseconds: Counter[str] = Counter()
    for line in _python(LOAD, names, "-X", "importtime").splitlines():
        if found := re.match(r"import time: +(\d+) \| +\d+ \| +(\w+)", line):
            microseconds[found[2]] += int(found[1])
    slowest = [(library, own / 1e6) for library, own in microseconds.most_common(LIBRARIES)]
    return pd.DataFrame(slowest, columns=["library", "seconds"])


def _until_the_graph_shows(names: Mapping[str, str]) -> None:
    with _ui(names) as address:
        deadline = time.monotonic() + 300
        while not _assets(address):
            if time.monotonic() > deadline:
                msg = f"{address} does not answer with the graph"
                raise TimeoutError(msg)
            time.sleep(0.2)


@contextlib.contextmanager
def _ui(names: Mapping[str, str]) -> Iterator[str]:
    """`make ui` until the end of the block; the address of Dagster's server, once it prints it."""
    command = [sys.executable, "-m", "orchestration.deployment.ui"]
    with subprocess.Popen(command, cwd=ROOT, env=names, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            lines = iter(process.stdout or ())
            yield next(found[0] for line in lines if (found := re.findall(r"Dagster +(http://[^ ]+)", line)))
        finally:
            process.terminate()


def _assets(address: str) -> int:
    """Number of assets that the web server knows of; 0 while it is starting."""
    body = json.dumps({"query": QUESTION}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - a loopback address
            return len(json.load(answer)["data"]["assetNodes"])
    except (urllib.error.URLError, ConnectionError):
        return 0


def _runs(deployment: Deployment) -> list[tuple[str, pd.DataFrame, Sequence[RunStepKeyStatsSnapshot]]]:
    """Job, events and steps of each run, the newest first."""
    point_dagster_at(deployment)
    with dg.DagsterInstance.get() as instance:
        found = []
        for run in instance.get_runs():
            kinds = Counter(
                log.dagster_event.event_type_value for log in instance.all_logs(run.run_id) if log.dagster_event
            )
            counts = pd.DataFrame(kinds.most_common(), columns=["event", "count"])
            found.append((run.job_name, counts, instance.get_run_step_stats(run.run_id)))
        return found


def _events(runs: Sequence[tuple[str, pd.DataFrame, Sequence[RunStepKeyStatsSnapshot]]]) -> pd.DataFrame:
    """Events that the newest run of each job wrote, by kind."""
    newest = {job: counts.set_index("event")["count"] for job, counts, _ in reversed(runs)}
    return pd.DataFrame(newest).fillna(0).astype(int).reset_index()


def _steps(runs: Sequence[tuple[str, pd.DataFrame, Sequence[RunStepKeyStatsSnapshot]]]) -> pd.DataFrame:
    steps = [
        {"job": job, "step": step.step_key, "seconds": (step.end_time or 0.0) - (step.start_time or 0.0)}
        for job, _, stats in runs[:2]
        for step in stats
    ]
    return pd.DataFrame(steps).sort_values("seconds", ascending=False).head(SLOWEST)


def page(report: Report, company: str, seconds: float) -> Page:
    """The page; its first sentence says what dominates."""
    costs = report["Costs"].set_index("what")["cpu_seconds"]
    steps = report["Slowest steps of the run with nothing new"]
    again, load = costs["second run, nothing new"], costs["a code location is loaded"]
    outcome = (
        f"A code location loads in {load:.0f} CPU seconds, nearly all of it imports; a run of `{company}` with nothing "
        f"new takes {again:.0f}, and its slowest step is `{steps.iloc[0]['step']}`. Nothing is skipped because nothing "
        "changed: dbt builds and tests every table in every run, which is the largest part of what a run costs."
    )
    blocks = [f"## {title}\n\n{table(frame, 1)}" for title, frame in report.items()]
    command = f"python -m benchmarks.start_up --company {company} --write"
    return Page("start_up", "What starting costs", outcome, command, None, seconds, blocks)


if __name__ == "__main__":
    sys.exit(main())
