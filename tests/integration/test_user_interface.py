import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from orchestration import ui
from orchestration.build import build_defs
from orchestration.resources import ROOT, point_dagster_at
from tests import small_companies
from tests.runs import kept_environment

pytestmark = pytest.mark.slow  # starts Dagster's web server

QUESTION = """{
  assetsOrError { ... on AssetConnection { nodes { key { path } } } }
  runsOrError(limit: 1) { ... on Runs { results { status jobName } } }
  repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } }
}"""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Dagster's web server on loopback, for a company whose source has been landed; stopped afterwards."""
    deployment = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(2, 2))
    with kept_environment():
        point_dagster_at(deployment)
        with dg.DagsterInstance.get() as instance:
            job = build_defs(deployment).resolve_job_def("land_source")
            assert job.execute_in_process(instance=instance).success
        port = ui.free_port(0)
        code = ["-m", "orchestration.definitions", "-d", str(ROOT)]
        command = [ui._tool("dagster-webserver"), *code, "-h", ui.HOST, "-p", str(port)]
        server = ui._start(command, tmp_path / "server.log")
        try:
            ui._wait_until_up([port], [server])
            yield f"http://{ui.HOST}:{port}"
        finally:
            ui._stop([server])
            assert server.poll() is not None
            assert not ui._listens(port)


def ask(address: str, question: str) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - a loopback address
        f"{address}/graphql", json.dumps({"query": question}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)["data"]
    return found


def test_the_ui_shows_the_graph_and_the_last_run(address: str) -> None:
    """The web server loads the definitions and answers with assets, jobs and the run that has ended."""
    deadline = time.monotonic() + 90
    while not (nodes := ask(address, QUESTION)["repositoriesOrError"].get("nodes")) and time.monotonic() < deadline:
        time.sleep(1)
    said = ask(address, QUESTION)
    assert {"rebuild", "score_and_publish"} <= {job["name"] for job in nodes[0]["jobs"]}
    keys = {"/".join(node["key"]["path"]) for node in said["assetsOrError"]["nodes"]}
    assert {"raw/deals", "marts/dim_accounts", "models/churn", "published/snapshot"} <= keys
    assert said["runsOrError"]["results"] == [{"status": "SUCCESS", "jobName": "land_source"}]
