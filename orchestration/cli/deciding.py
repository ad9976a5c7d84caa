"""Commands of a person who decides on models: `promote`, `reject`, `rollback`.

Belongs here: what must be said with a decision, what is refused, and the answer. Does not belong here: carrying a
decision out, which is a run of the same job as in the UI (`orchestration.learning.reviews`).
"""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.options import given, known_model, models
from orchestration.cli.output import tell
from orchestration.cli.refusals import RefusedError
from orchestration.cli.running import waiting

if TYPE_CHECKING:
    from ml.registrations import Store, VersionInfo

Model = Annotated[str, typer.Argument(autocompletion=models, callback=known_model)]
Version = Annotated[str, typer.Argument()]
Reason = Annotated[str, typer.Option(help="Why; kept with the decision.")]
Approver = Annotated[str, typer.Option(default_factory=getpass.getuser, help="Who decides; default: the login name.")]


def promote(
    model: Model,
    version: Version,
    reason: Reason,
    approver: Approver,
    is_despite_gates: Annotated[
        bool, typer.Option("--despite-gates", help="Serve a version although it missed a gate.")
    ] = False,
) -> int:
    """Make a version champion. A version that missed a gate, or was rejected, is refused.

    Example: lifecycle promote churn 4 --reason "better in the north, checked by hand" --approver ann
    """
    from ml.review_rules import REJECTED, review_of

    store = _store()
    found = _version(store, model, version)
    if review_of(found) == REJECTED:
        message = f"{model} version {version} was rejected ({found.tags.get('review_comment', 'no reason kept')})."
        raise RefusedError(f"{message} Train another one.")
    if found.status == "failed_gates" and not is_despite_gates:
        message = (
            f"{model} version {version} missed a gate; its card in MLflow says which. To serve it: --despite-gates."
        )
        raise RefusedError(message)
    return _decided("promote_model", model, approver, reason, version=version)


def reject(model: Model, version: Version, reason: Reason, approver: Approver) -> int:
    """Say that a version must not be served. The champion cannot be rejected: roll it back.

    Example: lifecycle reject churn 4 --reason "learned from a faulty export"
    """
    from ml import registry

    store = _store()
    champion, found = registry.champion_info(store, model), _version(store, model, version)
    if champion is not None and champion.version == found.version:
        message = f"{model} version {version} is served; first: lifecycle rollback {model} --reason ..."
        raise RefusedError(message)
    return _decided("reject_model", model, approver, reason, version=version)


def rollback(model: Model, reason: Reason, approver: Approver) -> int:
    """Make the champion's predecessor champion again; refused if the champion is another one once the company is free.

    Example: lifecycle rollback churn --reason "complaints about version 5"
    """
    from ml import registry

    champion = registry.champion_info(_store(), model)
    return _decided("roll_back_model", model, approver, reason, version=champion.version if champion else "")


def _store() -> "Store":
    from orchestration.deployment.instance import reach_databases

    deployment = given().deployment
    reach_databases(deployment)
    return deployment.model_store()


def _version(store: "Store", model: str, version: str) -> "VersionInfo":
    from ml import registry

    known = [found for found in registry.versions(store) if found.name == store.registered(model)]
    for found in known:
        if found.version == version:
            return found
    numbers = ", ".join(sorted((found.version for found in known), key=int)) or "none"
    message = f"no version '{version}' of model '{model}'; registered: {numbers}"
    raise typer.BadParameter(message, param_hint="VERSION")


def _decided(job: str, model: str, approver: str, reason: str, **version: str) -> int:
    from ml import registry
    from orchestration.launching import launching

    deployment = given().deployment
    config = {"model": model, "approver": approver, "reason": reason, **version}
    with launching(deployment, is_quiet=given().is_quiet, wait=waiting()) as launcher:
        made = launcher.execute(job, ops={job.removesuffix("_model"): {"config": config}})
    champion = registry.champion_info(deployment.model_store(), model)
    facts: dict[str, Any] = {
        "company": deployment.company_name,
        "job": job,
        "run_id": made.run_id,
        **config,
        "champion_version": champion.version if champion else None,
    }
    now = f"version {champion.version} ({champion.status}) is champion" if champion else "there is no champion"
    follow = " Readers see it after the next: lifecycle score" if job != "reject_model" else ""
    return tell(facts, lambda console: console.print(f"{model}: {now}.{follow}"))
