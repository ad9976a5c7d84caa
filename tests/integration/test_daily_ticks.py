"""Days of a company that runs by itself, against one clean build: the lean form of `benchmarks.week_of_ticks`."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration import snapshot
from orchestration.coverage import all_months, one_run
from orchestration.resources import Deployment
from tests import growing_company
from tests.clean_build import build_anew, compared, everything
from tests.daily_ticks import Days, UntestedDbt, days_of
from tests.growing_company import BROKEN, FIRST_DELIVERY, MORNINGS
from tests.runs import kept_environment, query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # three refreshes
SIZE = {"accounts": 12, "leads": 20}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


def test_days_of_ticks_end_equal_to_one_clean_build(tmp_path: Path) -> None:
    """Late, corrected, refused, repeated and broken files, landed as they came, leave what all files at once leave."""
    deployment = growing_company.deploy(tmp_path, **SIZE)
    with days_of(deployment, tmp_path / "first", UntestedDbt) as days:
        days.must("refresh_features", all_months(deployment.company, days.local(FIRST_DELIVERY, 5)) or {})
        days.must("train_models", {})
        days.must("score_and_publish", one_run("2024-04", "2024-04"))
    published = snapshot.current(deployment.published)
    with days_of(deployment, tmp_path / "first") as days:
        for morning in MORNINGS[: MORNINGS.index(BROKEN) + 1]:
            growing_company.deliver(deployment, morning, **SIZE)
        assert not days.morning(BROKEN), "a broken file was landed"
        assert snapshot.current(deployment.published) == published, "readers were moved by a run that failed"
        growing_company.mend(deployment)
        assert days.look(days.local(BROKEN, 9)), days.ticks
        assert days.ticks[-1].months == "2024-05 to 2024-06", "a month that no run scored in time is missing"
        assert not days.look(days.local(BROKEN, 10)), "nothing changed, and a run was asked for"
        for table in ("features.feat_customer_usage", "predictions.churn"):
            assert told_rows(days, table) == counted_rows(deployment, table)
    months = ["2024-04", "2024-06"]
    found = compared(everything(deployment), build_anew(deployment, tmp_path / "kept", days.local(BROKEN, 5), months))
    assert found[found["unexplained"] > 0].to_dict("records") == []
    assert len(found) > 40


def told_rows(days: Days, table: str) -> dict[str, object]:
    """The rows of each of the last months as their partitions in the UI tell them."""
    found = {}
    for month in ("2024-05", "2024-06"):
        wanted = dg.AssetRecordsFilter(dg.AssetKey(table.split(".")), asset_partitions=[month])
        told = days.instance.fetch_materializations(wanted, limit=1).records[0].asset_materialization
        assert told is not None
        found[month] = told.metadata["dagster/partition_row_count"].value
    return found


def counted_rows(deployment: Deployment, table: str) -> dict[str, object]:
    """The accounts of each of the last months in the warehouse."""
    counts = "select strftime(as_of, '%Y-%m'), count(distinct account_id)"
    return dict(query(deployment, f"{counts} from {table} where as_of > '2024-05-01' group by 1"))
