"""Warehouses built by dbt from a few raw rows.

Belongs here: running dbt for a hand-made company, once per company and test run. Does not belong here: the rows.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from filelock import FileLock

from companies.settings import Company
from orchestration.transformations.dbt_command import run_dbt
from tests import factories

Query = Callable[[str], list[tuple[Any, ...]]]
# The marts of findings and all they are made of, with the tests of these.
FINDINGS = ("--select", "+fct_data_quality_score_history", "+fct_data_quality_by_rule")
FINDINGS += ("--indirect-selection", "cautious", "--exclude", "test_type:unit")
NOT_FEATURES = ("--exclude", "path:models/features", "test_type:unit")


def dbt(warehouse: Path, target: Path, *arguments: str) -> None:
    """Run dbt on a warehouse that is there already; a failure is told in dbt's words."""
    run_dbt(*arguments, warehouse=warehouse, target=target)


def build(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]], company: Company) -> Path:
    """Write the raw rows and run every model and data test but the features'; a failure is told in dbt's words."""
    warehouse = factories.raw_warehouse(folder / "warehouse.duckdb", rows, company)
    run_dbt("build", *NOT_FEATURES, warehouse=warehouse, target=folder / "target")
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
