from pathlib import Path

import pytest

from companies.automation import Automation
from companies.settings import CompanyError, load
from tests.unit.companies.test_company_files import VALID


@pytest.mark.parametrize(
    ("cron", "complaint"),
    [
        ("0 5 * *", "needs five fields"),
        ("60 5 * * *", "minute '60'"),
        ("0 24 * * *", "hour '24'"),
        ("0 5 0 * *", "day of month '0'"),
        ("0 5 * 5-3 *", "month '5-3'"),
        ("0 5 * * fr", "day of week 'fr'"),
        ("*/0 5 * * *", "minute '*/0'"),
    ],
)
def test_a_wrong_cadence_is_refused_with_file_key_and_field(tmp_path: Path, cron: str, complaint: str) -> None:
    """A cron expression with a fault is named with its file, its key and the field that is wrong."""
    (tmp_path / "acme.toml").write_text(f"{VALID}\n[automation]\ndaily_refresh = '{cron}'\n")
    with pytest.raises(CompanyError) as raised:
        load("acme", tmp_path)
    assert "acme.toml" in str(raised.value)
    assert "automation.daily_refresh" in str(raised.value)
    assert complaint in str(raised.value)


@pytest.mark.parametrize("cron", ["*/15 6-22/2 * * 1-5", "5,35 0 1,15 */3 7"])
def test_lists_ranges_and_steps_are_cadences(cron: str) -> None:
    """Everything a five-field cron expression is made of is understood."""
    assert Automation(daily_refresh=cron).daily_refresh == cron


def test_an_unknown_trigger_is_refused(tmp_path: Path) -> None:
    """A misspelt name under `on` is an error, not a schedule that never runs."""
    (tmp_path / "acme.toml").write_text(f"{VALID}\n[automation]\non = ['daily_refersh']\n")
    with pytest.raises(CompanyError, match=r"automation\.on\.0"):
        load("acme", tmp_path)
