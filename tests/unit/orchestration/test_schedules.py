from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator

from orchestration import coverage
from orchestration.build import build_defs
from orchestration.jobs import COMPANY_TAG
from orchestration.resources import Deployment
from orchestration.schedules import schedules
from tests import small_companies

Ticked = Callable[..., dg.RunRequest | str]


def deploy(
    folder: Path, *, time_zone: str = "UTC", automation: str = "", until: str | None = "2024-06-30"
) -> Deployment:
    """A company without files, with the given part of its settings."""
    deployment = small_companies.deploy(folder, "small", "contractual", {"accounts": []})
    path = folder / "companies" / "small.toml"
    head = f'time_zone = "{time_zone}"\n' + (f"data_until = {until}\n" if until else "")
    text = path.read_text().replace(f"data_until = {small_companies.LAST_DAY}\n", head)
    path.write_text(f"{text}\n[automation]\n{automation}\n")
    return deployment


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> dg.RepositoryDefinition:
    """All definitions of a small company whose source keeps growing."""
    return build_defs(deploy(tmp_path_factory.mktemp("schedules"), until=None)).get_repository_def()


@pytest.fixture
def tick(repository: dg.RepositoryDefinition, tmp_path: Path) -> Ticked:
    """Ticks a schedule by name at an instant; gives its request, or why there is none."""

    def run(name: str, at: datetime, last_as_of: str | None = None) -> dg.RunRequest | str:
        with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
            if last_as_of:
                metadata = {coverage.LAST_AS_OF: last_as_of}
                instance.report_runless_asset_event(
                    dg.AssetMaterialization(["intermediate", coverage.WINDOW], metadata=metadata)
                )
            with dg.build_schedule_context(
                instance=instance, scheduled_execution_time=at, repository_def=repository
            ) as context:
                data = repository.get_schedule_def(name).evaluate_tick(context)
        return data.run_requests[0] if data.run_requests else data.skip_message or ""

    return run


def test_a_morning_asks_for_all_months_that_are_over(tick: Ticked) -> None:
    """The daily tick asks for one run over every complete month, and on the first of a month for one more."""
    last, first = (tick("daily_refresh", datetime(2024, *day, 5, tzinfo=UTC)) for day in ((6, 30), (7, 1)))
    ranges = [
        (request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"])
        for request in (last, first)
        if isinstance(request, dg.RunRequest)
    ]
    assert ranges == [("2023-01", "2024-05"), ("2023-01", "2024-06")]


def test_before_the_first_month_is_over_nothing_is_asked_for(tick: Ticked) -> None:
    """A company that has just begun gets a reason, not a run that fails."""
    assert "No month of small is over yet" in str(tick("daily_refresh", datetime(2023, 1, 20, 5, tzinfo=UTC)))


def test_the_forecast_is_of_the_newest_covered_month(tick: Ticked) -> None:
    """The monthly tick asks for the month that the data cover to its end, not for the newest of the calendar."""
    request = tick("monthly_forecast", datetime(2024, 9, 2, 7, tzinfo=UTC), "2024-05-31")
    assert isinstance(request, dg.RunRequest)
    assert request.tags["dagster/partition"] == "2024-05"


@pytest.mark.parametrize("name", ["weekly_training", "monthly_forecast"])
def test_without_a_refresh_on_record_nothing_is_trained_or_forecast(tick: Ticked, name: str) -> None:
    """The first weeks of a deployment without data are skipped with a reason; a refresh on record ends that."""
    sunday = datetime(2024, 7, 7, 6, tzinfo=UTC)
    assert "no refresh has covered a whole month yet" in str(tick(name, sunday))
    assert isinstance(tick(name, sunday, "2024-05-31"), dg.RunRequest)


def test_every_run_says_whose_it_is(repository: dg.RepositoryDefinition) -> None:
    """All jobs carry the company's name as a tag, so that runs of several companies can be told apart."""
    tags = {name: repository.get_job(name).tags.get(COMPANY_TAG) for name in repository.job_names if "__" not in name}
    assert set(tags.values()) == {"small"}


def test_schedules_are_off_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    """Nothing runs by the clock by default; what `on` names does from the start."""
    default = deploy(tmp_path / "default")
    chosen = deploy(tmp_path / "chosen", automation='on = ["daily_refresh"]\ndaily_refresh = "15 4 * * 1-5"')
    assert _running(schedules(default)) == []
    assert _running(schedules(chosen)) == ["daily_refresh"]
    assert {one.name: one.cron_schedule for one in schedules(chosen)}["daily_refresh"] == "15 4 * * 1-5"


def _running(found: Sequence[dg.ScheduleDefinition]) -> list[str]:
    return [one.name for one in found if one.default_status == dg.DefaultScheduleStatus.RUNNING]


@pytest.mark.parametrize(
    ("time_zone", "start", "cron", "expected"),
    [
        # Clocks go forward at 02:00 on 31 March: that morning's 02:30 does not exist, the tick comes at 03:00.
        ("Europe/Berlin", (2024, 3, 30), "30 2 * * *", ["30 02:30+0100", "31 03:00+0200", "01 02:30+0200"]),
        # Clocks go back at 03:00 on 27 October: 02:30 comes twice, the tick once.
        ("Europe/Berlin", (2024, 10, 26), "30 2 * * *", ["26 02:30+0200", "27 02:30+0100", "28 02:30+0100"]),
        # Until 2019 the clocks of Brazil went forward at midnight.
        ("America/Sao_Paulo", (2018, 11, 3), "0 0 * * *", ["03 00:00-0300", "04 01:00-0200", "05 00:00-0200"]),
        ("America/Sao_Paulo", (2024, 3, 30), "0 5 * * *", ["30 05:00-0300", "31 05:00-0300", "01 05:00-0300"]),
        ("Asia/Kolkata", (2024, 3, 30), "30 2 * * *", ["30 02:30+0530", "31 02:30+0530", "01 02:30+0530"]),
    ],
)
def test_a_day_has_one_tick_in_the_companys_time_zone(
    tmp_path: Path, time_zone: str, start: tuple[int, int, int], cron: str, expected: list[str]
) -> None:
    """Every local day has exactly one tick at the local time of the settings, also when the clocks change."""
    deployment = deploy(tmp_path, time_zone=time_zone, automation=f'daily_refresh = "{cron}"')
    daily = next(one for one in schedules(deployment) if one.name == "daily_refresh")
    begin = datetime(*start, tzinfo=ZoneInfo(time_zone)).timestamp()
    ticks = islice(schedule_execution_time_iterator(begin, daily.cron_schedule, daily.execution_timezone), 3)
    assert [f"{at.astimezone(UTC).astimezone(ZoneInfo(time_zone)):%d %H:%M%z}" for at in ticks] == expected


def test_the_month_ends_at_the_companys_midnight(tmp_path: Path) -> None:
    """At 02:00 UTC on the first it is still the old month in Brazil: its partition comes three hours later."""
    company = deploy(tmp_path, time_zone="America/Sao_Paulo", until=None).company
    ends = [
        (coverage.all_months(company, datetime(2024, 7, 1, hour, tzinfo=UTC)) or {}).get(
            "dagster/asset_partition_range_end"
        )
        for hour in (2, 3)
    ]
    assert ends == ["2024-05", "2024-06"]
