"""Rules of data quality: each has an owner, a mend, and a unit test in which it finds something."""

import csv
from collections.abc import Iterator
from pathlib import Path

import yaml

from ingestion.contract import TABLES

DBT = Path(__file__).resolve().parents[2] / "dbt_project"


def rules() -> list[dict[str, str]]:
    with (DBT / "seeds" / "finding_rules.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def rules_at_work() -> Iterator[str]:
    """Rules that a unit test of a family expects to find."""
    for path in (DBT / "models" / "intermediate").rglob("*unit_tests.yml"):
        for test in yaml.safe_load(path.read_text())["unit_tests"]:
            if test["model"].startswith("int_findings_"):
                yield from (row["rule"] for row in test["expect"]["rows"] if "rule" in row)


def test_every_rule_has_a_unit_test() -> None:
    """A rule that no test sees at work might find nothing, ever."""
    assert {rule["rule"] for rule in rules()} - set(rules_at_work()) == set()


def test_every_rule_says_whose_it_is_and_what_to_do() -> None:
    """No rule is without severity, owner and mend, and no rule occurs twice."""
    assert [rule["rule"] for rule in rules() if not all(rule.values())] == []
    assert len({rule["rule"] for rule in rules()}) == len(rules())


def test_every_table_of_the_contract_is_looked_at() -> None:
    """Refused rows and scores cover all raw tables: the list in the macro is that of the contract."""
    macro = (DBT / "macros" / "findings.sql").read_text()
    listed = macro.split("macro raw_tables()")[1].split("endmacro")[0]
    assert [table for table in TABLES if f"'{table}'" not in listed] == []
