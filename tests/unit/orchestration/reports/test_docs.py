from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.deployment.exit_codes import REFUSED
from orchestration.reports import docs
from orchestration.resources import Deployment
from orchestration.runs.exclusive import only_run
from tests import factories, small_companies


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A small company that the environment names, without a warehouse."""
    made = small_companies.deploy(tmp_path, "small", "contractual", small_companies.contractual(1, 1))
    monkeypatch.setenv("LIFECYCLE_COMPANY", "small")
    monkeypatch.setenv("LIFECYCLE_STATE_DIR", made.state_folder)
    monkeypatch.setenv("LIFECYCLE_COMPANIES_DIR", made.companies_folder)
    return made


@pytest.mark.usefixtures("deployment")
def test_without_a_warehouse_the_way_to_one_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing to document yet: the message names the file and the command."""
    assert docs.main() == 1
    said = capsys.readouterr().out
    assert "warehouse.duckdb" in said
    assert "make run" in said


def test_a_run_that_is_under_way_is_left_alone(deployment: Deployment) -> None:
    """The warehouse is the run's: the command ends as refused."""
    deployment.state.mkdir(parents=True)
    deployment.warehouse_path.touch()
    with only_run(deployment.state), ThreadPoolExecutor() as other:
        assert other.submit(docs.main).result() == REFUSED


@pytest.mark.slow
def test_the_documentation_is_one_page(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed page holds the overview and every description, and loads no script or style from elsewhere."""
    deployment.state.mkdir(parents=True)
    factories.raw_warehouse(deployment.warehouse_path, company=deployment.company)
    assert docs.main() == 0
    said = capsys.readouterr().out
    assert str(deployment.dbt_docs) in said
    assert "none yet" in said
    page = deployment.dbt_docs.read_text(encoding="utf-8")
    assert "The customer lifecycle, table by table" in page
    assert "Sales opportunities." in page
    assert '<script src="http' not in page
    assert '<link rel="stylesheet" href="http' not in page
