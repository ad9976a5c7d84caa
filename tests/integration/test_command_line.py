"""The command line on a small company whose source is landed once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.cli.app import main
from orchestration.deployment import exit_codes
from orchestration.environment import environment
from orchestration.launching import instance
from orchestration.resources import Deployment
from orchestration.runs.exclusive import only_run
from orchestration.standing import standing
from tests import small_companies
from tests.held_runs import finish, held_at
from tests.runs import kept_environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A small company that the environment names, nothing run yet."""
    folder = tmp_path_factory.mktemp("command_line")
    tables = small_companies.contractual(4, 4)
    tables["deals"][0]["created_at"] = "soon"
    made = small_companies.deploy(folder, "small", "contractual", tables)
    named = {"COMPANY": "small", "STATE_DIR": made.state_folder, "DATA_DIR": made.data_folder}
    named["COMPANIES_DIR"] = made.companies_folder
    with kept_environment(), environment(**{f"LIFECYCLE_{name}": value for name, value in named.items()}):
        yield made


@pytest.fixture(scope="module")
def landed(deployment: Deployment) -> Deployment:
    """The same company, landed by the command line."""
    assert main(["land", "--quiet"]) == exit_codes.OK
    return deployment


def test_before_the_first_run_there_is_nothing_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], deployment: Deployment
) -> None:
    """`status` of a company that never ran says so and leaves no trace."""
    with environment(LIFECYCLE_STATE_DIR=str(tmp_path / "state")):
        assert main(["status"]) == exit_codes.OK
    assert "No job has run yet" in capsys.readouterr().out
    assert not (tmp_path / "state").exists()
    assert deployment.company_name == "small"


def test_landing_is_the_job_of_the_ui(landed: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """The run is in Dagster's records as a run of `land_source`, and the JSON names it."""
    assert main(["land", "--json"]) == exit_codes.OK
    said = capsys.readouterr()
    told = json.loads(said.out)
    (made,) = told["runs"]
    with instance(landed) as opened:
        run = opened.get_run_by_id(made["run_id"])
    assert run is not None
    assert (run.job_name, run.is_success, run.tags["customer_lifecycle/company"]) == ("land_source", True, "small")
    assert {"asset": "raw/deals", "check": "matches_contract", "severity": "WARN"} in made["failing_checks"]
    assert told["snapshot"] is None
    assert "land_raw_tables" in said.err


def test_status_tells_runs_failing_checks_and_freshness(landed: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run left is told, for people and as JSON, while another process holds the company."""
    with only_run(landed.state), landed.warehouse():
        assert main(["status", "--json"]) == exit_codes.OK
        told = json.loads(capsys.readouterr().out)
        assert main(["status"]) == exit_codes.OK
        shown = capsys.readouterr().out
    assert [(job["job"], job["status"], job["why"]) for job in told["jobs"]] == [("land_source", "SUCCESS", None)]
    assert {table["table"]: table["rows"] for table in told["tables"]}["accounts"] == 4
    assert "transactions" not in {table["table"] for table in told["tables"]}
    assert ("raw/deals", "matches_contract") in {(check["asset"], check["check"]) for check in told["failing_checks"]}
    assert told["holder"] is not None
    assert "land_source" in shown
    assert "matches_contract" in shown


def test_a_failed_job_says_why(landed: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """The cause reaches the person, the JSON and the status; mended, the next landing makes it good."""
    path = Path(landed.data_folder) / "small" / "deals.csv"
    text = path.read_text()
    path.write_text(text.replace("outcome", "result", 1))
    assert main(["land", "--json"]) == exit_codes.FAILED
    told = json.loads(capsys.readouterr().out)
    assert "outcome" in told["error"]
    (job,) = standing(landed).jobs
    assert (job.status, job.run_id, "outcome" in (job.why or "")) == ("FAILURE", told["run_id"], True)
    path.write_text(text)
    assert main(["land"]) == exit_codes.OK
    assert standing(landed).jobs[0].why is None


def test_what_is_not_there_yet_is_named(landed: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """Scoring before there are marts, and a month that is none of the company's, start no run."""
    assert main(["score"]) == exit_codes.FAILED
    assert "lifecycle refresh" in " ".join(capsys.readouterr().err.split())
    assert main(["score", "--month", "2034-01"]) == exit_codes.WRONG_SETTINGS
    assert "2023-01 to 2024-06" in " ".join(capsys.readouterr().err.split())
    assert {job.job for job in standing(landed).jobs} == {"land_source"}


def test_a_second_command_is_refused_and_status_names_the_first(
    landed: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """While a run of another process holds the company, a command ends with 3 and the status shows who holds it."""
    child = held_at(landed, "landing", tmp_path)
    try:
        assert main(["land", "--json", "--no-wait"]) == exit_codes.REFUSED
        assert f"process {child.pid}" in json.loads(capsys.readouterr().out)["error"]
        assert main(["reset", "--yes"]) == exit_codes.REFUSED
        found = standing(landed)
    finally:
        child.kill()
        finish(child)
    assert f"process {child.pid}" in (found.holder or "")
    assert [(run.job, run.status) for run in found.queue] == [("rebuild", "STARTED")]
    assert standing(landed).holder is None


def test_the_script_ends_with_the_code_of_the_command(landed: Deployment) -> None:
    """Whoever calls the process reads the exit code, with nothing but the result on standard output."""
    command = [sys.executable, "-m", "orchestration.cli", "publish", "--json", "--company", "nobody"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    assert result.returncode == exit_codes.WRONG_SETTINGS
    assert "Known: small" in json.loads(result.stdout)["error"]
    assert landed.company_name == "small"
