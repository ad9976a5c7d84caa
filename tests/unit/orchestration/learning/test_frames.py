from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pandera.pandas as pa
import pytest

from feature_definitions import registry
from feature_definitions.base import FeatureTable, FeatureView, feature, key
from feature_definitions.entities import LEAD
from feature_definitions.online import OnlineFeatures
from ml.models import lead_score
from ml.training_frames import training_frame
from orchestration import snapshot
from orchestration.assets import publish
from orchestration.learning import frames
from tests import feature_tables

DAY = date(2024, 3, 31)


class Planted(FeatureTable):
    lead_id: str = key("The lead.")
    as_of: pa.DateTime = key("Day.")
    planted_count: float = feature("Calls of sales.", unit="count", availability="post_contact")
    early_count: float = feature("Visits of the lead.", unit="count")


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch) -> Iterator[duckdb.DuckDBPyConnection]:
    """Leads whose views include one with a column that is filled in after the contact."""
    view = FeatureView("feat_lead_planted", LEAD.key, Planted, timedelta(31), "marketing-operations", 1)
    monkeypatch.setattr(registry, "VIEWS", (*registry.views_of(LEAD.key), view))
    with duckdb.connect() as connection:
        feature_tables.create(connection, registry.VIEWS)
        for one in registry.VIEWS:
            feature_tables.fill(connection, one, [("l1", DAY), ("l2", DAY)], seed=3)
        yield connection


def test_planted_post_contact_column_reaches_neither_training_nor_scoring(warehouse: duckdb.DuckDBPyConnection) -> None:
    """What the lead score is trained on and scores lacks the column; whoever shows it all the same gets an error."""
    for day in (None, DAY):
        found = frames.of_model(warehouse, "lead_score", day)
        assert "early_count" in found.columns
        assert not {"planted_count", "calls_count", "has_account"} & set(found.columns)
    views = registry.views_for("lead_score")
    everything = frames.features(warehouse, views)
    labels = everything[["lead_id"]].assign(as_of=pd.Timestamp(DAY), converted=[0, 1])
    columns = registry.columns_for("lead_score")
    frame = training_frame(everything, labels, entity="lead_id", columns=columns, label="converted", horizon_days=90)
    with pytest.raises(registry.PostContactError, match="planted_count"):
        lead_score.run_training(frame, lead_score.LeadParams())


def test_planted_post_contact_column_does_not_reach_the_online_row(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """The published table has the column for readers after the contact; the lead score's row has it not."""
    [face] = [face for face in publish.faces(warehouse) if face.schema == "features"]
    made = snapshot.publish(warehouse, tmp_path, [face], version="v1", at="2024-04-01T00:00:00", as_of=str(DAY))
    with OnlineFeatures(made.path(tmp_path) / "lookup.sqlite") as online:
        row = online.row("lead_score", "l1", DAY)
    assert row is not None
    assert "early_count" in row.values
    assert "planted_count" not in {*row.values, *row.frame().columns}
