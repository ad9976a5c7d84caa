"""What `make ui` serves, asked by GraphQL and looked at in a browser: one start of all servers for every test."""

import json
import shutil
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from orchestration.deployment import ui
from orchestration.deployment.instance import point_dagster_at
from orchestration.resources import Deployment
from orchestration.standing import standing
from tests import small_companies
from tests.runs import kept_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

OF_REPOSITORY = {"repositoryLocationName": "orchestration.definitions", "repositoryName": "__repository__"}
GRAPH = """{
  repositoriesOrError { ... on RepositoryConnection { nodes {
    jobs { name } sensors { name } schedules { name } assetGroups { groupName } assetNodes { assetKey { path } }
  } } }
}"""
LAUNCH = """mutation($given: ExecutionParams!) { launchRun(executionParams: $given) {
  __typename
  ... on LaunchRunSuccess { run { runId status } }
  ... on PythonError { message }
} }"""
RUN = """query($id: ID!) { runOrError(runId: $id) { ... on Run {
  status jobName stepStats { stepKey startTime endTime }
  eventConnection(limit: 1000) { events {
    __typename
    ... on MaterializationEvent { assetKey { path } }
    ... on AssetCheckEvaluationEvent { evaluation { assetKey { path } checkName success severity } }
  } }
} } }"""
START_SENSOR = """mutation($given: SensorSelector!) { startSensor(sensorSelector: $given) { __typename } }"""
START_SCHEDULE = """mutation($given: ScheduleSelector!) { startSchedule(scheduleSelector: $given) { __typename } }"""
TICKS = """query($given: SensorSelector!) { sensorOrError(sensorSelector: $given) { ... on Sensor {
  sensorState { status ticks(limit: 1) { status skipReason error { message } } }
} } }"""


@dataclass(frozen=True)
class Served:
    """The servers of a small company, and the two landings that were launched at once."""

    deployment: Deployment
    address: str
    runs: list[dict[str, Any]]

    def ask(self, question: str, **given: object) -> dict[str, Any]:
        return _ask(self.address, question, **given)


def _ask(address: str, question: str, **given: object) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - a loopback address
        f"{address}/graphql",
        json.dumps({"query": question, "variables": given}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    assert "errors" not in found, found
    return dict(found["data"])


def _until(reached: Callable[[], Any], what: str, seconds: float = 400) -> Any:  # noqa: ANN401 - what was reached
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := reached():
            return found
        time.sleep(1)
    pytest.fail(f"not within {seconds:.0f} seconds: {what}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Web server, daemon and code server as `make ui` starts them, two landings launched; all stopped afterwards."""
    tables = small_companies.contractual(2, 2)
    tables["accounts"][0]["created_at"] = "soon"  # breaks the contract of half the accounts
    deployment = small_companies.deploy(tmp_path_factory.mktemp("served"), "small", "contractual", tables)
    with kept_environment():
        point_dagster_at(deployment)
        port = ui.free_port(0)
        server = ui._start(ui._dagster(deployment, port), deployment.state / "server.log")
        try:
            ui._wait_until_up([port], [server])
            address = f"http://{ui.HOST}:{port}"
            _until(lambda: _ask(address, GRAPH)["repositoriesOrError"].get("nodes"), "the definitions are loaded")
            yield Served(deployment, address, _launched_at_once(address))
        finally:
            ui._stop([server])
            assert server.poll() is not None
            assert not ui._listens(port)


def _launched_at_once(address: str) -> list[dict[str, Any]]:
    """Two runs of the same job, launched without waiting, once both are over."""
    given = {"selector": OF_REPOSITORY | {"jobName": "land_source"}, "mode": "default", "runConfigData": {}}
    launched = [_ask(address, LAUNCH, given=given)["launchRun"] for _ in range(2)]
    assert [(one["__typename"], one["run"]["status"]) for one in launched] == [("LaunchRunSuccess", "QUEUED")] * 2
    ids = [one["run"]["runId"] for one in launched]

    def both() -> list[dict[str, Any]] | None:
        found = [_ask(address, RUN, id=run_id)["runOrError"] for run_id in ids]
        return found if all(run["status"] in ("SUCCESS", "FAILURE", "CANCELED") for run in found) else None

    over: list[dict[str, Any]] = _until(both, "both runs are over")
    return over


def test_the_graph_and_the_jobs_are_served(served: Served) -> None:
    """The web server loads the definitions and answers with assets, groups and jobs."""
    (found,) = served.ask(GRAPH)["repositoriesOrError"]["nodes"]
    assert {"land_source", "rebuild", "score_and_publish"} <= {job["name"] for job in found["jobs"]}
    assert {"raw", "models", "published"} <= {group["groupName"] for group in found["assetGroups"]}
    keys = {"/".join(node["assetKey"]["path"]) for node in found["assetNodes"]}
    assert {"raw/deals", "marts/dim_accounts", "models/churn", "published/snapshot"} <= keys


def test_two_runs_launched_at_once_succeed_one_after_the_other(served: Served) -> None:
    """Both wait in the daemon's queue, both succeed, and their landings do not overlap."""
    assert [(run["status"], run["jobName"]) for run in served.runs] == [("SUCCESS", "land_source")] * 2
    landings = [step for run in served.runs for step in run["stepStats"] if step["stepKey"] == "land_raw_tables"]
    first, second = sorted(landings, key=lambda step: float(step["startTime"]))
    assert first["endTime"] <= second["startTime"]


def test_the_outcome_of_a_run_is_read_back(served: Served) -> None:
    """Materializations and check results of a run come back by GraphQL, the failed check among them."""
    events = served.runs[0]["eventConnection"]["events"]
    made = {"/".join(event["assetKey"]["path"]) for event in events if event["__typename"] == "MaterializationEvent"}
    assert {"source/files", "raw/accounts", "quarantine/accounts", "control/loads"} <= made
    checks = [event["evaluation"] for event in events if event["__typename"] == "AssetCheckEvaluationEvent"]
    of_accounts = {
        check["checkName"]: (check["success"], check["severity"])
        for check in checks
        if check["assetKey"]["path"] == ["raw", "accounts"]
    }
    assert of_accounts["matches_contract"] == (False, "WARN")
    assert of_accounts["rows_are_accounted_for"] == (True, "ERROR")


def test_a_run_of_the_daemon_is_in_the_status(served: Served) -> None:
    """The command line tells what the UI launched, and that a daemon lives."""
    found = standing(served.deployment)
    assert [(job.job, job.status) for job in found.jobs] == [("land_source", "SUCCESS")]
    assert ("raw/accounts", "matches_contract") in {(check.asset, check.check) for check in found.failing_checks}
    assert found.daemon_seen_at is not None


def test_a_sensor_and_a_schedule_that_are_switched_on_tick(served: Served) -> None:
    """Switched on by GraphQL, the sensor ticks within a minute or so and the schedule's next tick is known."""
    (found,) = served.ask(GRAPH)["repositoriesOrError"]["nodes"]
    sensor, schedule = (
        OF_REPOSITORY | {f"{kind}Name": name}
        for kind, name in (("sensor", "retraining_due"), ("schedule", "daily_refresh"))
    )
    assert sensor["sensorName"] in {one["name"] for one in found["sensors"]}
    assert served.ask(START_SENSOR, given=sensor)["startSensor"]["__typename"] == "Sensor"
    assert served.ask(START_SCHEDULE, given=schedule)["startSchedule"]["__typename"] == "ScheduleStateResult"

    def ticks() -> Any:  # noqa: ANN401 - GraphQL's answer
        return served.ask(TICKS, given=sensor)["sensorOrError"]["sensorState"]["ticks"]

    (tick,) = _until(lambda: [tick for tick in ticks() if tick["status"] != "STARTED"], "the sensor has ticked")
    assert (tick["status"], tick["error"]) == ("SKIPPED", None)
    assert "advised" in tick["skipReason"]
    coming = {tick.name: tick for tick in standing(served.deployment).next_ticks}
    assert coming["daily_refresh"].next_at is not None
    assert coming["retraining_due"].kind == "sensor"


@pytest.fixture(scope="module")
def page(served: Served) -> Iterator[Any]:
    """A page of the system's Chromium without a window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(base_url=served.address, viewport={"width": 1600, "height": 1000})
        opened.set_default_timeout(120_000)
        yield opened
        browser.close()


def test_the_asset_graph_shows_its_groups(page: Any) -> None:  # noqa: ANN401 - playwright's page
    """Who opens the graph reads the layers from source to snapshot."""
    page.goto("/asset-groups")
    for group in ("source", "raw", "staging", "marts_revenue", "features", "models", "predictions", "published"):
        page.get_by_text(group, exact=True).first.wait_for()


def test_a_failed_check_says_why(page: Any) -> None:  # noqa: ANN401 - playwright's page
    """The page of the check shows that it failed, what it judges, and the figure that broke it."""
    page.goto("/assets/raw/accounts?view=checks&checkDetail=matches_contract")
    for text in ("Failed", "Hardly any row of the newest landing breaks the source contract.", "quarantined_ratio"):
        page.get_by_text(text, exact=True).first.wait_for()
    assert "0.5" in page.inner_text("body")
