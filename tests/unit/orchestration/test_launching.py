from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from orchestration import launching
from orchestration.partitions import monthly_as_of
from orchestration.resources import Deployment
from orchestration.runs.progress import progress_logger
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
        connection.execute(
            "create table intermediate.int_observation_window "
            "as select date '2024-04-12' as data_until, date '2024-03-31' as last_as_of"
        )
    assert launching.newest_month(deployment) == "2024-03"


@pytest.fixture
def faults() -> list[BaseException]:
    """What the model's step raises; nothing while it is empty."""
    return []


@pytest.fixture
def launcher(deployment: Deployment, faults: list[BaseException], tmp_path: Path) -> Iterator[launching.Launcher]:
    """A launcher of jobs as small as they can be, with a partitioned asset and one that fails as it is told."""
    single_run = dg.BackfillPolicy.single_run()

    @dg.asset(
        key=["features", "table"],
        partitions_def=monthly_as_of(deployment.company),
        backfill_policy=single_run,
        check_specs=[dg.AssetCheckSpec("is_small", asset=["features", "table"])],
    )
    def table(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        yield dg.MaterializeResult(metadata={"months": len(context.partition_keys)})
        yield dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN)

    @dg.asset(key=["models", "churn"])
    def churn() -> None:
        if faults:
            raise faults.pop()

    defs = dg.Definitions(
        assets=[table, churn],
        jobs=[dg.define_asset_job("features", [table]), dg.define_asset_job("everything", [table, churn])],
        loggers={"progress": progress_logger},
    )
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield launching.Launcher(deployment, defs, instance, launching.Timing("definitions", 1.0), is_quiet=True)


def months_made(launcher: launching.Launcher, run: launching.JobRun) -> list[object]:
    events = launcher.instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    found = [record.event_log_entry.asset_materialization for record in events.records]
    return [made.metadata["months"].value for made in found if made and "months" in made.metadata]


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_a_job_is_launched_for_a_month_a_range_or_some_assets(launcher: launching.Launcher) -> None:
    """A range is one run of all its months; what a run left is told with its warnings and the company's tag."""
    one = launcher.execute("features", "2024-02")
    assert (one.months, months_made(launcher, one)) == (("2024-02",), [1])
    many = launcher.execute("features", "2023-03", "2024-02")
    assert (many.months, set(months_made(launcher, many))) == (("2023-03", "2024-02"), {12})
    assert many.failing_checks[0] == launching.FailingCheck("features/table", "is_small", "WARN")
    alone = launcher.execute("everything", assets=["models/churn"])
    assert [timing.step for timing in alone.timings] == ["models__churn"]
    run = launcher.instance.get_run_by_id(alone.run_id)
    assert run is not None
    assert run.tags[launching.COMPANY_TAG] == "small"
    assert launcher.runs == [one, many, alone]
    assert launcher.timings[0].step == "definitions"


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_a_failure_is_told_by_its_innermost_cause(launcher: launching.Launcher, faults: list[BaseException]) -> None:
    """The step and the words of the error reach the person; Ctrl-C is on record as one; nothing counts as run."""
    faults.append(ValueError("no column [amount]"))
    with pytest.raises(launching.RunFailedError, match=r"Step models__churn: ValueError: no column") as failed:
        launcher.execute("everything", assets=["models/churn"])
    assert launcher.instance.get_run_by_id(failed.value.run_id) is not None
    faults.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        launcher.execute("everything", assets=["models/churn"])
    assert launcher.runs == []
    assert launcher.instance.get_runs(limit=1)[0].status == dg.DagsterRunStatus.CANCELED
