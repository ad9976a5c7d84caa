"""Removing old trainings and versions from the registry, with their files.

Belongs here: which versions are needed whatever their age, and removing the others for good. Does not belong here: how
old is old (`companies.retention`), training sets (`ml.training_sets`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ml.registrations import Store
from ml.registry_client import CHAMPION, client_of, info_of
from ml.registry_moves import predecessor
from ml.review_rules import REVIEW, WAITING

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

MOST = 10_000
PREDECESSOR = "previous_champion"


@dataclass(frozen=True)
class Pruned:
    """What went: MLflow's runs, and versions as `<model> <version>`."""

    runs: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()


def prune(store: Store, *, models_before: datetime, trainings_before: datetime) -> Pruned:
    """Remove trainings that began before these instants, with their versions, models and files.

    Kept whatever its age is a training with a version that an alias names (champion, challenger), that was champion
    before the champion (a roll-back needs it), or that awaits a review.

    Args:
        models_before: for trainings that registered a version.
        trainings_before: for those that registered nothing.
    """
    client = client_of(store)
    experiment = client.get_experiment_by_name(store.experiment)
    if experiment is None:
        return Pruned()
    versions = list(client.search_model_versions(max_results=MOST))
    registered = {version.run_id for version in versions}
    needed = _needed(client, versions)
    runs = [
        run
        for run in client.search_runs([experiment.experiment_id], max_results=MOST)
        if str(run.info.run_id) not in needed
        and _began_before(run, models_before if run.info.run_id in registered else trainings_before)
    ]
    gone = {run.info.run_id for run in runs}
    removed = [version for version in versions if version.run_id in gone]
    for version in removed:
        client.delete_model_version(version.name, version.version)
    _forget_predecessors(client, [version for version in versions if version.run_id not in gone], removed)
    _remove(client, str(experiment.experiment_id), gone)
    return Pruned(tuple(sorted(gone)), tuple(sorted(f"{version.name} {version.version}" for version in removed)))


def _needed(client: "MlflowClient", versions: Collection["ModelVersion"]) -> set[str]:
    """The trainings of versions that are served, would be after a roll-back, or await a person's word."""
    wanted = set()
    for model in client.search_registered_models(max_results=1000):
        aliases = dict(model.aliases)
        wanted |= {(model.name, str(version)) for version in aliases.values()}
        if CHAMPION in aliases:
            champion = info_of(client.get_model_version(model.name, aliases[CHAMPION]))
            back = predecessor(client, champion)
            wanted.add((model.name, back.version if back else ""))
    return {
        str(version.run_id)
        for version in versions
        if (version.name, str(version.version)) in wanted or version.tags.get(REVIEW) == WAITING
    }


def _began_before(run: "Run", moment: datetime) -> bool:
    return bool(run.info.start_time < moment.timestamp() * 1000)


def _forget_predecessors(
    client: "MlflowClient", kept: Collection["ModelVersion"], removed: Collection["ModelVersion"]
) -> None:
    """A version whose predecessor is gone has none, so that a roll-back says so."""
    gone = {(version.name, str(version.version)) for version in removed}
    for version in kept:
        if (version.name, version.tags.get(PREDECESSOR)) in gone:
            client.delete_model_version_tag(version.name, version.version, PREDECESSOR)


def _remove(client: "MlflowClient", experiment: str, runs: Collection[str]) -> None:
    """Mark runs and their models as deleted, then let MLflow's own `gc` remove them with their files."""
    if not runs:
        return
    from mlflow.cli import _gc_tracking_resources

    models = client.search_logged_models([experiment], max_results=MOST)
    gone = [model.model_id for model in models if model.source_run_id in runs]
    for model in gone:
        client.delete_logged_model(model)
    for run in runs:
        client.delete_run(run)
    _gc_tracking_resources(
        backend_store=client._tracking_client.store,  # noqa: SLF001 - what `mlflow gc` itself is given
        run_ids=list(runs),
        experiment_ids=None,
        logged_model_ids=gone,
        older_than=None,
        time_delta=0,
        skip_experiments=True,
        skip_logged_models=False,
    )
