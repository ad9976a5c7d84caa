"""The model registry: one MLflow run per training, versions, and the alias `champion` that readers follow.

The only module that imports MLflow (4-5 CPU seconds, so inside functions). Belongs here: logging a training, the rule
by which a version becomes champion, loading and rolling back. Does not belong here: whether a model is good enough
(`ml.gates`), or how a model is trained, stored (`ml.bundles`) or described (`ml.training_record`).

Rule: a validated candidate becomes champion at once (`promotion = automatic`) or waits as `challenger` (`review`); a
failed one is `challenger`; without a validated champion, or with an outdated forecast, the shrunken fallback serves as
champion. The alias `champion` moves by one statement of the store and remembers its predecessor.
"""

import importlib
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import pandas as pd

from ml import bundles
from ml.bundles import Servable
from ml.evaluation import TrainingOutcome, TrainingReport
from ml.registrations import Registration, RegistryError, Store, VersionInfo
from ml.search_log import log_trials
from ml.training_record import Provenance, files, flat_metrics

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.models import ModelSignature

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
REQUIREMENTS: Final = ("numpy", "pandas", "scipy", "lightgbm", "scikit-learn")
BUNDLE: Final = "bundle"
KIND: Final = "mlflow.experimentKind"  # trainings, not language models

Loaded = TypeVar("Loaded")


def log_training(store: Store, outcome: TrainingOutcome[Any, Any], provenance: Provenance) -> Registration:
    """Record a training and register what it made, by the rule of the module's docstring.

    Idempotent: the same data, parameters and code (`Provenance.key`) are recorded once.
    """
    import mlflow

    client, name = _client(store), outcome.report.model
    experiment = _experiment(client, store)
    earlier = _recorded(client, experiment, provenance.key(name))
    if earlier is not None:
        known = _candidate_of(client, name, earlier)
        return Registration(earlier, known, champion_info(store, name), is_new=False, experiment_id=experiment)
    tags, run_name = provenance.run_tags(outcome.report), f"{name} {outcome.status}"
    with mlflow.start_run(experiment_id=experiment, run_name=run_name, tags=tags) as run:
        _log_report(client, run.info.run_id, outcome.report, provenance)
        log_trials(client, run.info.run_id, outcome.report)
        candidate = _register_all(client, run.info.run_id, outcome, provenance)
    return Registration(run.info.run_id, candidate, champion_info(store, name), True, experiment)


def champion_info(store: Store, name: str) -> VersionInfo | None:
    """The version that is served, or None."""
    return _info_by_alias(store, name, CHAMPION)


def challenger_info(store: Store, name: str) -> VersionInfo | None:
    """The challenger's version, or None when the model has none."""
    return _info_by_alias(store, name, CHALLENGER)


def versions(store: Store) -> list[VersionInfo]:
    """Every registered version of every model."""
    return [_info(version) for version in _client(store).search_model_versions(max_results=10_000)]


def load_champion(
    store: Store, name: str, loader: Callable[[Path], Loaded] = bundles.read
) -> tuple[Loaded, VersionInfo]:
    """Load the champion's native bundle.

    Args:
        loader: reads the bundle folder; by default the class that the bundle names.

    Raises:
        RegistryError: the model has no champion.
    """
    info = champion_info(store, name)
    if info is None:
        msg = f"model '{name}' has no champion; train it first, or set the alias '{CHAMPION}' on a version"
        raise RegistryError(msg)
    return load_version(store, info, loader), info


def load_version(store: Store, info: VersionInfo, loader: Callable[[Path], Loaded] = bundles.read) -> Loaded:
    """Load the native bundle of any version."""
    import mlflow

    _client(store)
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{info.name}/{info.version}"))
    return loader(folder / "data" / BUNDLE)


def promote(store: Store, name: str, version: str, approver: str) -> VersionInfo:
    """Make a version champion on a person's word; the approver is kept as a tag."""
    client = _client(store)
    _make_champion(client, name, version)
    client.set_model_version_tag(name, version, "approver", approver)
    client.delete_model_version_tag(name, version, "awaiting_review")
    return _info(client.get_model_version(name, version))


def roll_back(store: Store, name: str) -> VersionInfo:
    """Make the champion's predecessor champion again; the same training will not promote itself a second time.

    Raises:
        RegistryError: there is no champion, or it had no predecessor.
    """
    client = _client(store)
    current = champion_info(store, name)
    if current is None or current.previous_champion is None:
        msg = f"model '{name}' cannot be rolled back: " + ("no champion" if current is None else "no earlier champion")
        raise RegistryError(msg)
    client.set_registered_model_alias(name, CHAMPION, current.previous_champion)
    client.set_model_version_tag(name, current.version, "rolled_back", "true")
    return _info(client.get_model_version(name, current.previous_champion))


def _register_all(
    client: "MlflowClient", run_id: str, outcome: TrainingOutcome[Any, Any], provenance: Provenance
) -> VersionInfo | None:
    """Register candidate and, where it is needed, fallback; move the aliases."""
    report, promoted, version = outcome.report, False, None
    if not client.search_registered_models(f"name = '{report.model}'"):
        client.create_registered_model(report.model)
    champion = _by_alias(client, report.model, CHAMPION)
    if outcome.candidate is not None:
        version = _register(client, run_id, report, outcome.candidate, provenance, report.status)
        promoted = report.status == "validated" and provenance.promotion == "automatic"
    is_outdated = outcome.expires and report.status != "validated"
    if not promoted and (champion is None or champion.tags.get("status") == "fallback" or is_outdated):
        fallback = _register(client, run_id, report, outcome.fallback, provenance, "fallback")
        _make_champion(client, report.model, fallback)
    return _info(_place(client, report, version, promoted=promoted)) if version is not None else None


def _place(client: "MlflowClient", report: TrainingReport, version: str, *, promoted: bool) -> "ModelVersion":
    if report.status == "validated" and not promoted:
        client.set_model_version_tag(report.model, version, "awaiting_review", "true")
    if promoted:
        _make_champion(client, report.model, version)
    else:
        client.set_registered_model_alias(report.model, CHALLENGER, version)
    return client.get_model_version(report.model, version)


def _make_champion(client: "MlflowClient", name: str, version: str) -> None:
    """Remember the predecessor, move the alias in one statement, and end the version's time as challenger."""
    current = _by_alias(client, name, CHAMPION)
    if current is not None and current.version != version:
        client.set_model_version_tag(name, version, "previous_champion", current.version)
    client.set_registered_model_alias(name, CHAMPION, version)
    challenger = _by_alias(client, name, CHALLENGER)
    if challenger is not None and int(challenger.version) <= int(version):
        client.delete_registered_model_alias(name, CHALLENGER)


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
            name=f"{report.model}_{status}",
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


def _client(store: Store) -> "MlflowClient":
    """A client of the store; the fluent functions are pointed at it as well."""
    _quieten()
    import mlflow

    if mlflow.get_tracking_uri() != store.tracking_uri:
        mlflow.set_tracking_uri(store.tracking_uri)
        mlflow.set_registry_uri(store.tracking_uri)
    return mlflow.MlflowClient()


@cache
def _quieten() -> None:
    """MLflow without telemetry, migration chatter and progress bars."""
    with warnings.catch_warnings():
        # Importing pyfunc warns about type hints of MLflow's own classes.
        warnings.simplefilter("ignore")
        importlib.import_module("mlflow.pyfunc")
    from mlflow.environment_variables import MLFLOW_DISABLE_TELEMETRY, MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR
    from mlflow.telemetry import set_telemetry_client

    MLFLOW_DISABLE_TELEMETRY.set(True)  # type: ignore[no-untyped-call]  # MLflow leaves these three untyped
    MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR.set(False)  # type: ignore[no-untyped-call]
    set_telemetry_client()  # type: ignore[no-untyped-call]
    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _experiment(client: "MlflowClient", store: Store) -> str:
    found = client.get_experiment_by_name(store.experiment)
    if found is not None:
        return str(found.experiment_id)
    location = store.artifact_folder.resolve()
    location.mkdir(parents=True, exist_ok=True)
    return str(client.create_experiment(store.experiment, location.as_uri(), {KIND: "custom_model_development"}))


def _recorded(client: "MlflowClient", experiment: str, key: str) -> str | None:
    """The finished run of the same training, if there is one."""
    wanted = f"tags.training_key = '{key}' and attributes.status = 'FINISHED'"
    runs = client.search_runs([experiment], wanted, max_results=1)
    return str(runs[0].info.run_id) if runs else None


def _candidate_of(client: "MlflowClient", name: str, run_id: str) -> VersionInfo | None:
    versions = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'")
    return next((_info(version) for version in versions if version.tags.get("status") != "fallback"), None)


def _by_alias(client: "MlflowClient", name: str, alias: str) -> "ModelVersion | None":
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def _info_by_alias(store: Store, name: str, alias: str) -> VersionInfo | None:
    found = _by_alias(_client(store), name, alias)
    return _info(found) if found is not None else None


def _info(version: "ModelVersion") -> VersionInfo:
    tags = dict(version.tags)
    status, earlier = tags.get("status", "unknown"), tags.get("previous_champion")
    return VersionInfo(version.name, str(version.version), str(version.run_id), status, earlier, tags)
