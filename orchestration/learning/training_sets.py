"""`make training-set HASH=...`: what a model learned from, and whether the warehouse still gives the same rows.

Belongs here: keeping, pruning, showing and reproducing a company's training sets. Does not belong here: their files
(`ml.training_sets`) or how their rows are made (`orchestration.learning.training_inputs`).
"""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import duckdb
from rich.console import Console
from rich.markup import escape

from companies.settings import CompanyError
from feature_definitions import registry as views
from ingestion.contract import TABLES
from orchestration.deployment.code_identity import code_version
from orchestration.learning import frames
from orchestration.resources import Deployment, deployment_from_environment

if TYPE_CHECKING:
    from ml.training_sets import Manifest
    from orchestration.learning.training_inputs import Trained

OK, FAILED, DIFFERENT = 0, 1, 2


def keep(connection: duckdb.DuckDBPyConnection, deployment: Deployment, model: str, trained: "Trained") -> str:
    """Store what a model was trained on, once; returns where, below the state (empty for a model that reads facts)."""
    from ml import training_sets

    if trained.frame is None:
        return ""
    origin = training_sets.Origin(
        model=model,
        feature_versions=dict(trained.feature_versions),
        data_until=trained.data_until.isoformat(),
        snapshot_id=frames.snapshot_id(connection, list(TABLES)),
        code_version=code_version(),
        stored_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    folder = training_sets.store(deployment.training_sets, trained.frame, origin)
    return str(folder.relative_to(deployment.state))


def prune(deployment: Deployment) -> list[str]:
    """Delete sets that no registered version names and that are not their model's newest; returns their hashes."""
    from ml import registry, training_sets

    if not deployment.training_sets.exists():
        return []
    named = {version.tags.get("content_hash", "") for version in registry.versions(deployment.model_store())}
    return training_sets.prune(deployment.training_sets, named)


def reproduce(deployment: Deployment, content_hash: str) -> "tuple[Manifest, list[str]]":
    """Make a stored set again from the warehouse as it is now.

    Labels see events up to the day they saw then. Features of old months cannot change, whatever was known later;
    labels can: a contract's end that became known later is another label.

    Returns:
        The manifest, and how the rows made now differ (empty: not at all).

    Raises:
        TrainingSetError: there is no such set.
        duckdb.IOException: there is no warehouse, or a run holds it.
    """
    from ml import training_sets
    from orchestration.learning.training_inputs import FRAMERS

    manifest, rows = training_sets.read(deployment.training_sets, content_hash)
    with deployment.warehouse(read_only=True) as connection:
        until = date.fromisoformat(manifest.origin.data_until)
        rebuilt = FRAMERS[manifest.origin.model](connection, deployment.company, until)
    said = [
        f"{view.name} is version {view.version} now, not {manifest.origin.feature_versions.get(view.name)}"
        for view in views.views_for(manifest.origin.model)
        if view.version != manifest.origin.feature_versions.get(view.name)
    ]
    return manifest, said + training_sets.differences(manifest, rows, rebuilt)


def main(arguments: Sequence[str] | None = None) -> int:
    """Show all sets, or one and whether it can be made again; the exit code is 2 where it is made differently."""
    from ml.training_sets import TrainingSetError, manifests

    given = list(sys.argv[1:] if arguments is None else arguments)
    console = Console(soft_wrap=True, highlight=False)
    deployment = deployment_from_environment()
    try:
        if not given:
            for manifest in manifests(deployment.training_sets):
                console.print(f"{manifest.content_hash[:12]}  {escape(_line(manifest))}")
            return OK
        manifest, said = reproduce(deployment, given[0])
    except (CompanyError, TrainingSetError, duckdb.IOException) as error:
        console.print(escape(str(error)), style="red")
        return FAILED
    console.print(escape(_shown(deployment, manifest)))
    for sentence in said or ["The warehouse gives the same rows, to the last bit."]:
        console.print(escape(sentence), style="yellow" if said else "green")
    return DIFFERENT if said else OK


def _line(manifest: "Manifest") -> str:
    span = f"{manifest.first_as_of} to {manifest.last_as_of}"
    return f"{manifest.origin.model}: {manifest.rows:,} rows, {manifest.positives:,} positives, {span}"


def _shown(deployment: Deployment, manifest: "Manifest") -> str:
    """The manifest for people."""
    origin, sure = manifest.origin, f"certain {manifest.confirm_days} days later"
    versions = ", ".join(f"{name} v{version}" for name, version in origin.feature_versions.items())
    return "\n".join(
        [
            f"{manifest.content_hash}  {_line(manifest)}",
            f"  in        {deployment.training_sets / manifest.content_hash}",
            f"  label     {manifest.label} within {manifest.horizon_days} days, {sure}",
            f"  features  {len(manifest.features)} of {versions}",
            f"  made of   snapshot {origin.snapshot_id}, data until {origin.data_until}, code {origin.code_version}",
            f"  stored    {origin.stored_at}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
