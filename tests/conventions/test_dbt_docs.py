"""Documentation of the dbt project that has to follow from something else."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from feature_definitions import registry
from ingestion.contract import TABLES
from ingestion.warehouse_schema import raw_columns
from orchestration.assets.models import FACTS, READS_FEATURES

MODELS = Path(__file__).resolve().parents[2] / "dbt_project" / "models"
REFERENCE = re.compile(r"ref\('(\w+)'\)")


def exposures() -> dict[str, set[str]]:
    """Name of each exposure with the models it depends on."""
    declared = yaml.safe_load((MODELS / "exposures.yml").read_text(encoding="utf-8"))["exposures"]
    return {
        each["name"]: {found for text in each["depends_on"] for found in REFERENCE.findall(text)} for each in declared
    }


def raw_source() -> dict[str, Any]:
    sources = yaml.safe_load((MODELS / "sources.yml").read_text(encoding="utf-8"))["sources"]
    (raw,) = [source for source in sources if source["name"] == "raw"]
    return {table["name"]: table for table in raw["tables"]}


@pytest.mark.parametrize("reader", ["customer_api", "lifecycle_screens"])
def test_every_mart_reaches_its_readers(reader: str) -> None:
    """The whole of the marts is published, so each is declared as what the API and the screens read."""
    assert exposures()[reader] == {path.stem for path in (MODELS / "marts").rglob("*.sql")}


@pytest.mark.parametrize("model", sorted(FACTS))
def test_every_training_declares_what_it_reads(model: str) -> None:
    """The tables that Dagster knows as a training's inputs are those of its exposure."""
    views = {view.name for view in registry.views_for(model)} if model in READS_FEATURES else set()
    assert exposures()[f"training_{model}"] >= {*views, *FACTS[model], "int_observation_window"}


@pytest.mark.parametrize("table", sorted(TABLES))
def test_a_raw_table_is_documented_in_the_words_of_the_contract(table: str) -> None:
    """Dbt's source page and the source contract say the same of the same columns, in the same order."""
    documented = {column["name"]: column["description"] for column in raw_source()[table]["columns"]}
    assert list(documented) == list(raw_columns(TABLES[table]))
    said = {column.name: column.description for column in TABLES[table].columns}
    assert {name: documented[name] for name in said} == said


def test_the_overview_links_tables_that_exist() -> None:
    """Every link of the first page of dbt's documentation names a model, source or exposure of the project."""
    linked = set(re.findall(r"#!/(\w+)/\w+\.customer_lifecycle\.([\w.]+)\)", (MODELS / "overview.md").read_text()))
    models = {("model", path.stem) for path in MODELS.rglob("*.sql")}
    raw = {("source", f"raw.{table}") for table in TABLES}
    assert linked
    assert linked - models - raw - {("exposure", name) for name in exposures()} == set()
