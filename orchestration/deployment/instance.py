"""Dagster's folder of a deployment: the instance's settings and the list of code locations, as files made from ours.

Belongs here: what differs from the top-level `dagster.yaml` once records lie in PostgreSQL or several companies share
them. Does not belong here: what the settings are otherwise (`dagster.yaml`), where the folder lies
(`orchestration.resources`). The files name the variables of the environment and hold no secret.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import yaml

from orchestration import storage
from orchestration.environment import hand_on
from orchestration.resources import DAGSTER_URL, ROOT, Deployment, dagster_environment, secret_environment
from orchestration.runs.dead_runs import COMPANY_TAG

SETTINGS = "dagster.yaml"
WORKSPACE = "workspace.yaml"


def point_dagster_at(deployment: Deployment) -> None:
    """Let Dagster and the processes we start find this deployment."""
    prepare(deployment)
    hand_on(**dagster_environment(deployment), **secret_environment(deployment))


def prepare(deployment: Deployment) -> None:
    """Make the folder of run records, and the files that `DAGSTER_HOME` and `-w` lead to."""
    deployment.dagster_folder.mkdir(parents=True, exist_ok=True)
    if deployment.dagster_home != ROOT:
        _write(deployment.dagster_home / SETTINGS, settings(deployment))
    if deployment.is_shared:
        _write(workspace_file(deployment), workspace(deployment))


def reach_databases(deployment: Deployment) -> None:
    """Connect once to each database in use.

    Raises:
        DatabaseUnreachableError: one does not answer.
    """
    for variable, url in secret_environment(deployment).items():
        if url and variable != DAGSTER_URL:  # the same URL again
            storage.reach(variable, url)


def workspace_file(deployment: Deployment) -> Path:
    """The list of code locations, for `dagster dev -w`, `dagster-webserver -w` and `dagster-daemon run -w`."""
    return deployment.dagster_folder / WORKSPACE


def settings(deployment: Deployment) -> dict[str, Any]:
    """The top-level `dagster.yaml` with this deployment's storage, and room for each company's runs."""
    found: dict[str, Any] = yaml.safe_load((ROOT / SETTINGS).read_text(encoding="utf-8"))
    if deployment.has_dagster_database:
        found["storage"] = {"postgres": {"postgres_url": {"env": DAGSTER_URL}}}
    if deployment.is_shared:
        _give_each_company_its_share(found["concurrency"]["runs"], len(deployment.companies))
    return found


def workspace(deployment: Deployment) -> dict[str, Any]:
    """One code location per company, each in a server process of its own: one that does not load stops no other."""
    return {
        "load_from": [
            {
                "python_module": {
                    "module_name": "orchestration.locations",
                    "attribute": company,
                    "location_name": company,
                    "working_directory": str(ROOT),
                }
            }
            for company in deployment.companies
        ]
    }


def _give_each_company_its_share(runs: dict[str, Any], companies: int) -> None:
    """As many runs at once for each company as for a single one, so that none waits for another's."""
    alone = runs["max_concurrent_runs"]
    runs["max_concurrent_runs"] = alone * companies
    limits = runs.setdefault("tag_concurrency_limits", [])
    if not any(limit["key"] == COMPANY_TAG for limit in limits):
        limits.append({"key": COMPANY_TAG, "value": {"applyLimitPerUniqueValue": True}, "limit": alone})


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write what differs, in one step: a server that starts meanwhile reads the old file or the new one."""
    text = f"# Made from {ROOT / SETTINGS} and the environment at every start; change those.\n" + yaml.safe_dump(
        content, sort_keys=False
    )
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as scratch:
        scratch.write(text)
    os.replace(scratch.name, path)  # noqa: PTH105 - atomic within one folder
