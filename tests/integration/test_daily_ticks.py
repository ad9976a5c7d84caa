"""Days of a company that runs by itself, against one clean build: the lean form of `benchmarks.week_of_ticks`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration import snapshot
from orchestration.coverage import all_months
from tests import growing_company
from tests.clean_build import build_anew, compared
from tests.daily_ticks import days_of
from tests.growing_company import BROKEN, FIRST_DELIVERY, MORNINGS
from tests.runs import content, kept_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # three refreshes
SIZE = {"accounts": 12, "leads": 20}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with kept_environment():
        yield


def test_days_of_ticks_end_equal_to_one_clean_build(tmp_path: Path) -> None:
    """Late, corrected, refused, repeated and broken files, landed as they came, leave what all files at once leave."""
    deployment = growing_company.deploy(tmp_path, **SIZE)
    with days_of(deployment, tmp_path / "instance") as days:
        days.must("refresh_features", all_months(deployment.company, days.local(FIRST_DELIVERY, 5)) or {})
        days.must("train_models", {})
        for morning in MORNINGS[: MORNINGS.index(BROKEN) + 1]:
            growing_company.deliver(deployment, morning, **SIZE)
        assert not days.morning(BROKEN), "a broken file was landed"
        assert snapshot.current(deployment.published) is None
        growing_company.mend(deployment)
        assert days.look(days.local(BROKEN, 9)), days.ticks
        assert not days.look(days.local(BROKEN, 10)), "nothing changed, and a run was asked for"
    found = compared(content(deployment), build_anew(deployment, tmp_path / "kept", days.local(BROKEN, 5), ["2024-06"]))
    assert found[found["unexplained"] > 0].to_dict("records") == []
    assert len(found) > 40
