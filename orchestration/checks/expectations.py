"""What Great Expectations says of the raw tables, as asset checks of each of them, with a page of its own.

Belongs here: evaluating all tables in one step, so that the library is imported once, and the translation of a report
into two checks. A broken contract stops what follows; an unusual month is a warning for a person. What is expected is
`ingestion.expectations`.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from ingestion.contract import TABLES
from ingestion.expectations.outcomes import Outcome, Suite, TableReport
from orchestration.resources import POOL, Deployment

CHECKS: dict[str, Suite] = {
    "meets_contract_expectations": "contract",
    "looks_like_its_history": "history",
}
DESCRIPTIONS: dict[Suite, str] = {
    "contract": "Every rule of the source contract holds for the newest rows, and for any row changed by hand.",
    "history": "Volume, recency, nulls and distribution of the newest complete month are like those before.",
}
MENDS: dict[Suite, str] = {
    "contract": (
        "Landing lets no such row in: it was changed in the warehouse by hand. Put the source's value back, then run "
        "refresh_warehouse. dbt waits as a whole: every training reads every raw table in the end."
    ),
    "history": "Ask the owner of the source whether that is meant; nothing is held back.",
}
FAILURES_SHOWN = 20
TOLD = 3


def expectation_checks() -> dg.AssetChecksDefinition:
    """Two checks per raw table, evaluated in one step."""

    @dg.multi_asset_check(specs=_specs(), name="raw_expectations", can_subset=True, pool=POOL)
    def raw_expectations(
        context: dg.AssetCheckExecutionContext, deployment: Deployment
    ) -> Iterator[dg.AssetCheckResult]:
        """Evaluate the expectations of all tables and write their pages, whichever checks are asked for."""
        wanted = context.selected_asset_check_keys
        for report in _evaluate(deployment):
            for check, suite in CHECKS.items():
                if dg.AssetCheckKey(deployment.asset_key("raw", report.table), check) in wanted:
                    yield _result(deployment, report, check, suite)

    return raw_expectations


def _specs() -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(check, asset=["raw", table], blocking=suite == "contract", description=DESCRIPTIONS[suite])
        for table in TABLES
        for check, suite in CHECKS.items()
    ]


def _evaluate(deployment: Deployment) -> list[TableReport]:
    from ingestion.expectations import data_docs, evaluation

    company = deployment.company
    with deployment.warehouse(read_only=True) as connection:
        until = evaluation.covered_until(connection, company.data_until)
        reports = list(evaluation.evaluate(connection, until, company.quality))
    occasion = data_docs.Occasion(company.title, until, datetime.now(UTC).replace(tzinfo=None))
    data_docs.write(deployment.data_docs, occasion, reports)
    return reports


def _result(deployment: Deployment, report: TableReport, check: str, suite: Suite) -> dg.AssetCheckResult:
    # A new word is told on the page and in the metadata; it is no reason to warn.
    unmet = [outcome for outcome in report.failed(suite) if outcome.severity != "info"]
    is_broken = any(outcome.severity == "critical" for outcome in unmet)
    return dg.AssetCheckResult(
        asset_key=deployment.asset_key("raw", report.table),
        check_name=check,
        passed=not unmet,
        severity=dg.AssetCheckSeverity.ERROR if is_broken else dg.AssetCheckSeverity.WARN,
        description=_told(unmet, suite) if unmet else None,
        metadata=_metadata(deployment, report, suite),
    )


def _told(unmet: Sequence[Outcome], suite: Suite) -> str:
    """What does not hold, with what was seen instead, and what to do."""
    found = [f"{one.statement.removesuffix('.')} ({one.observed})" for one in unmet[:TOLD]]
    more = f" and {len(unmet) - TOLD} more" if len(unmet) > TOLD else ""
    return f"Does not hold: {'; '.join(found)}{more}. {MENDS[suite]}"


def _metadata(deployment: Deployment, report: TableReport, suite: Suite) -> dict[str, dg.MetadataValue]:
    from ingestion.expectations import data_docs

    found: dict[str, dg.MetadataValue] = {
        "data_docs": dg.MetadataValue.path(str(data_docs.page(deployment.data_docs, report.table))),
        "rows_in_table": dg.MetadataValue.int(report.rows),
    }
    for severity, evaluated, failed in report.counts(suite):
        found[f"{severity}_evaluated"] = dg.MetadataValue.int(evaluated)
        found[f"{severity}_failed"] = dg.MetadataValue.int(failed)
    if failures := report.failed(suite)[:FAILURES_SHOWN]:
        found["failures"] = dg.MetadataValue.table([_record(outcome) for outcome in failures])
    if suite == "contract":
        found["rows_read"] = dg.MetadataValue.int(report.rows_read)
    elif report.notes:
        found["not_compared"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in report.notes))
    return found


def _record(outcome: Outcome) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "severity": outcome.severity,
            "column": outcome.subject,
            "expectation": outcome.expectation,
            "expected": outcome.statement,
            "observed": outcome.observed,
            "unexpected": outcome.unexpected,
            "samples": ", ".join(outcome.samples),
        }
    )
