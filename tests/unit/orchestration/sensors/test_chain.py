from collections.abc import Callable, Sequence

import dagster as dg
import pytest

from orchestration import coverage
from orchestration.build import build_defs
from tests import small_companies

RUN = "11111111-1111-4111-8111-111111111111"
Follow = Callable[..., dg.RunRequest | str]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    """All definitions of a small company that ends in June 2024."""
    folder = tmp_path_factory.mktemp("chain")
    return build_defs(small_companies.deploy(folder, "small", "contractual", {"accounts": []})).get_repository_def()


@pytest.fixture
def follow(repository: dg.RepositoryDefinition) -> Follow:
    """Ticks the sensor for a successful refresh that left this metadata of the observation window."""

    def run(metadata: dict[str, str] | None, scored: Sequence[str] = ()) -> dg.RunRequest | str:
        with dg.DagsterInstance.ephemeral() as instance:
            for month in scored:
                instance.report_runless_asset_event(dg.AssetMaterialization(["predictions", "churn"], partition=month))
            if metadata is not None:
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(["intermediate", coverage.WINDOW], metadata=metadata)
                )
            refresh = repository.get_job("refresh_features")
            done = instance.create_run_for_job(refresh, run_id=RUN, status=dg.DagsterRunStatus.SUCCESS)
            event = dg.DagsterEvent("PIPELINE_SUCCESS", "refresh_features")
            context = dg.build_run_status_sensor_context("score_after_refresh", event, instance, done)
            sensor = repository.get_sensor_def("score_after_refresh")
            data = sensor(context)
        return data if isinstance(data, dg.RunRequest) else str(getattr(data, "skip_message", data))

    return run


@pytest.mark.parametrize(
    ("last_as_of", "scored", "months"),
    [
        # The first score ever is of the newest month: a history is scored by a backfill, if at all.
        ("2024-05-31", [], ("2024-05", "2024-05")),
        ("2024-05-31", ["2024-03", "2024-04"], ("2024-05", "2024-05")),
        ("2024-05-31", ["2024-05"], ("2024-05", "2024-05")),
        # Files that stopped for weeks and came back.
        ("2024-05-31", ["2023-06", "2024-02"], ("2024-03", "2024-05")),
        # Rows were taken back: the data end earlier than they did.
        ("2024-04-30", ["2024-05"], ("2024-04", "2024-04")),
        # Data beyond the company's last day lead to its last partition.
        ("2024-09-30", ["2024-05"], ("2024-06", "2024-06")),
    ],
)
def test_a_refresh_is_followed_by_one_score_of_the_months_that_are_due(
    follow: Follow, last_as_of: str, scored: list[str], months: tuple[str, str]
) -> None:
    """One run per refresh scores the newest covered month, and with it those that no run has scored since the last."""
    request = follow({coverage.LAST_AS_OF: last_as_of}, scored)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == RUN
    ends = [f"dagster/asset_partition_range_{end}" for end in ("start", "end")]
    assert tuple(request.partition_key or request.tags[end] for end in ends) == months


@pytest.mark.parametrize("metadata", [None, {}, {coverage.LAST_AS_OF: "2022-12-31"}])
def test_without_a_covered_month_nothing_is_scored(follow: Follow, metadata: dict[str, str] | None) -> None:
    """Rows without a date, or that end within the company's first month, are skipped with a reason."""
    assert "cover no month" in str(follow(metadata))


def test_only_the_refresh_is_followed(repository: dg.RepositoryDefinition) -> None:
    """`rebuild` is followed by its launcher and other jobs by nothing; the chain is on unless it is switched off."""
    sensor = repository.get_sensor_def("score_after_refresh")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert {target.job_name for target in sensor.targets} == {"score_and_publish"}
    off = {one.name for one in repository.sensor_defs if one.default_status == dg.DefaultSensorStatus.STOPPED}
    assert {"new_files", "retraining_due"} <= off
