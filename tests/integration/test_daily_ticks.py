"""Days of a company that runs by itself, against one clean build: the lean form of `benchmarks.week_of_ticks`."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests import growing_company
from tests.clean_build import build_anew, compared, everything
from tests.daily_ticks import Days, days_of
from tests.growing_company import BROKEN, MORNINGS
from tests.runs import kept_environment, query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # two refreshes
SIZE = {"accounts": 12, "leads": 20}
SCORED = "2024-06"


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


def test_days_of_ticks_end_equal_to_one_clean_build(tmp_path: Path) -> None:
    """Late, corrected, refused, repeated and broken files, landed as they came, leave what all files at once leave."""
    deployment = growing_company.deploy(tmp_path, **SIZE)
    with days_of(deployment, tmp_path / "instance") as days:
        days.must("land_source", {})
        for morning in MORNINGS[: MORNINGS.index(BROKEN) + 1]:
            growing_company.deliver(deployment, morning, **SIZE)
        assert not days.morning(BROKEN), "a broken file was landed"
        growing_company.mend(deployment)
        refreshed = days.look(days.local(BROKEN, 9))
        assert refreshed is not None, days.ticks
        days.must("train_models", {})
        assert days.follow(refreshed, days.local(BROKEN, 9)), days.ticks
        assert days.look(days.local(BROKEN, 10)) is None, "nothing changed, and a run was asked for"
        for table in ("features.feat_customer_usage", "predictions.churn"):
            count = query(deployment, f"select count(*) from {table} where strftime(as_of, '%Y-%m') = '{SCORED}'")
            assert count == [(told_rows(days, table),)]
    found = compared(everything(deployment), build_anew(deployment, tmp_path / "kept", days.local(BROKEN, 5), [SCORED]))
    assert found[found["unexplained"] > 0].to_dict("records") == []
    assert len(found) > 40


def told_rows(days: Days, table: str) -> object:
    """The rows of the scored month as its partition in the UI tells them."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey(table.split(".")), asset_partitions=[SCORED])
    told = days.instance.fetch_materializations(wanted, limit=1).records[0].asset_materialization
    return told and told.metadata["dagster/partition_row_count"].value
