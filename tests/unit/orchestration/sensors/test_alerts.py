import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteRepositoryOrigin

from orchestration.alerting.alert_channels import AlertChannels
from orchestration.jobs import COMPANY_TAG
from orchestration.resources import Deployment
from orchestration.sensors import alerts as alerts_module
from orchestration.sensors import freshness as freshness_module
from orchestration.sensors.alerts import alert_on_failure, warnings_digest
from orchestration.sensors.freshness import watch_freshness
from orchestration.snapshot import Snapshot
from tests import catchers, small_companies
from tests.catchers import Caught

HOUR = 3600.0


class Clock:
    """The sensors' clock, moved by the test."""

    now = 1_767_225_600.0  # 2026-01-01 00:00 UTC

    def time(self) -> float:
        return self.now

    monotonic = time


def land(said: str) -> None:
    raise ValueError(said)


@dg.op
def unsteady(context: dg.OpExecutionContext) -> None:
    """Fails as the run's tag says, with a cause below Dagster's own error."""
    if said := context.run.tags.get("fails_with"):
        land(said)


@dg.job(tags={COMPANY_TAG: "small"})
def refresh() -> None:
    unsteady()


@dg.job(tags={COMPANY_TAG: "small"})
def rebuild_all() -> None:
    unsteady()


class Watch:
    """Ticks of one sensor, each in a context of its own, as after a restart; and runs in between."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance, clock: Clock, web: Caught) -> None:
        self.deployment, self.instance, self.clock, self.web = deployment, instance, clock, web
        self.channels = AlertChannels(webhook=f"http://127.0.0.1:{web.port}/in")
        self.cursor: str | None = None
        self.said = ""
        self.make = alert_on_failure

    def tick(self, after: float = 0.0, *, dies: bool = False) -> list[dict[str, Any]]:
        """What one tick sent; one that dies has sent, but its cursor is lost."""
        self.clock.now += after
        with dg.build_sensor_context(instance=self.instance, cursor=self.cursor) as context:
            data = self.make(self.deployment, self.channels).evaluate_tick(context)
        self.cursor = self.cursor if dies else data.cursor
        self.said = data.skip_message or ""
        return self.web.taken()

    def run(self, fails_with: str = "", job: dg.JobDefinition = refresh, **tags: str) -> str:
        """A run as the command line makes it: Dagster's own run sensors would not see it."""
        tags |= {"fails_with": fails_with} if fails_with else {}
        return job.execute_in_process(instance=self.instance, tags=tags, raise_on_error=False).run_id


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return small_companies.deploy(tmp_path, "small", "contractual", {"accounts": []})


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance that is stored in files, as in production; tests begin after what earlier ones left there."""
    with dg.DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as found:
        yield found


@pytest.fixture
def watch(deployment: Deployment, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """A watch over failures from now on."""
    clock = Clock()
    monkeypatch.setattr(alerts_module, "time", clock)
    monkeypatch.setattr(freshness_module, "time", clock)
    with catchers.web() as web:
        found = Watch(deployment, instance, clock, web)
        assert found.tick() == []
        yield found


def publish(deployment: Deployment, at: str) -> None:
    """The pointer of a published snapshot."""
    deployment.published.mkdir(parents=True, exist_ok=True)
    made = Snapshot(version=at, folder=at, published_at=at, as_of="2025-12-31", rows={})
    (deployment.published / "current.json").write_text(json.dumps(asdict(made)))


def test_a_failure_is_told_once_and_so_is_its_end(watch: Watch) -> None:
    """One message says what failed and why, what readers see and what to do; the same cause again says nothing."""
    publish(watch.deployment, "2025-12-31T21:00:00+00:00")
    run = watch.run("file 17 of 20 is empty")
    [message] = watch.tick()
    assert (message["kind"], message["title"]) == ("failed", "small: refresh failed at step unsteady")
    assert "step unsteady: ValueError: file 17 of 20 is empty" in message["text"]
    assert "data up to 2025-12-31, published 3.0 hours ago" in message["text"]
    assert "What to do: " in message["text"]
    assert message["link"] == f"http://127.0.0.1:3000/runs/{run}"
    watch.run("file 18 of 20 is empty")
    assert watch.tick(HOUR) == []
    watch.run()
    [end] = watch.tick()
    assert (end["kind"], end["title"]) == ("recovered", "small: refresh works again")
    assert "seen 2 times" in end["text"]
    assert watch.tick() == []


def test_another_cause_is_another_incident_and_a_long_one_is_recalled(watch: Watch) -> None:
    """A different reason is told at once; what lasts a day is told of again, without a new failure."""
    watch.run("file 17 is empty")
    assert [one["kind"] for one in watch.tick()] == ["failed"]
    watch.run("no space left")
    assert [one["kind"] for one in watch.tick(HOUR)] == ["failed"]
    assert watch.tick(22 * HOUR) == []
    assert [one["title"] for one in watch.tick(HOUR)] == ["Still open: small: refresh failed at step unsteady"]
    watch.run()
    assert "Over: " in watch.tick()[0]["text"]


def test_the_failed_step_may_be_mended_by_another_job(watch: Watch) -> None:
    """An incident is over once its steps were done, in whatever run."""
    watch.run("file 17 is empty")
    watch.tick()
    watch.run(job=rebuild_all)
    assert [one["title"] for one in watch.tick()] == ["small: rebuild_all works again"]


def test_a_channel_that_fails_is_tried_again_and_stops_no_other(watch: Watch) -> None:
    """The tick says what it could not deliver; each channel gets its one message in the end."""
    with catchers.web() as other:
        other.is_broken = True
        watch.channels = AlertChannels(webhook=watch.channels.webhook, slack=f"http://127.0.0.1:{other.port}/token")
        watch.run("file 17 is empty")
        assert len(watch.tick()) == 1
        assert "Not delivered, tried again at the next tick: slack: the address answered 503" in watch.said
        assert "token" not in watch.said
        other.is_broken = False
        assert (watch.tick(), len(other.taken()), watch.said) == ([], 1, "Sent 1 messages.")
        assert (watch.tick(), other.taken()) == ([], [])


def test_many_runs_are_read_page_by_page_in_their_order(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A success is not seen before failures that came earlier, however many they are."""
    monkeypatch.setattr(alerts_module, "EVENTS_PER_TICK", 2)
    for what in ("file", "space", "network"):
        watch.run(f"no {what}")
    watch.run()
    assert [one["kind"] for _ in range(3) for one in watch.tick()] == ["failed"] * 3 + ["recovered"]


def test_a_tick_that_dies_repeats_its_message_under_the_same_id(watch: Watch) -> None:
    """Whoever receives it twice can tell."""
    watch.run("file 17 is empty")
    first = watch.tick(dies=True)
    again = watch.tick(HOUR)
    assert [one["id"] for one in first] == [one["id"] for one in again]


def test_retried_stopped_and_other_companies_runs_are_not_told(watch: Watch) -> None:
    """Only what stays failed, and is this company's, is worth a message."""
    watch.run("flaky", **{"dagster/will_retry": "true"})
    watch.run("ours not", **{COMPANY_TAG: "other"})

    @dg.op
    def stopped() -> None:
        raise KeyboardInterrupt

    @dg.job(tags={COMPANY_TAG: "small"})
    def by_hand() -> None:
        stopped()

    watch.run(job=by_hand)
    assert watch.tick() == []
    assert watch.cursor is not None


def test_a_run_that_died_without_a_step_is_told(watch: Watch) -> None:
    """A killed process leaves no error of a step; what Dagster noted is told."""
    run = watch.instance.create_run_for_job(refresh, status=dg.DagsterRunStatus.STARTED)
    watch.instance.report_run_failed(run, "The process of this run was killed.")
    assert "run: The process of this run was killed." in watch.tick()[0]["text"]


def test_another_assets_success_mends_no_materialization(watch: Watch) -> None:
    """What was materialized from the graph is over when the same assets were, and is not told as Dagster names it."""

    @dg.asset
    def deals(context: dg.AssetExecutionContext) -> None:
        if context.run.tags.get("fails_with"):
            land("file 17 is empty")

    @dg.asset
    def accounts() -> None:
        """Does not fail."""

    graph = dg.Definitions([deals, accounts]).resolve_implicit_global_asset_job_def()
    watch.run("x", job=graph.get_subset(asset_selection={deals.key}))
    assert watch.tick()[0]["title"] == "small: a materialization from the asset graph failed at step deals"
    watch.run(job=graph.get_subset(asset_selection={accounts.key}))
    assert watch.tick() == []
    watch.run(job=graph.get_subset(asset_selection={deals.key}))
    assert [one["kind"] for one in watch.tick()] == ["recovered"]


@pytest.mark.parametrize(("location", "count"), [("other", 0), ("small", 1)])
def test_of_several_companies_each_tells_its_own_materializations(watch: Watch, location: str, count: int) -> None:
    """They have no tag of a company; their code location has its name."""
    watch.deployment = Deployment(**{**watch.deployment.model_dump(), "companies": ["small", "other"]})
    place = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")
    run = watch.instance.create_run_for_job(refresh, remote_job_origin=place.get_job_origin("refresh"), tags={})
    assert COMPANY_TAG not in run.tags
    watch.instance.report_run_failed(run, "The process of this run was killed.")
    assert len(watch.tick()) == count


def checked(*, passed: bool, severity: dg.AssetCheckSeverity) -> dg.JobDefinition:
    """A job whose asset is judged by one blocking check."""

    @dg.asset(check_specs=[dg.AssetCheckSpec("is_whole", asset="deals", blocking=True)])
    def deals() -> Iterator[Any]:
        yield dg.MaterializeResult()
        yield dg.AssetCheckResult(passed=passed, severity=severity, description="3 deals without an account")

    defs = dg.Definitions([deals], jobs=[dg.define_asset_job("check_deals", "*", tags={COMPANY_TAG: "small"})])
    return defs.resolve_job_def("check_deals")


def test_a_blocking_check_is_told_by_what_it_found(watch: Watch) -> None:
    """The check, its asset and its words, with a link to its rows; not Dagster's error about it."""
    watch.run(job=checked(passed=False, severity=dg.AssetCheckSeverity.ERROR))
    [message] = watch.tick()
    assert message["title"] == "small: check_deals failed at check deals: is_whole"
    assert "check deals: is_whole: 3 deals without an account" in message["text"]
    assert "/assets/deals?view=checks" in message["text"]
    assert "DagsterAssetCheckFailedError" not in message["text"]


def test_new_warnings_are_gathered_once_a_day(watch: Watch) -> None:
    """A warning is told once until it holds again; at most one digest a day."""
    watch.make, watch.cursor = warnings_digest, None
    bad, good = (checked(passed=passed, severity=dg.AssetCheckSeverity.WARN) for passed in (False, True))
    assert watch.tick() == []
    watch.run(job=bad)
    [digest] = watch.tick()
    assert (digest["kind"], "deals: is_whole: 3 deals without an account" in digest["text"]) == ("warnings", True)
    watch.run(job=bad)
    assert watch.tick(25 * HOUR) == []
    watch.run(job=good)
    watch.run(job=bad)
    assert [one["kind"] for one in watch.tick()] == ["warnings"]
    watch.run(job=good)
    watch.run(job=bad)
    assert watch.tick(HOUR) == []
    assert [one["kind"] for one in watch.tick(24 * HOUR)] == ["warnings"]


def test_an_old_snapshot_and_a_silent_source_are_told_until_they_are_fresh(watch: Watch, tmp_path: Path) -> None:
    """Both ages come from the pointer and from what runs left; a company whose data end on a set day is not silent."""
    settings = tmp_path / "companies" / "small.toml"
    watch.make, watch.cursor = watch_freshness, None
    watch.run()
    assert watch.tick() == []
    publish(watch.deployment, "2025-12-31T00:00:00+00:00")
    key = dg.AssetKey(["intermediate", "int_observation_window"])
    watch.instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"data_until": "2025-12-20"}))
    assert watch.tick() == []
    settings.write_text(settings.read_text().replace("data_until = 2024-06-30\n", ""))
    assert [one["title"] for one in watch.tick()] == ["small: the source is silent"]
    assert [one["title"] for one in watch.tick(13 * HOUR)] == ["small: the published snapshot is older than 36 hours"]
    publish(watch.deployment, "2026-01-01T13:00:00+00:00")
    watch.instance.report_runless_asset_event(dg.AssetMaterialization(key, metadata={"data_until": "2025-12-31"}))
    assert {one["title"] for one in watch.tick()} == {
        "small: the snapshot is fresh again",
        "small: the source is fresh again",
    }
    assert watch.tick(-48 * HOUR) == []


def test_a_failure_that_is_told_keeps_the_old_snapshot_quiet_for_a_while(watch: Watch) -> None:
    """One cause is one message; when it lasts twice as long, the second one names the failed run."""
    watch.make, watch.cursor = watch_freshness, None
    publish(watch.deployment, "2025-12-31T00:00:00+00:00")
    run = watch.run("file 17 is empty")
    assert watch.tick(13 * HOUR) == []
    [message] = watch.tick(36 * HOUR)
    assert "What to do: the last run, refresh, failed" in message["text"]
    assert message["link"].endswith(run)
    watch.run("file 17 is empty")
    assert watch.tick() == []


def test_alerts_run_from_the_start_once_there_is_somebody_to_tell(watch: Watch) -> None:
    """Without a channel nothing runs; a severity that the company does not want stays off."""
    for make in (alert_on_failure, warnings_digest, watch_freshness):
        assert make(watch.deployment, watch.channels).default_status == dg.DefaultSensorStatus.RUNNING
        assert make(watch.deployment, AlertChannels()).default_status == dg.DefaultSensorStatus.STOPPED
