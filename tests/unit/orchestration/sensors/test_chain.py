from collections.abc import Callable

import dagster as dg
import pytest

from orchestration import coverage
from orchestration.build import build_defs
from tests import small_companies

RUN = "11111111-1111-4111-8111-111111111111"
Follow = Callable[[dict[str, str] | None], dg.RunRequest | str]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    """All definitions of a small company that ends in June 2024."""
    folder = tmp_path_factory.mktemp("chain")
    return build_defs(small_companies.deploy(folder, "small", "contractual", {"accounts": []})).get_repository_def()


@pytest.fixture
def follow(repository: dg.RepositoryDefinition) -> Follow:
    """Ticks the sensor for a successful refresh that left this metadata of the observation window."""

    def run(metadata: dict[str, str] | None) -> dg.RunRequest | str:
        with dg.DagsterInstance.ephemeral() as instance:
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


def test_a_refresh_is_followed_by_one_score_of_the_newest_covered_month(follow: Follow) -> None:
    """The month that the run covered to its end is scored, once per refresh."""
    request = follow({coverage.LAST_AS_OF: "2024-05-31"})
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == ("2024-05", RUN)


def test_no_month_after_the_last_partition_is_scored(follow: Follow) -> None:
    """Data beyond the company's last day lead to its last partition."""
    request = follow({coverage.LAST_AS_OF: "2024-09-30"})
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2024-06"


@pytest.mark.parametrize("metadata", [None, {}])
def test_without_a_covered_month_nothing_is_scored(follow: Follow, metadata: dict[str, str] | None) -> None:
    """A source without a row that dates anything is skipped with a reason."""
    assert "cover no month" in str(follow(metadata))


def test_only_the_refresh_is_followed(repository: dg.RepositoryDefinition) -> None:
    """`rebuild` is followed by its launcher and other jobs by nothing; the chain is on unless it is switched off."""
    sensor = repository.get_sensor_def("score_after_refresh")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert {target.job_name for target in sensor.targets} == {"score_and_publish"}
    off = {one.name for one in repository.sensor_defs if one.default_status == dg.DefaultSensorStatus.STOPPED}
    assert {"new_files", "retraining_due"} <= off
