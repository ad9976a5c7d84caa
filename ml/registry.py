"""The model registry: one MLflow run per training, versions, and the alias `champion` that readers follow.

Belongs here: logging a training, the rule by which it makes a version champion, and loading. Does not belong here:
whether a model is good enough (`ml.gates`), what people decide about it (`ml.registry_reviews`), or how a model is
trained, stored (`ml.bundles`) or described (`ml.training_record`).

Rule: a validated candidate becomes champion at once (`promotion = automatic`) or waits as `challenger` (`review`); a
failed one is `challenger`; without a champion that may be served, with a fallback as champion, or with an outdated
forecast, the shrunken fallback of the training serves.
"""

import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import pandas as pd

from ml import bundles
from ml.bundles import Servable
from ml.evaluation import TrainingOutcome, TrainingReport
from ml.registrations import Registration, RegistryError, Store, VersionInfo
from ml.registry_client import CHALLENGER, CHAMPION, all_versions, client_of, info_by_alias, info_of
from ml.registry_moves import promote_by_gates, settle
from ml.registry_reviews import apply_reviews as apply_reviews
from ml.registry_reviews import promote as promote
from ml.registry_reviews import reject as reject
from ml.registry_reviews import roll_back as roll_back
from ml.review_rules import COMMENT, REVIEW, REVIEWER, WAITING, refusal
from ml.search_log import log_trials
from ml.training_record import Provenance, files, flat_metrics

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

REQUIREMENTS: Final = ("numpy", "pandas", "scipy", "lightgbm", "scikit-learn")
BUNDLE: Final = "bundle"
KIND: Final = "mlflow.experimentKind"  # trainings, not language models

Loaded = TypeVar("Loaded")


def log_training(store: Store, outcome: TrainingOutcome[Any, Any], provenance: Provenance) -> Registration:
    """Record a training and register what it made, by the rule of the module's docstring.

    Idempotent: the same data, parameters and code (`Provenance.key`) are recorded once.
    """
    import mlflow

    client, name = client_of(store), outcome.report.model
    experiment = _experiment(client, store)
    earlier = _recorded(client, experiment, provenance.key(name))
    if earlier is not None:
        _serve_something(client, earlier, _named(store, outcome), provenance)
        candidate = _candidate_of(client, store.registered(name), earlier)
        return Registration(earlier, candidate, champion_info(store, name), is_new=False, experiment_id=experiment)
    tags, run_name = provenance.run_tags(outcome.report), f"{name} {outcome.status}"
    with mlflow.start_run(experiment_id=experiment, run_name=run_name, tags=tags) as run:
        _log_report(client, run.info.run_id, outcome.report, provenance)
        log_trials(client, run.info.run_id, outcome.report)
        candidate = _register_all(client, run.info.run_id, _named(store, outcome), provenance)
    champion = champion_info(store, name)
    return Registration(run.info.run_id, candidate, champion, is_new=True, experiment_id=experiment)


def champion_info(store: Store, name: str) -> VersionInfo | None:
    """The version that is served, or None."""
    return info_by_alias(client_of(store), store.registered(name), CHAMPION)


def challenger_info(store: Store, name: str) -> VersionInfo | None:
    """The challenger's version, or None when the model has none."""
    return info_by_alias(client_of(store), store.registered(name), CHALLENGER)


def champion_to_beat(store: Store, name: str) -> VersionInfo | None:
    """The champion that a challenger has to compare with: neither a fallback nor one that is not served."""
    info = champion_info(store, name)
    return info if _may_be_served(info) else None


def versions(store: Store) -> list[VersionInfo]:
    """Every registered version of every model."""
    return all_versions(store)


def load_champion(
    store: Store, name: str, loader: Callable[[Path], Loaded] = bundles.read
) -> tuple[Loaded, VersionInfo]:
    """Load the champion's native bundle; `loader` reads its folder, by default as the class that the bundle names.

    Raises:
        RegistryError: the model has no champion, or one that a person or the gates refused.
    """
    info = champion_info(store, name)
    if info is None:
        msg = f"model '{name}' has no champion; train it first, or set the alias '{CHAMPION}' on a version"
        raise RegistryError(msg)
    if why_not := refusal(info):
        raise RegistryError(why_not)
    return load_version(store, info, loader), info


def load_version(store: Store, info: VersionInfo, loader: Callable[[Path], Loaded] = bundles.read) -> Loaded:
    """Load the native bundle of any version."""
    import mlflow

    client_of(store)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{info.name}/{info.version}"))
    return loader(folder / "data" / BUNDLE)


def _named(store: Store, outcome: TrainingOutcome[Any, Any]) -> TrainingOutcome[Any, Any]:
    """The outcome under the model's name in the registry."""
    return replace(outcome, report=replace(outcome.report, model=store.registered(outcome.report.model)))


def _register_all(
    client: "MlflowClient", run_id: str, outcome: TrainingOutcome[Any, Any], provenance: Provenance
) -> VersionInfo | None:
    """Register candidate and, where it is needed, fallback; move the aliases."""
    report, promoted, version = outcome.report, False, None
    _settled(client, report.model, provenance)
    champion = info_by_alias(client, report.model, CHAMPION)
    if outcome.candidate is not None:
        version = _register(client, run_id, report, outcome.candidate, provenance, report.status)
        promoted = report.status == "validated" and provenance.promotion == "automatic"
    is_outdated = outcome.expires and report.status != "validated"
    if not promoted and (not _may_be_served(champion) or is_outdated):
        _serve_fallback(client, run_id, outcome, provenance, champion)
    return info_of(_place(client, report, version, provenance, promoted=promoted)) if version is not None else None


def _serve_something(
    client: "MlflowClient", run_id: str, outcome: TrainingOutcome[Any, Any], provenance: Provenance
) -> None:
    """Register the fallback of a training on record where people left the model without a champion to serve."""
    import mlflow

    _settled(client, outcome.report.model, provenance)
    champion = info_by_alias(client, outcome.report.model, CHAMPION)
    if champion is not None and refusal(champion) is None:
        return
    with mlflow.start_run(run_id=run_id):
        _serve_fallback(client, run_id, outcome, provenance, champion)


def _serve_fallback(
    client: "MlflowClient",
    run_id: str,
    outcome: TrainingOutcome[Any, Any],
    provenance: Provenance,
    champion: VersionInfo | None,
) -> None:
    """Register the training's fallback as champion, with the reason why the champion before does not stay."""
    version = _register(client, run_id, outcome.report, outcome.fallback, provenance, "fallback")
    if champion is None:
        why = "there is no champion"
    elif refusal(champion) is not None:
        why = f"version {champion.version} is not served"
    elif champion.status == "fallback":
        why = f"newer than version {champion.version}, a fallback too"
    else:
        why = f"the forecast of version {champion.version} is outdated"
    promote_by_gates(client, outcome.report.model, version, f"fallback: {why}", provenance.dagster_run_id or "")


def _settled(client: "MlflowClient", name: str, provenance: Provenance) -> None:
    """The registered model, made if it is missing, with nothing left over from a killed process or a person."""
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    settle(client, name, provenance.dagster_run_id or "")


def _may_be_served(champion: VersionInfo | None) -> bool:
    """Whether there is a champion that no fallback has to stand in for."""
    return champion is not None and champion.status != "fallback" and refusal(champion) is None


def _place(
    client: "MlflowClient", report: TrainingReport, version: str, provenance: Provenance, *, promoted: bool
) -> "ModelVersion":
    if report.status == "validated" and not promoted:
        for tag, value in ((REVIEWER, ""), (COMMENT, ""), (REVIEW, WAITING)):
            client.set_model_version_tag(report.model, version, tag, value)
    if promoted:
        promote_by_gates(client, report.model, version, "every gate passed", provenance.dagster_run_id or "")
    else:
        client.set_registered_model_alias(report.model, CHALLENGER, version)
    return client.get_model_version(report.model, version)


def _register(
    client: "MlflowClient", run_id: str, report: TrainingReport, model: Servable, provenance: Provenance, status: str
) -> str:
    """Log the bundle as an MLflow model whose `pyfunc` flavour reads it back, and register the version."""
    import mlflow

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # The signature is given; an input example would cost 12 s and a process of its own.
        warnings.filterwarnings("ignore", message=".*input example was not provided")
        bundles.write(model, Path(folder) / BUNDLE)
        logged = mlflow.pyfunc.log_model(
            name=f"{report.model}_{status}".replace(".", "_"),  # MLflow allows no dot there
            loader_module="ml.registry",
            data_path=str(Path(folder) / BUNDLE),
            pip_requirements=[f"{package}=={installed_version(package)}" for package in REQUIREMENTS],
            signature=_signature(provenance.example),
        )
    tags = provenance.tags(report) | {"status": status, "model_class": type(model).__name__}
    tags |= {"validation": "not_applicable"} if status == "fallback" else {}
    card = provenance.description(report, status)
    created = client.create_model_version(
        report.model, logged.model_uri, run_id, tags=tags, description=card, model_id=logged.model_id
    )
    return str(created.version)


def _log_report(client: "MlflowClient", run_id: str, report: TrainingReport, provenance: Provenance) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    metrics = flat_metrics(report.metrics, report.kept_method)
    client.log_batch(
        run_id,
        metrics=[Metric(name, value, now, 0) for name, value in metrics.items()],
        params=[Param(name, str(value)) for name, value in provenance.params.items()],
    )
    for name, text in files(report, provenance.model_card).items():
        client.log_text(run_id, text, name)
    for name, figure in provenance.figures.items():
        client.log_figure(run_id, figure, f"figures/{name}")


def _signature(example: pd.DataFrame | None) -> "ModelSignature | None":
    """Input schema of the example: counts become floats (they may be missing), days become timestamps."""
    if example is None:
        return None
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    kinds = {"b": "boolean", "M": "datetime"} | dict.fromkeys("iuf", "double")
    types = {str(name): kinds.get(example[name].dtype.kind, "string") for name in example.columns}
    return ModelSignature(inputs=Schema([ColSpec(kind, name, required=False) for name, kind in types.items()]))


def _load_pyfunc(path: str) -> Servable:
    """MLflow's entry point to a bundle (`mlflow.pyfunc.load_model`)."""
    return cast("Servable", bundles.read(Path(path)))


def _experiment(client: "MlflowClient", store: Store) -> str:
    found = client.get_experiment_by_name(store.experiment)
    if found is not None:
        # Deleted in the UI it keeps its name, and no run can begin in it.
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    kind = {KIND: "custom_model_development"}
    return str(client.create_experiment(store.experiment, store.artifact_location, kind))


def _recorded(client: "MlflowClient", experiment: str, key: str) -> str | None:
    """The finished run of the same training, if there is one."""
    wanted = f"tags.training_key = '{key}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment], wanted, max_results=1)
    return str(runs[0].info.run_id) if runs else None


def _candidate_of(client: "MlflowClient", name: str, run_id: str) -> VersionInfo | None:
    versions = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    return next((info_of(version) for version in versions if version.tags.get("status") != "fallback"), None)
