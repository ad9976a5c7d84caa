"""The checks that do not hold now: the newest result of each, over all runs.

Belongs here: reading them from Dagster's records. Does not belong here: the checks (`orchestration.checks`), alerts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import sqlalchemy
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluation
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Executions
from dagster_shared.serdes import deserialize_value

from orchestration.runs.dead_runs import COMPANY_TAG

JUDGED = ("SUCCEEDED", "FAILED")
LONGEST_REASON = 300


@dataclass(frozen=True)
class CheckStanding:
    """A check whose newest result is a failure; `reason` is its description or its first texts."""

    asset: str
    check: str
    severity: str
    run_id: str
    judged_at: datetime
    reason: str


def failing_checks(instance: dg.DagsterInstance, company: str) -> Iterator[CheckStanding]:
    """The company's checks that do not hold, by asset and name; a check that was never judged is none of them.

    Dagster's own interface asks for the keys, which only the loaded definitions know (5 CPU seconds).
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    newest = (
        sqlalchemy.select(sqlalchemy.func.max(Executions.c.id))
        .where(Executions.c.execution_status.in_(JUDGED))
        .group_by(Executions.c.asset_key, Executions.c.check_name)
    )
    failed = (
        sqlalchemy.select(Executions.c.run_id, Executions.c.evaluation_event)
        .where(Executions.c.id.in_(newest), Executions.c.execution_status == "FAILED")
        .order_by(Executions.c.asset_key, Executions.c.check_name)
    )
    with storage.index_connection() as connection:
        rows = [(str(run_id), str(event)) for run_id, event in connection.execute(failed).fetchall()]
    companies: dict[str, str] = {}
    for run_id, event in rows:
        if run_id not in companies:
            run = instance.get_run_by_id(run_id)
            companies[run_id] = run.tags.get(COMPANY_TAG, company) if run else company
        if companies[run_id] == company:
            yield _failing(run_id, deserialize_value(event, EventLogEntry))


def _failing(run_id: str, entry: EventLogEntry) -> CheckStanding:
    evaluation = entry.get_dagster_event().asset_check_evaluation_data
    return CheckStanding(
        asset=evaluation.asset_key.to_user_string(),
        check=evaluation.check_name,
        severity=evaluation.severity.value,
        run_id=run_id,
        judged_at=datetime.fromtimestamp(entry.timestamp, UTC),
        reason=_reason(evaluation),
    )


def _reason(evaluation: AssetCheckEvaluation) -> str:
    """The description, else the reasons that the check reported, else its other texts and figures."""
    facts = {
        name: value.value for name, value in evaluation.metadata.items() if isinstance(value.value, (str, int, float))
    }
    said = evaluation.description or facts.get("reasons") or "; ".join(f"{name}: {facts[name]}" for name in facts)
    return " ".join(str(said).split())[:LONGEST_REASON]
