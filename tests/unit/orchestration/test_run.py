from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion.errors import SourceError
from ingestion.landing import land
from orchestration import run as runs
from orchestration.cli.app import main
from orchestration.deployment.exit_codes import WRONG_SETTINGS
from orchestration.launching import RunFailedError
from orchestration.resources import Deployment
from tests import small_companies
from tests.runs import kept_environment


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    """A small company that the environment names."""
    return small_companies.deploy_in_environment(tmp_path, monkeypatch)


@pytest.mark.usefixtures("deployment")
def test_an_unknown_company_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong name: what is missing and which names there are."""
    assert main(["run", "--company", "smal"]) == WRONG_SETTINGS
    said = " ".join(capsys.readouterr().err.split())
    assert "no settings for company 'smal'" in said
    assert "Known: small" in said


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('currency = "EUR"', 'currency = "EUR', "is not valid TOML"),
        ("currency", "curency", "curency: unknown key"),
        ('file = "deals"', 'file = "dels"', "not under [source.files]"),
    ],
)
def test_a_typo_in_the_settings_is_named(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    """The message names the file and the key, and quotes the section in its brackets."""
    path = Path(deployment.companies_folder) / "small.toml"
    path.write_text(path.read_text().replace(old, new, 1))
    assert main(["run"]) == WRONG_SETTINGS
    said = " ".join(capsys.readouterr().err.split())
    assert "small.toml" in said
    assert words in said


@pytest.mark.usefixtures("deployment")
def test_the_company_of_the_command_line_reaches_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--company` is what steps see too, not only the first line of the output."""
    monkeypatch.setenv("LIFECYCLE_COMPANY", "other")
    seen: list[Deployment] = []

    def looks(given: Deployment, **_options: bool) -> None:
        seen.append(given)
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "run", looks)
    main(["run", "--company", "small"])
    config = seen[0]._resolved_config_dict
    assert (seen[0].company_name, config["company_name"]) == ("small", "small")


def _missing_folder(deployment: Deployment) -> None:
    folder = Path(deployment.data_folder) / "small"
    folder.rename(folder.with_name("elsewhere"))


def _wrong_delimiter(deployment: Deployment) -> None:
    path = Path(deployment.data_folder) / "small" / "deals.csv"
    path.write_text(path.read_text().replace(",", ";"))


def _wrong_column(deployment: Deployment) -> None:
    path = Path(deployment.data_folder) / "small" / "deals.csv"
    path.write_text(path.read_text().replace("outcome", "result", 1))


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (_missing_folder, ("no folder", "Ask Ann for the export.")),
        (_wrong_delimiter, ("deals.csv", "delimiter")),
        (_wrong_column, ("deals.csv", "outcome")),
    ],
)
def test_a_broken_source_fails_the_landing_with_the_mend(
    deployment: Deployment,
    break_it: Callable[[Deployment], None],
    words: tuple[str, ...],
) -> None:
    """The failed step and the source's own message reach the person; nothing is published."""
    break_it(deployment)
    with kept_environment(), pytest.raises(RunFailedError) as failed:
        runs.run(deployment)
    said = str(failed.value)
    assert said.startswith("Step land")
    assert SourceError.__name__ in said
    assert all(word in said for word in words), said
    assert not deployment.published.exists()


def test_a_read_only_data_folder_is_enough(deployment: Deployment) -> None:
    """Landing writes nothing beside the source's files."""
    folder = Path(deployment.data_folder) / "small"
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    folder.chmod(0o555)
    try:
        with deployment.warehouse() as connection:
            land(connection, deployment.company, deployment.source_folder, datetime.now(UTC))
    finally:
        folder.chmod(0o755)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
