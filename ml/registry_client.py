"""How the MLflow registry is reached: a quiet client of a store, and versions as our own values.

Belongs here: what every `ml.registry*` module needs of MLflow; only these modules know it (its import takes 4-5 CPU
seconds, so inside functions). Does not belong here: trainings (`ml.registry`), decisions (`ml.registry_reviews`).
"""

import importlib
import logging
import warnings
from functools import cache
from typing import TYPE_CHECKING, Final

from ml.registrations import Store, VersionInfo
from ml.registry_place import follow

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION: Final = "champion"
CHALLENGER: Final = "challenger"
MOST_VERSIONS: Final = 10_000


def client_of(store: Store) -> "MlflowClient":
    """A client of the store; the fluent functions are pointed at it as well."""
    _quieten()
    import mlflow

    if mlflow.get_tracking_uri() != store.tracking_uri:
        mlflow.set_tracking_uri(store.tracking_uri)
        mlflow.set_registry_uri(store.tracking_uri)
    follow(store)
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


def info_by_alias(client: "MlflowClient", name: str, alias: str) -> VersionInfo | None:
    """The version that an alias names, or None without model, alias or version."""
    from mlflow.exceptions import MlflowException

    try:
        return info_of(client.get_model_version_by_alias(name, alias))
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None
        raise


def info_of(version: "ModelVersion") -> VersionInfo:
    """A version of MLflow as one of our values."""
    tags = dict(version.tags)
    status, earlier = tags.get("status", "unknown"), tags.get("previous_champion")
    return VersionInfo(version.name, str(version.version), str(version.run_id), status, earlier, tags)


def all_versions(store: Store) -> list[VersionInfo]:
    """Every version of the store's models."""
    found = client_of(store).search_model_versions(max_results=MOST_VERSIONS)
    return [info_of(version) for version in found if store.owns(version.name)]


def versions_of(client: "MlflowClient", name: str) -> list[VersionInfo]:
    """Every version of a model by its name in the registry, the oldest first."""
    found = client.search_model_versions(f"name = '{name}'", max_results=MOST_VERSIONS)
    return sorted((info_of(version) for version in found), key=lambda info: int(info.version))
