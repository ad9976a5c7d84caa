"""Runs in a process of their own that stand still at a point, for tests that kill, stop or start them twice.

Belongs here: starting, holding and ending such runs. Does not belong here: what should be true afterwards.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg

from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import ROOT, Deployment

# Where a run is held: in the first call of a function, after it has worked (the default), while it works (it is let
# work once the run counts as held), or before it works.
HOOKS = {
    "landing": "from ingestion.loading import Loading as owner; name = 'run'",
    "expectations": "from orchestration.checks import expectations as owner; name = '_evaluate'",
    "dbt": "from orchestration.assets import warehouse as owner; name = '_events'; held_when = 'at work'",
    "metrics": "from orchestration.metrics.metric_layer import MetricLayer as owner; name = 'values'",
    "features": "from orchestration.assets import warehouse as owner; name = '_events'; held_when = 'at work'",
    "training": "from orchestration.learning import records as owner; name = '_insert'",
    "registry": "from ml import registry as owner; name = '_register'",
    "predictions": "from orchestration.learning import ledger as owner; name = '_insert'",
    "monitoring": "from orchestration.learning import watching as owner; name = 'write_drift'",
    "publish": "from orchestration import snapshot as owner; name = '_write_duckdb'",
    "switch": "from orchestration import snapshot as owner; name = '_point_at'; held_when = 'before'",
}
RUN = "import sys; from orchestration.cli.app import main; sys.exit(main(['run']))"
# Jobs one after the other, or some of their assets, for months from the first to the last, for one month, or for none.
JOB = """
import sys
import dagster as dg
from orchestration.build import build_defs
from orchestration.runs.dead_runs import COMPANY_TAG
from orchestration.resources import deployment_from_environment
from orchestration.deployment.instance import point_dagster_at
deployment, months, assets = deployment_from_environment(), {months!r}, {assets!r}
point_dagster_at(deployment)
tags = {{COMPANY_TAG: deployment.company_name}}
if len(months) == 2:
    tags |= {{"dagster/asset_partition_range_start": months[0], "dagster/asset_partition_range_end": months[1]}}
with dg.DagsterInstance.get() as instance:
    for job in {jobs!r}:
        result = build_defs(deployment).resolve_job_def(job).execute_in_process(
            instance=instance,
            tags=tags,
            partition_key=months[0] if len(months) == 1 else None,
            asset_selection=[dg.AssetKey.from_user_string(key) for key in assets] or None,
            raise_on_error=False,
        )
        if not result.success:
            sys.exit(1)
"""
HELD = """
import pathlib, sys, time
held_when, calls = 'after', []
{hook}
original = getattr(owner, name)
def held(*arguments, **named):
    calls.append(1)
    if len(calls) > 1:
        return original(*arguments, **named)
    result = original(*arguments, **named) if held_when == "after" else None
    pathlib.Path({mark!r}).touch()
    if held_when == "at work":
        result = original(*arguments, **named)
    time.sleep(600)
    return result
setattr(owner, name, held)
"""


def script_of(*jobs: str, months: tuple[str, ...] = (), assets: tuple[str, ...] = ()) -> str:
    """A process that runs these jobs; its exit code says whether all ended well."""
    return JOB.format(jobs=jobs, months=months, assets=assets)


def start(deployment: Deployment, script: str = RUN) -> subprocess.Popen[str]:
    """Start a run in a process (and group) of its own."""
    names = {
        "LIFECYCLE_COMPANY": deployment.company_name,
        "LIFECYCLE_STATE_DIR": deployment.state_folder,
        "LIFECYCLE_DATA_DIR": deployment.data_folder,
        "LIFECYCLE_COMPANIES_DIR": deployment.companies_folder,
    }
    return subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=os.environ | names,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def held_at(deployment: Deployment, point: str, folder: Path, script: str = RUN) -> subprocess.Popen[str]:
    """A run that stands still at a point; returns once it is there."""
    mark = folder / f"{point}.mark"
    mark.unlink(missing_ok=True)
    child = start(deployment, HELD.format(hook=HOOKS[point], mark=str(mark)) + script)
    deadline = time.monotonic() + 300
    while not mark.exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert mark.exists(), child.communicate()
    return child


def finish(child: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, errors = child.communicate(timeout=600)
    return child.returncode, output, errors


def under_way(deployment: Deployment) -> int:
    """Number of runs that Dagster believes to be under way."""
    point_dagster_at(deployment)
    with dg.DagsterInstance.get() as instance:
        return len(instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])))
