"""What dbt's tests say of a table, as one asset check of it however many they are; and the check that ends a run red.

Belongs here: which test belongs to which table, the check's result with every test, and the failure of a run in which
a table does not hold. Does not belong here: running dbt (`orchestration.assets.warehouse`), which withholds a table
that does not hold, so that everything that reads it waits, and nothing else. Dagster's own blocking would fail dbt's
step, and with it everything downstream of any table.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtProject
from dagster_dbt.asset_utils import DAGSTER_DBT_UNIQUE_ID_METADATA_KEY, get_asset_check_key_for_test

from orchestration.transformations.dbt_results import DbtResults, Rows, TestResult

CHECK = "dbt_tests_hold"
END_CHECK = "every_table_holds"
DESCRIPTION = "dbt built the table and its tests hold. If one of severity error fails, what reads the table waits."
TABLES_NAMED = 3
MEND = (
    "What reads the table was not made. Mend the cause (rows of the source, a line of a seed, the query), then run the "
    "job again."
)


@dataclass(frozen=True)
class Test:
    """A dbt test of a table."""

    __test__ = False  # pytest would take the name for a test's

    unique_id: str
    name: str
    severity: str


def spec(key: dg.AssetKey, table: str) -> dg.AssetCheckSpec:
    """The check of a table; `table` is its unique id in dbt."""
    metadata = {DAGSTER_DBT_UNIQUE_ID_METADATA_KEY: table}
    return dg.AssetCheckSpec(CHECK, asset=key, blocking=False, description=DESCRIPTION, metadata=metadata)


def tests_by_table(
    manifest: Mapping[str, Any], translator: DagsterDbtTranslator, project: DbtProject
) -> dict[dg.AssetKey, list[Test]]:
    """The tests of each table, as dbt attaches them."""
    found = defaultdict(list)
    for unique_id, node in manifest["nodes"].items():
        key = get_asset_check_key_for_test(manifest, translator, unique_id, project)
        if key is not None:
            found[key.asset_key].append(Test(unique_id, node["name"], node["config"]["severity"].lower()))
    return dict(found)


def result(key: dg.AssetKey, tests: Sequence[Test], found: DbtResults, rows: Mapping[str, Rows]) -> dg.AssetCheckResult:
    """The check of a table whose tests were run.

    Args:
        rows: some rows that deny a test, by the test's unique id; shown as a table, since Markdown waits for a click.
    """
    run = [(test, found.tests[test.unique_id]) for test in tests if test.unique_id in found.tests]
    denied = [(test, said) for test, said in run if said.status != "pass"]
    stops = any(said.stops for _, said in denied)
    sentences = [_told(test, said, found) for test, said in denied] + [MEND] * stops
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=CHECK,
        passed=not denied,
        severity=dg.AssetCheckSeverity.ERROR if stops else dg.AssetCheckSeverity.WARN,
        description=" ".join(sentences) or None,
        metadata={
            "tests": dg.MetadataValue.table([_record(test, said) for test, said in run]),
            **{test.name: _table(rows[test.unique_id]) for test, _ in denied if rows.get(test.unique_id)},
        },
    )


def _table(rows: Rows) -> dg.MetadataValue:
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows])


def _record(test: Test, said: TestResult) -> dg.TableRecord:
    failed_rows = "" if said.failed_rows is None else str(said.failed_rows)
    return dg.TableRecord(
        {"test": test.name, "severity": test.severity, "result": said.status, "failed_rows": failed_rows}
    )


def _told(test: Test, said: TestResult, found: DbtResults) -> str:
    if said.status == "error":
        return f"{test.name} could not be run: {found.messages.get(test.unique_id, 'dbt gave no reason')}"
    return f"{test.name}: {said.failed_rows} row(s) deny it."


def end_check(op: str, anchor: dg.AssetKey) -> dg.AssetChecksDefinition:
    """A check that fails the run, after all that is sound has been made, if a table of the step does not hold.

    Args:
        op: the step that builds the tables.
        anchor: the table of the step that all others stand on; without it the step itself fails.
    """

    @dg.multi_asset_check(
        name=end_check_name(op),
        specs=[
            dg.AssetCheckSpec(
                END_CHECK, asset=anchor, blocking=False, description="Every table that dbt built in the run holds."
            )
        ],
    )
    def every_table_holds(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        broken = _broken_tables(context.instance, context.run.run_id, op)
        yield dg.AssetCheckResult(
            asset_key=anchor,
            check_name=END_CHECK,
            passed=not broken,
            description=told(broken) if broken else None,
            metadata=_pages(broken),
        )
        if broken:
            raise dg.Failure(told(broken), metadata=_pages(broken), allow_retries=False)

    return every_table_holds


def end_check_name(op: str) -> str:
    """The step of the end check."""
    return f"{op}_holds"


def told(broken: Mapping[dg.AssetKey, str]) -> str:
    """What is broken, for a person: the first tables with their reasons."""
    named = [f"{table.to_user_string()}: {reason}" for table, reason in list(broken.items())[:TABLES_NAMED]]
    more = f" And {len(broken) - TABLES_NAMED} more." if len(broken) > TABLES_NAMED else ""
    return f"{len(broken)} table(s) do not hold. " + " ".join(named) + more


def _pages(broken: Iterable[dg.AssetKey]) -> dict[str, dg.MetadataValue]:
    """The tables as links, so that one click leads from the failed run to the table's own check."""
    return {table.to_user_string(): dg.MetadataValue.asset(table) for table in broken}


def _broken_tables(instance: dg.DagsterInstance, run_id: str, op: str) -> dict[dg.AssetKey, str]:
    """Tables whose check failed with an error in the step of this run, with the reason."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    broken = {}
    for record in records:
        event = record.event_log_entry.get_dagster_event()
        said = event.asset_check_evaluation_data
        is_ours = event.step_key == op and said.check_name == CHECK
        if is_ours and not said.passed and said.severity == dg.AssetCheckSeverity.ERROR:
            broken[said.asset_key] = said.description or "no reason given"
    return broken
