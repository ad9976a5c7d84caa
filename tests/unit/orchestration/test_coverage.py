from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from orchestration import coverage
from tests import small_companies
from tests.factories import company


@pytest.mark.parametrize(
    ("last_as_of", "expected"),
    [
        (date(2024, 5, 31), {"data_until": "2024-06-12", "last_as_of": "2024-05-31"}),
        (None, {"data_until": "2024-06-12"}),
    ],
)
def test_a_run_tells_how_far_the_data_reach(last_as_of: date | None, expected: dict[str, str]) -> None:
    """The observation window leaves its days as text; what it does not know it does not tell."""
    connection = duckdb.connect()
    connection.execute("create schema intermediate")
    connection.execute("create table intermediate.int_observation_window (data_until date, last_as_of date)")
    connection.execute("insert into intermediate.int_observation_window values ('2024-06-12', ?)", [last_as_of])
    assert coverage.metadata(connection) == expected


@pytest.mark.parametrize(
    ("last_as_of", "month"),
    [("2024-05-31", "2024-05"), ("2026-01-31", "2024-12"), ("2020-01-31", "2023-01"), (None, "2023-01")],
)
def test_the_newest_month_is_covered_and_has_a_partition(last_as_of: str | None, month: str) -> None:
    """Between the company's first and last partition the data decide; without a covered month it is the first."""
    assert coverage.newest_month(company(), last_as_of) == month


def test_the_newest_build_of_the_warehouse_counts(tmp_path: Path) -> None:
    """Of several runs the last one tells which month is covered; before the first, and in the first month, none is."""
    deployment = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    with dg.DagsterInstance.ephemeral() as instance:
        found = [coverage.newest_covered_month(instance, deployment)]
        # The month end before the company's first day: its data end within the first month.
        for day in ("2022-12-31", "2024-04-30", "2024-05-31"):
            told = dg.AssetMaterialization(["intermediate", coverage.WINDOW], metadata={coverage.LAST_AS_OF: day})
            instance.report_runless_asset_event(told)
            found.append(coverage.newest_covered_month(instance, deployment))
    assert found == [None, None, "2024-04", "2024-05"]
