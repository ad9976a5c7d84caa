"""`make feast-export`: the feature views as a Feast feature repository, with their tables as Parquet files.

The repository is plain files: `feature_store.yaml`, `features.py` (entities, file sources, feature views, a feature
service per model) and `data/<view>.parquet`. Feast itself is not imported: it pins other versions of what the pipeline
runs on, so it reads the repository from an environment of its own (`requirements/feast.txt`).
Belongs here: saying our declarations in Feast's words. Does not belong here: Feast's registry, its stores, serving.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import duckdb
from rich.console import Console

from feature_definitions import registry
from feature_definitions.base import FeatureColumn, FeatureView
from feature_definitions.entities import ENTITIES, TIME_COLUMN
from orchestration.assets.models import READS_FEATURES
from orchestration.resources import WarehouseHeldError, deployment_from_environment

STORE = """project: {project}
provider: local
registry: data/registry.db
online_store:
  type: sqlite
  path: data/online.db
offline_store:
  type: file
entity_key_serialization_version: 3
"""
HEAD = '''"""Feature views of {project} for Feast, written by `make feast-export`; change the declarations instead.

A row is known from its `as_of` on, as a time stamp at midnight UTC. Ask for features at midnight: our own join takes
whole days, Feast takes instants, so at a later hour a row of exactly the maximal age counts for us and not for Feast.
"""

from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, FileSource
from feast.types import Bool, Float64, String
from feast.value_type import ValueType
'''
TYPES = {"numeric": "Float64", "categorical": "String", "flag": "Bool"}


def export(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    project: str,
    views: Sequence[FeatureView] = registry.VIEWS,
    models: Sequence[str] = READS_FEATURES,
) -> dict[str, int]:
    """Write the repository; files of an earlier export are replaced, anything else in the folder is left alone.

    Args:
        project: name of the Feast project.
        models: each gets a feature service with exactly the features it may use.

    Returns:
        View to the number of its rows.
    """
    (folder / "data").mkdir(parents=True, exist_ok=True)
    rows = {view.name: _write_rows(connection, view, folder) for view in views}
    (folder / "feature_store.yaml").write_text(STORE.format(project=project), encoding="utf-8")
    (folder / "features.py").write_text(source(project, views, models), encoding="utf-8")
    return rows


def source(project: str, views: Sequence[FeatureView], models: Sequence[str]) -> str:
    """The Python text of the repository."""
    keys = {view.entity for view in views}
    parts = [
        HEAD.format(project=project),
        *(_entity(entity.name, entity.key) for entity in ENTITIES if entity.key in keys),
        *(_view(view) for view in views),
        *(_service(model) for model in models),
    ]
    return "\n".join(parts)


def _write_rows(connection: duckdb.DuckDBPyConnection, view: FeatureView, folder: Path) -> int:
    features = ", ".join(f'"{column.name}"' for column in view.columns)
    path = _quoted(str(folder / "data" / f"{view.name}.parquet"))
    written = connection.execute(
        f'copy (select "{view.entity}", cast({TIME_COLUMN} as timestamptz) as {TIME_COLUMN}, {features} '  # noqa: S608 - names from the registry
        f'from {view.table} order by "{view.entity}", {TIME_COLUMN}) to {path} (format parquet, compression zstd)'
    ).fetchall()
    return int(written[0][0])


def _quoted(text: str) -> str:
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _entity(name: str, key: str) -> str:
    return f'{name} = Entity(name="{name}", join_keys=["{key}"], value_type=ValueType.STRING)\n'


def _view(view: FeatureView) -> str:
    fields = "\n".join(f"        {_field(column)}," for column in view.columns)
    return (
        f"{view.name} = FeatureView(\n"
        f'    name="{view.name}",\n'
        f"    entities=[{registry.entity_of(view).name}],\n"
        f"    ttl=timedelta(days={view.max_age.days}),\n"
        f"    schema=[\n{fields}\n    ],\n"
        f'    source=FileSource(path="data/{view.name}.parquet", timestamp_field="{TIME_COLUMN}"),\n'
        f"    owner={view.owner!r},\n"
        f'    tags={{"version": "{view.version}"}},\n'
        ")\n"
    )


def _field(column: FeatureColumn) -> str:
    tags = {"kind": column.kind, "unit": column.unit, "driver": column.driver, "availability": column.availability}
    said = {name: value for name, value in tags.items() if value}
    return f'Field(name="{column.name}", dtype={TYPES[column.kind]}, description={column.description!r}, tags={said!r})'


def _service(model: str) -> str:
    """A model's features; what it may not know is no part of the service."""
    usable = {column.name for column in registry.columns_for(model)}
    chosen = [
        f"        {view.name}[{[column.name for column in view.columns if column.name in usable]!r}],"
        for view in registry.views_for(model)
    ]
    return f'{model} = FeatureService(\n    name="{model}",\n    features=[\n' + "\n".join(chosen) + "\n    ],\n)\n"


def main() -> int:
    """Export the features of the company that the environment names; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0] if __doc__ else None)
    parser.add_argument("folder", type=Path, help="folder of the feature repository")
    folder: Path = parser.parse_args().folder
    deployment, console = deployment_from_environment(), Console()
    if not deployment.warehouse_path.exists():
        console.print(f"There is no warehouse of {deployment.company.title} yet; run it first: make run")
        return 1
    try:
        with deployment.warehouse(read_only=True) as connection:
            rows = export(connection, folder, deployment.company_name)
    except WarehouseHeldError as error:
        console.print(str(error), style="red", markup=False, highlight=False)
        return 1
    console.print(f"{len(rows)} views, {sum(rows.values()):,} rows in {folder}; register them there: feast apply")
    return 0


if __name__ == "__main__":
    sys.exit(main())
