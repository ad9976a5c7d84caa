"""What a dbt run said of its tables and tests, read from its events once it has ended.

Belongs here: which tables were built, which failed and what became of each test, with the rows that deny it. Does not
belong here: what Dagster is told of it (`orchestration.transformations.dbt_tests`, `orchestration.assets.warehouse`).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
from dagster_dbt.core.dbt_cli_event import DbtCliEventMessage

ROWS_SHOWN = 5
# Rows of a query by column; what Dagster's tables do not hold, such as a day, is text.
Rows = list[dict[str, str | int | float | bool | None]]
HOLDS, WARNS, FAILED = "pass", "warn", "fail"
# Events that carry dbt's words for a failure.
FAILURES = ("RunResultError", "RunResultFailure", "RunResultErrorNoMessage")


@dataclass(frozen=True)
class TestResult:
    """What became of a test: `pass`, `warn`, `fail` or `error` (it could not be run)."""

    __test__ = False  # pytest would take the name for a test's

    unique_id: str
    status: str
    failed_rows: int | None

    @property
    def stops(self) -> bool:
        """Whether what reads the table has to wait; a warning stops nothing."""
        return self.status not in (HOLDS, WARNS)


@dataclass
class DbtResults:
    """A finished dbt run.

    Attributes:
        outputs: one per table that was built.
        tests: by the test's unique id.
        messages: dbt's words for what failed, by unique id.
    """

    outputs: list[dg.Output[None]] = field(default_factory=list)
    tests: dict[str, TestResult] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)

    @property
    def only_tests_failed(self) -> bool:
        """Whether dbt did its work and all that failed are tests, which were run and denied by rows."""
        denied = {unique_id for unique_id, test in self.tests.items() if test.status == FAILED}
        return bool(denied) and set(self.messages) <= denied


def read(events: Iterable[DbtCliEventMessage], outputs_of: Callable[[DbtCliEventMessage], Iterable[Any]]) -> DbtResults:
    """Gather the results from dbt's events.

    Args:
        outputs_of: translates the result of a model into Dagster's output.
    """
    found = DbtResults()
    for event in events:
        data = event.raw_event["data"]
        unique_id = data.get("node_info", {}).get("unique_id", "")
        name = event.raw_event["info"]["name"]
        if name in FAILURES:
            found.messages[unique_id] = str(event).strip()
        elif name == "LogTestResult":
            # A test that could not be run has no rows, but a status of its own.
            found.tests[unique_id] = TestResult(unique_id, data["status"].lower(), data.get("num_failures"))
        elif not unique_id.startswith("test."):
            found.outputs.extend(outputs_of(event))
    return found


def denying_rows(connection: duckdb.DuckDBPyConnection, target: Path, node: Mapping[str, Any]) -> Rows:
    """Some rows that a failed test returns; its SQL as dbt compiled it is run once more."""
    compiled = target / "compiled" / node["package_name"] / node["original_file_path"]
    if Path(node["path"]).name != compiled.name:
        compiled /= node["path"]
    sql = compiled.read_text(encoding="utf-8").strip().rstrip(";")
    found = connection.execute(f"select * from ({sql}\n) limit {ROWS_SHOWN}")  # noqa: S608 - dbt's own query
    names = [column[0] for column in found.description or ()]
    return [{name: _shown(value) for name, value in zip(names, row, strict=True)} for row in found.fetchall()]


def _shown(value: object) -> str | int | float | bool | None:
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, str | int | bool) else str(value)
