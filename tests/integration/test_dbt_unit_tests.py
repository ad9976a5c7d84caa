"""dbt's own unit tests, which no build of a warehouse runs."""

from pathlib import Path

import pytest

from orchestration.transformations.dbt_command import run_dbt
from tests import factories

pytestmark = pytest.mark.slow  # one dbt build of every model


def test_every_unit_test_of_the_models_passes(tmp_path: Path) -> None:
    """On a warehouse without a row every model is built, and each unit test gives what it expects."""
    warehouse = factories.raw_warehouse(tmp_path / "warehouse.duckdb")

    run_dbt("build", "--exclude-resource-type", "test", warehouse=warehouse, target=tmp_path / "target")
