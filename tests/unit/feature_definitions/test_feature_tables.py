from pathlib import Path
from typing import Any

import pytest
import yaml

from feature_definitions import registry
from feature_definitions.base import FEATURE, FeatureView

FOLDER = Path(__file__).resolve().parents[3] / "dbt_project" / "models" / "features"
TYPES = {"numeric": "double", "categorical": "varchar", "flag": "boolean"}


def _declared(view: FeatureView) -> list[tuple[str, str, str]]:
    """Name, type and description of each column as the view's schema declares it."""
    columns = []
    for name, column in view.schema.to_schema().columns.items():
        feature: dict[str, Any] | None = (column.metadata or {}).get(FEATURE)
        key_type = "date" if name.startswith("as_of") else "varchar"
        columns.append((name, TYPES[feature["kind"]] if feature else key_type, column.description or ""))
    return columns


@pytest.mark.parametrize("view", registry.VIEWS, ids=lambda view: view.name)
def test_contract_of_the_table_equals_the_schema_of_the_view(view: FeatureView) -> None:
    """The contract in dbt and the Pandera schema declare the same columns, types and meanings in the same order."""
    models = yaml.safe_load((FOLDER / "_features.yml").read_text(encoding="utf-8"))["models"]
    (model,) = [model for model in models if model["name"] == view.name]
    contract = [(column["name"], column["data_type"], column["description"]) for column in model["columns"]]
    assert contract == _declared(view)
