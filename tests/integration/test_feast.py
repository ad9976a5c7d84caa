import json
import os
import subprocess
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from feature_definitions import registry
from feature_definitions.point_in_time import training_sql
from orchestration.reports.feast_export import export
from tests import feature_tables

pytestmark = pytest.mark.slow  # Feast needs seconds to be imported

REPOSITORY = Path(__file__).resolve().parents[2]
FEAST = REPOSITORY / ".venv-feast" / "bin" / "python"
MODELS = ("churn", "lead_score")
FIRST = date(2024, 1, 31)


def _labels(connection: duckdb.DuckDBPyConnection, model: str) -> pd.DataFrame:
    """Days on, before, just within, just beyond and long after the features' days, and an entity that has none."""
    key = registry.views_for(model)[0].entity
    days = [FIRST + timedelta(days) for days in (-1, 0, 1, 30, 31, 32, 60, 61, 200)]
    rows = [(f"e{entity}", pd.Timestamp(day)) for day in days for entity in range(4)]
    labels = pd.DataFrame(rows, columns=[key, "event_timestamp"])
    labels.insert(0, "label_position", range(len(labels)))
    connection.register(f"labels_{model}", labels)
    return labels


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What our join finds, and what Feast finds in the exported repository, per model."""
    if not FEAST.exists():
        pytest.skip("Feast's environment is not at hand; make it and run this test: make test-feast")
    folder = tmp_path_factory.mktemp("feature_repo")
    views = [view for model in MODELS for view in registry.views_for(model)]
    ours: dict[str, pd.DataFrame] = {}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        feature_tables.create(connection, views)
        for at, view in enumerate(views):
            days = [FIRST, FIRST + timedelta(29)][: 1 + at % 2]
            feature_tables.fill(connection, view, [(f"e{entity}", day) for entity in range(3) for day in days], seed=5)
        export(connection, folder, "small", views, MODELS)
        for model in MODELS:
            labels = _labels(connection, model)
            utc = labels.assign(event_timestamp=labels["event_timestamp"].dt.tz_localize("UTC"))
            utc.to_parquet(folder / f"labels_{model}.parquet")
            of_model = registry.views_for(model)
            sql = training_sql(of_model, f"labels_{model}", "event_timestamp")
            ours[model] = connection.sql(sql).df()
    result = subprocess.run(  # noqa: S603 - our own script
        [str(FEAST), str(Path(__file__).with_name("feast_reader.py")), str(folder)],
        env={**os.environ, "FEAST_USAGE": "False", "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    found = {model: pd.read_parquet(folder / f"found_{model}.parquet") for model in MODELS}
    return {"ours": ours, "found": found, "registered": json.loads((folder / "registered.json").read_text())}


def test_feast_knows_what_the_views_declare(exported: dict[str, Any]) -> None:
    """After `feast apply`, entity, age, owner, version and number of features are those of the declarations."""
    declared = {
        view.name: [registry.entity_of(view).name, view.max_age.days, view.owner, str(view.version), len(view.columns)]
        for model in MODELS
        for view in registry.views_for(model)
    }
    assert exported["registered"] == declared


@pytest.mark.parametrize("model", MODELS)
def test_feast_finds_the_features_that_our_join_finds(exported: dict[str, Any], model: str) -> None:
    """Every label that Feast keeps has our features to the bit; it may drop labels that lack a view, we keep all."""
    ours, found = (
        rows.set_index("label_position").sort_index() for rows in (exported["ours"][model], exported["found"][model])
    )
    names = [column.name for column in registry.columns_for(model)]
    assert set(found.columns) == {registry.views_for(model)[0].entity, "event_timestamp", *names}
    is_complete = ours[[f"{view.name}_as_of" for view in registry.views_for(model)]].notna().all(axis=1)
    assert 0 < is_complete.sum() < len(ours)
    assert set(ours.index[is_complete]) <= set(found.index)
    for name in names:
        read, expected = (rows[name].astype(object) for rows in (found, ours.loc[found.index]))
        pd.testing.assert_series_equal(
            read.where(read.notna(), None), expected.where(expected.notna(), None), check_exact=True
        )
