"""Commands that keep a company in order: `ui`, `env`, `reset`.

Belongs here: asking before anything is deleted. Does not belong here: the servers (`orchestration.deployment.ui`), the
exports (`orchestration.deployment.shell`).
"""

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli.options import given
from orchestration.cli.output import tell
from orchestration.cli.refusals import RefusedError

if TYPE_CHECKING:
    from orchestration.resources import Deployment


def ui() -> int:
    """Dagster's and MLflow's UIs on loopback, until Ctrl-C.

    Example: lifecycle ui --company olist
    """
    from orchestration.deployment import ui as servers
    from orchestration.environment import environment

    with environment(LIFECYCLE_COMPANY=given().deployment.company_name):
        return servers.main()


def env() -> int:
    """Shell exports for Dagster's own commands.

    Example: eval "$(lifecycle env)"; dg list defs
    """
    from companies.settings import CompanyError
    from orchestration.deployment import shell
    from orchestration.environment import environment
    from orchestration.resources import dagster_environment

    try:
        deployment = given().deployment
    except CompanyError:
        if not given().is_json:
            sys.stdout.write("false\n")  # what the shell evaluates fails as well
        raise
    if given().is_json:
        facts = {"company": deployment.company_name, "environment": dagster_environment(deployment)}
        return tell(facts, lambda _: None)
    with environment(LIFECYCLE_COMPANY=deployment.company_name):
        return shell.main([])


def reset(is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> int:
    """Delete this company's folder: warehouse, models, run records, snapshots. Other companies are left alone.

    What lies in databases or an object store stays, and is named.

    Refused while a run is under way. The source's files stay; those of a simulated company are made anew by a run.

    Example: lifecycle reset --company sample --yes
    """
    from orchestration.runs.exclusive import only_run

    deployment = given().deployment
    size = _megabytes(deployment)
    if not deployment.state.exists():
        return tell(
            {"company": deployment.company_name, "deleted": None, "megabytes": 0, "kept": []},
            lambda console: console.print(f"Nothing to delete: {deployment.state} does not exist."),
        )
    if not is_sure:
        _ask(f"Delete {deployment.state} ({size:,.0f} MB) with all models and predictions of it?")
    with only_run(deployment.state, "lifecycle reset"):
        shutil.rmtree(deployment.state)
    kept = list(_elsewhere(deployment))
    said = f"Deleted {deployment.state} ({size:,.0f} MB)." + (f" Kept: {', '.join(kept)}." if kept else "")
    return tell(
        {
            "company": deployment.company_name,
            "deleted": str(deployment.state),
            "megabytes": round(size, 1),
            "kept": kept,
        },
        lambda console: console.print(said),
    )


def _elsewhere(deployment: "Deployment") -> Iterator[str]:
    """What belongs to the company and does not lie in its folder."""
    if deployment.has_mlflow_database:
        yield "models and trainings in LIFECYCLE_MLFLOW_DATABASE"
    if deployment.artifact_root:
        yield f"their files in {deployment.artifact_location}"
    if deployment.has_dagster_database or deployment.is_shared:
        yield "records of runs, which may be other companies' as well"


def _ask(question: str) -> None:
    if not sys.stdin.isatty():
        message = f"{question} Nobody is there to answer; say --yes."
        raise RefusedError(message)
    if not typer.confirm(question, err=True):
        message = "Nothing was deleted."
        raise RefusedError(message)


def _megabytes(deployment: "Deployment") -> float:
    return sum(path.stat().st_size for path in deployment.state.rglob("*") if path.is_file()) / 1e6
