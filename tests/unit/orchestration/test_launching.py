from pathlib import Path

import pytest

from orchestration import launching
from orchestration.resources import Deployment
from tests import small_companies


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(1, 1))


def test_months_are_those_of_the_partitions(deployment: Deployment) -> None:
    """A month of the company is taken as it is, another one is refused with those there are."""
    assert launching.known_month(deployment, "2024-02") == "2024-02"
    with pytest.raises(launching.MonthError, match="known are 2023-01 to 2024-06"):
        launching.known_month(deployment, "2024-07")


def test_the_newest_month_is_the_last_that_the_data_cover(deployment: Deployment) -> None:
    """A source that ends early decides; before there is a warehouse the way to one is told."""
    with pytest.raises(launching.RunFailedError, match="lifecycle refresh"):
        launching.newest_month(deployment)
    with deployment.warehouse() as connection:
        assert connection.execute("select 1").fetchall()
    with pytest.raises(launching.RunFailedError, match="lifecycle refresh"):
        launching.newest_month(deployment)
    with deployment.warehouse() as connection:
        connection.execute("create schema intermediate")
        connection.execute("create table intermediate.int_observation_window as select date '2024-03-31' as last_as_of")
    assert launching.newest_month(deployment) == "2024-03"
