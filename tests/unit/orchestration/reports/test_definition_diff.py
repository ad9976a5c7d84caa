import re

import pandas as pd
import pytest
from rich.console import Console

from companies.settings import CompanyError
from orchestration.reports.definition_diff import changed, label_lines, print_metrics, setting_of
from tests import factories


def labels(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["account_id", "churned"]).assign(as_of=pd.Timestamp("2024-03-31"))


def test_one_setting_is_replaced() -> None:
    """The setting is read as TOML and checked like any other; nothing else changes."""
    company = factories.company()
    other = changed(company, "windows.grace_days", "0")
    assert other.windows.grace_days == 0
    assert other.windows.inactivity_days == company.windows.inactivity_days
    assert changed(company, "business_model", "'transactional'").business_model == "transactional"


def test_one_key_of_a_table_is_replaced() -> None:
    """A table with keys of the company's own takes a new key or another value; the other keys stay."""
    company = changed(factories.company(), "pipeline.targets", "{'2025-01' = 5, '2025-02' = 6}")
    other = changed(company, "pipeline.targets.2025-02", "7")
    assert other.pipeline.targets == {"2025-01": 5, "2025-02": 7}
    assert setting_of(other, ["pipeline", "targets", "2025-02"]) == 7
    assert setting_of(other, ["pipeline", "targets", "2025-03"]) is None
    assert setting_of(other, ["windows", "grace_days"]) == company.windows.grace_days


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("windows.grace", "0", "is no setting"),
        ("window.grace_days", "0", "is no setting"),
        ("windows.grace_days.x", "0", "is no setting"),
        ("source.folder", "'elsewhere'", "acts when rows are landed"),
        ("windows.grace_days", "-1", "greater than or equal to 0"),
        ("windows.grace_days", "thirty", "cannot be thirty"),
    ],
)
def test_impossible_settings_are_refused(setting: str, value: str, said: str) -> None:
    """A name that does not exist and a value that cannot be are told by name."""
    with pytest.raises(CompanyError, match=said):
        changed(factories.company(), setting, value)


def test_figures_that_differ_by_rounding_are_the_same() -> None:
    """A sum in another order of adding is no effect of a definition; nor is a month without a value on both sides."""
    months = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
    old = pd.DataFrame({"metric": "mrr", "month_start": months, "value": [0.1, None, 5.0], "unit": "money"})
    console = Console(record=True, width=150)
    print_metrics(console, old, old.assign(value=[0.1 * (1 + 1e-12), None, 5.0]))
    assert "No metric of the company changes." in console.export_text()
    print_metrics(console, old, old.assign(value=[0.1, 1.0, 6.0]))
    assert re.search(r"mrr +2 of 3 +5\.00 +6\.00", console.export_text())


def test_labels_are_compared_row_by_row() -> None:
    """Rows that lose or gain a label and rows that change their mind are counted apart."""
    old = labels(("a", 1), ("b", 0), ("c", 1), ("only before", 0))
    new = labels(("a", 1), ("b", 1), ("c", 0))
    assert label_lines(old, new) == [
        "churn labels before: 4, of them churned 2 (50.0%)",
        "churn labels after : 3, of them churned 2 (66.7%)",
        "labelled only before 1, only after 0; "
        "of those on both sides 1 turn from churned to stayed, 1 from stayed to churned",
    ]
