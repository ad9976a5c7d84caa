"""Warehouses built by dbt from a few raw rows.

Belongs here: running dbt for a hand-made company, once per company and test run. Does not belong here: the rows.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from companies.settings import Company
from orchestration.resources import DBT_FOLDER
from tests import factories

Query = Callable[[str], list[tuple[Any, ...]]]
# The marts of findings and all they are made of, with the tests of these.
FINDINGS = ("--select", "+fct_data_quality_score_history", "+fct_data_quality_by_rule")
FINDINGS += ("--indirect-selection", "cautious", "--exclude", "test_type:unit")
NOT_FEATURES = ("--exclude", "path:models/features", "test_type:unit")


def dbt(warehouse: Path, target: Path, *arguments: str) -> None:
    """Run dbt in a process of its own: inside this one, it would keep the warehouse open."""
    command = [str(Path(sys.executable).parent / "dbt"), "--quiet", "--no-use-colors", "--log-level-file", "none"]
    places = ["--project-dir", str(DBT_FOLDER), "--profiles-dir", str(DBT_FOLDER), "--target-path", str(target)]
    environment = os.environ | {"LIFECYCLE_WAREHOUSE": str(warehouse), "DO_NOT_TRACK": "1"}
    result = subprocess.run(  # noqa: S603 - fixed arguments
        [*command, *arguments, *places], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout


def build(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], company: Company) -> Path:
    """Write the raw rows and run every model and data test but the features'; a failure is told in dbt's words."""
    warehouse = factories.raw_warehouse(folder / "warehouse.duckdb", rows, company)
    dbt(warehouse, folder / "target", "build", *NOT_FEATURES)
    return warehouse


def build_once(shared: Path, name: str, rows: Mapping[str, Sequence[Mapping[str, Any]]], company: Company) -> Path:
    """The same for all processes of a test run: the first one builds, the others wait for it."""
    folder = shared / name
    folder.mkdir(exist_ok=True)
    done = folder / "done"
    with FileLock(shared / f"{name}.lock"):
        if not done.exists():
            build(folder, rows, company)
            done.touch()
    return folder / "warehouse.duckdb"


def reader(warehouse: Path) -> Query:
    """A function that answers a query on the warehouse."""

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(warehouse), read_only=True) as con:
            return con.execute(sql).fetchall()

    return query
