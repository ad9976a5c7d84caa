from datetime import date
from pathlib import Path

import duckdb
import pytest
from pydantic import ValidationError

from companies.settings import FOLDER, CompanyError, available, load
from tests import factories

VALID = """
title = "Acme"
business_model = "contractual"
currency = "EUR"
history_starts_on = 2024-01-01
[source]
kind = "files"
folder = "acme"
system = "acme"
[source.files.a]
path = "a.csv"
[[source.tables]]
table = "accounts"
file = "a"
[source.tables.columns]
account_id = "id"
"""


def refused(folder: Path, text: str) -> str:
    """What a person reads when the settings are refused."""
    (folder / "acme.toml").write_text(text, encoding="utf-8")
    with pytest.raises(CompanyError) as raised:
        load("acme", folder)
    return str(raised.value)


@pytest.mark.parametrize("name", [name for name in available(FOLDER) if name != "sample"])
def test_every_company_of_the_project_is_valid(name: str) -> None:
    """The settings files that the project ships are accepted."""
    assert load(name).source.tables


def test_typo_is_told_with_its_key(tmp_path: Path) -> None:
    """A misspelt key is an error that names it, not a silent default."""
    assert "curency: unknown key" in refused(tmp_path, 'curency = "EUR"' + VALID)


def test_every_fault_is_listed(tmp_path: Path) -> None:
    """All faults of a file are told at once."""
    told = refused(tmp_path, VALID.replace('"EUR"', '"euro"').replace('"contractual"', '"rental"'))
    assert "2 fault(s)" in told
    assert "currency" in told
    assert "business_model" in told


def test_broken_toml_is_told(tmp_path: Path) -> None:
    """A file that is no TOML names itself and the line."""
    assert "acme.toml is not valid TOML" in refused(tmp_path, "title = ")


def test_unknown_company_lists_the_known_ones(tmp_path: Path) -> None:
    """A company without a file is refused with those that have one."""
    (tmp_path / "acme.toml").write_text(VALID, encoding="utf-8")
    with pytest.raises(CompanyError, match=r"no settings for company 'acne'.*Did you mean 'acme'.*Known: acme"):
        load("acne", tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('file = "a"', 'file = "b"', "reads file 'b', which is not under"),
        ('path = "a.csv"', 'path = "../a.csv"', "stay inside the source folder"),
        ('account_id = "id"', 'account_id = { column = "id", value = "x" }', "exactly one of column, value"),
        ('path = "a.csv"', 'path = "a.csv"\nheader = false', "needs `columns`"),
    ],
)
def test_mapping_that_contradicts_itself_is_refused(tmp_path: Path, old: str, new: str, told: str) -> None:
    """A rule without one clear meaning is refused with the mend."""
    assert told in refused(tmp_path, VALID.replace(old, new))


@pytest.mark.parametrize(
    ("section", "wrong", "said"),
    [
        ("pipeline", {"targets": {"2025-13": 5}}, "is not a month"),
        ("pipeline", {"best_case_min_probability": 0.9}, "must not be above"),
        ("health", dict.fromkeys(["usage", "breadth", "support", "sentiment", "commercial"], 0), "above zero"),
        ("quality", {"incomplete_profile_min_missing": 6}, "less than or equal to 5"),
        ("search", {"trials": 0}, "greater than or equal to 1"),
    ],
)
def test_settings_of_reports_are_checked(section: str, wrong: dict[str, object], said: str) -> None:
    """A month that is none, categories in the wrong order, weights of nothing, impossible limits: refused."""
    with pytest.raises(ValidationError, match=said):
        factories.company(**{section: wrong})


def test_settings_of_reports_reach_sql(tmp_path: Path) -> None:
    """Targets, categories and weights are tables, limits are columns; a second landing replaces them."""
    settings = {"targets": {"2025-03": 1000}, "stage_categories": {" Closing ": "commit"}}
    warehouse = factories.raw_warehouse(tmp_path / "w.duckdb", company=factories.company())
    factories.raw_warehouse(warehouse, company=factories.company(pipeline=settings, quality={"stale_source_factor": 5}))
    with duckdb.connect(str(warehouse)) as con:
        assert con.execute("select month, amount from control.sales_targets").fetchall() == [(date(2025, 3, 1), 1000)]
        assert con.execute("from control.stage_categories").fetchall() == [("closing", "commit")]
        assert con.execute("select count(*) from control.health_weights").fetchall() == [(5,)]
        assert con.execute("select stale_source_factor from control.company_settings").fetchall() == [(5.0,)]
