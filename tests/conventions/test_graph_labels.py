"""The graph reads by itself: labels, columns and descriptions of every asset and check."""

import dagster as dg
import pytest

from orchestration.assets.models import FACTS as MODELS
from orchestration.build import build_defs
from orchestration.resources import Deployment
from tests import dbt_manifest
from tests.dbt_manifest import none_of

# What is no table: files, and versions in a registry.
NO_TABLES = ("source", "models")


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The definitions of the sample company."""
    folder = str(tmp_path_factory.mktemp("labels"))
    return build_defs(Deployment(company_name="sample", state_folder=folder, data_folder=folder))


@pytest.fixture(scope="module")
def specs(defs: dg.Definitions) -> dict[str, dg.AssetSpec]:
    """Every asset by key."""
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_every_description_ends_with_the_grain(specs: dict[str, dg.AssetSpec]) -> None:
    """What one row (or file, or version) is stands last, where a reader looks for it."""
    mute = [key for key, spec in specs.items() if "Grain: " not in str(spec.description).rsplit(". ", 1)[-1]]
    none_of(mute, "the last sentence is not the grain")


def test_every_asset_has_a_layer_and_a_cadence(specs: dict[str, dg.AssetSpec]) -> None:
    """`tag:layer=marts` selects in the UI, and freshness follows the cadence."""
    none_of((key for key, spec in specs.items() if not {"layer", "cadence"} <= set(spec.tags)), "no layer or cadence")


def test_every_table_declares_its_columns(specs: dict[str, dg.AssetSpec]) -> None:
    """Each column with type and description, known before the first run, and the table's name in the warehouse."""
    wrong = []
    for key, spec in specs.items():
        schema = spec.metadata.get("dagster/column_schema")
        if spec.tags["layer"] in NO_TABLES:
            continue
        if schema is None:
            wrong.append(key)
            continue
        wrong += [f"{key}.{one.name}" for one in schema.columns if not one.description or one.type in ("", "?")]
    none_of(wrong, "no column schema, or a column without type or description")


def test_every_dbt_table_tells_its_column_lineage(specs: dict[str, dg.AssetSpec]) -> None:
    """For every column, in the order of the table."""
    dbt = {key: spec for key, spec in specs.items() if "dbt" in spec.kinds and spec.group_name != "metrics"}
    wrong = [
        key
        for key, spec in dbt.items()
        if list(spec.metadata["dagster/column_lineage"].deps_by_column)
        != [column.name for column in spec.metadata["dagster/column_schema"].columns]
    ]
    none_of(wrong, "lineage of other columns than the table's")
    assert len(dbt) > 150


def test_every_asset_names_its_code(specs: dict[str, dg.AssetSpec]) -> None:
    """The file that makes it is one click away."""
    none_of((key for key, spec in specs.items() if "dagster/code_references" not in spec.metadata), "no code")


def test_every_training_reads_every_raw_table_in_the_end(defs: dg.Definitions) -> None:
    """A broken contract stops dbt as a whole; were a training independent of a raw table, that would stop too much."""
    raw = dg.AssetSelection.groups("raw")
    graph = defs.resolve_asset_graph()
    models = dg.AssetSelection.groups("models").resolve(graph)
    none_of(
        (
            f"{model.to_user_string()} does not read {table.to_user_string()}"
            for table in raw.resolve(graph)
            for model in models - dg.AssetSelection.assets(table).downstream().resolve(graph)
        ),
        "let dbt go on for it",
    )
    assert len(models) == len(MODELS)


def test_every_check_has_a_description(defs: dg.Definitions) -> None:
    """What a check promises can be read before it fails; a dbt test's own name says it."""
    of_dbt = {node["name"] for node in dbt_manifest.nodes("test")}
    mute = [
        f"{spec.asset_key.to_user_string()}: {spec.name}"
        for definition in defs.resolve_asset_graph().assets_defs
        for spec in definition.check_specs
        if not spec.description and spec.name not in of_dbt
    ]
    none_of(mute, "no description")
