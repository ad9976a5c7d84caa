"""Commands of a person who decides on models: `promote`, `reject`, `rollback`.

Belongs here: what must be said with a decision, what is refused, and the answer. The one module of the command line
that calls the registry's decisions. Does not belong here: the registry (`ml.registry`).
"""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration.cli.options import given, models
from orchestration.cli.output import tell
from orchestration.cli.refusals import RefusedError

if TYPE_CHECKING:
    from ml.registrations import Store, VersionInfo

Model = Annotated[str, typer.Argument(autocompletion=models)]
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
    from ml import registry

    store = given().deployment.model_store()
    found = _version(store, model, version)
    if found.tags.get("decision") == "rejected":
        message = (
            f"{model} version {version} was rejected ({found.tags.get('reason', 'no reason kept')}). Train another one."
        )
        raise RefusedError(message)
    if found.status == "failed_gates" and not is_despite_gates:
        message = (
            f"{model} version {version} missed a gate; its card in MLflow says which. To serve it: --despite-gates."
        )
        raise RefusedError(message)
    return _told(
        "promoted", registry.promote(store, model, version, approver=approver, reason=reason), approver, reason
    )


def reject(model: Model, version: Version, reason: Reason, approver: Approver) -> int:
    """Say that a version must not be served. The champion cannot be rejected: roll it back.

    Example: lifecycle reject churn 4 --reason "learned from a faulty export"
    """
    from ml import registry

    store = given().deployment.model_store()
    champion, found = registry.champion_info(store, model), _version(store, model, version)
    if champion is not None and champion.version == found.version:
        message = f"{model} version {version} is served; first: lifecycle rollback {model} --reason ..."
        raise RefusedError(message)
    return _told("rejected", registry.reject(store, model, version, approver=approver, reason=reason), approver, reason)


def rollback(model: Model, reason: Reason, approver: Approver) -> int:
    """Make the champion's predecessor champion again.

    Example: lifecycle rollback churn --reason "complaints about version 5"
    """
    from ml import registry

    back = registry.roll_back(given().deployment.model_store(), model, approver=approver, reason=reason)
    return _told("rolled back to", back, approver, reason)


def _version(store: "Store", model: str, version: str) -> "VersionInfo":
    from ml import registry

    known = [found for found in registry.versions(store) if found.name == model]
    for found in known:
        if found.version == version:
            return found
    numbers = ", ".join(sorted((found.version for found in known), key=int)) or "none"
    message = f"no version '{version}' of model '{model}'; registered: {numbers}"
    raise typer.BadParameter(message, param_hint="VERSION")


def _told(decision: str, info: "VersionInfo", approver: str, reason: str) -> int:
    facts: dict[str, Any] = {
        "company": given().deployment.company_name,
        "decision": decision.split()[0],
        "model": info.name,
        "version": info.version,
        "status": info.status,
        "approver": approver,
        "reason": reason,
    }
    follow = "" if decision == "rejected" else " Readers see it after the next: lifecycle score"
    return tell(
        facts,
        lambda console: console.print(f"{info.name}: {decision} version {info.version} ({info.status}).{follow}"),
    )
