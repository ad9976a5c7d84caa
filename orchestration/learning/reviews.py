"""Jobs by which people's decisions about models take effect, and the table that keeps them.

Belongs here: carrying out reviews, promoting, rejecting and rolling back as runs, and `models.reviews`. Does not belong
here: what a decision does in the registry (`ml.registry_reviews`), noticing it (`orchestration.sensors`).

The table only grows: a row for every change of champion, by people, by hands on the alias and by the gates of a
training. Each row has its twin on the version in the registry, from which every one of these jobs, and every training,
adds the rows that a killed run did not write.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import dagster as dg
import duckdb

from orchestration import markdown
from orchestration.learning import records
from orchestration.resources import Deployment
from orchestration.runs.dead_runs import COMPANY_TAG

if TYPE_CHECKING:
    from ml.registrations import Store
    from ml.review_rules import Decision


class OfModel(dg.Config):
    """Which model is decided about, by whom and why."""

    model: str
    reason: str
    approver: str = "unknown reviewer"


class OfChampion(OfModel):
    """Which champion is meant; without a version whichever it is by then."""

    version: str = ""


class OfVersion(OfModel):
    """Which version is decided about."""

    version: str


DECISIONS: dict[str, tuple[type[OfModel], str]] = {
    "roll_back_model": (
        OfChampion,
        "Make the predecessor of a model's champion champion again, with a reason; the version left is not served "
        "until a person approves it.",
    ),
    "promote_model": (OfVersion, "Make a version of a model champion on a person's word, with a reason."),
    "reject_model": (
        OfVersion,
        "Never serve a version of a model, with a reason; a champion gives way to its predecessor.",
    ),
}


def review_jobs(deployment: Deployment) -> Sequence[dg.JobDefinition]:
    """The jobs of reviews of a company's deployment."""
    company = deployment.company_name
    return [
        apply_reviews(company, deployment.pool),
        *(decision_job(name, company, deployment.pool) for name in DECISIONS),
    ]


def apply_reviews(company: str, pool: str) -> dg.JobDefinition:
    """The job that carries out what reviewers said in MLflow."""

    @dg.op(name="carry_out_reviews", pool=pool)
    def carry_out(context: dg.OpExecutionContext, deployment: Deployment) -> None:
        from ml import registry

        done = registry.apply_reviews(deployment.model_store(), context.run_id)
        _record(context, deployment, done)

    @dg.job(
        name="apply_reviews",
        tags={COMPANY_TAG: company},
        description=(
            "Carry out what reviewers said in MLflow: promote approved versions, reject or roll back the others, note "
            "an alias moved by hand. Nothing is scored; the sensor champion_changed asks for that."
        ),
    )
    def job() -> None:
        carry_out()

    return job


def decision_job(name: str, company: str, pool: str) -> dg.JobDefinition:
    """The job by which a person decides about a model in Dagster instead of MLflow."""
    asked_for, description = DECISIONS[name]

    @dg.op(name=name.removesuffix("_model"), pool=pool)
    def decide(context: dg.OpExecutionContext, deployment: Deployment, config: asked_for) -> None:  # type: ignore[valid-type]
        from ml.registrations import RegistryError

        try:
            _decide(name, deployment, config, context.run_id)
        except RegistryError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        _record(context, deployment)

    @dg.job(name=name, tags={COMPANY_TAG: company}, description=description)
    def job() -> None:
        decide()

    return job


def _decide(name: str, deployment: Deployment, config: OfChampion | OfVersion, run_id: str) -> None:
    from ml import registry

    store, word = deployment.model_store(), {"approver": config.approver, "reason": config.reason}
    if name == "roll_back_model":
        registry.roll_back(store, config.model, version=config.version, dagster_run_id=run_id, **word)
    else:
        act = registry.promote if name == "promote_model" else registry.reject
        act(store, config.model, config.version, dagster_run_id=run_id, **word)


def write(connection: duckdb.DuckDBPyConnection, decisions: Sequence["Decision"]) -> int:
    """Add the decisions that the table does not hold yet; returns how many."""
    records.create(connection)
    added = 0
    for one in decisions:
        model = one.model.rpartition(".")[2]
        added += connection.execute(
            "insert into models.reviews by name "
            "select * from (select ? as model, ? as version, ? as number, ? as decision, ? as previous_version, "
            "? as champion_version, ? as decided_by, ? as reason, ?::timestamptz at time zone 'UTC' as decided_at, "
            "? as run_id, ? as dagster_run_id) as one "
            "where not exists (select 1 from models.reviews as kept "
            "where kept.model = one.model and kept.version = one.version and kept.decided_at = one.decided_at)",
            [model, one.version, one.number, one.decision, one.previous_version or None, one.champion_version or None,
             one.decided_by, one.reason, one.decided_at, one.run_id, one.dagster_run_id or None],
        ).fetchall()[0][0]  # fmt: skip
    return added


def record(connection: duckdb.DuckDBPyConnection, store: "Store", done: Sequence["Decision"] = ()) -> int:
    """Write what the warehouse does not hold, of a killed run or all of it after a loss, and then note that it does.

    Args:
        done: decisions made now, of which a removed version can keep none.

    Returns:
        The number of rows added.
    """
    from ml import registry_reviews

    found = registry_reviews.recorded(store)
    added = write(connection, [*found, *(one for one in done if one not in found)])
    registry_reviews.mark_recorded(store, registry_reviews.unrecorded(store))
    return added


def _record(context: dg.OpExecutionContext, deployment: Deployment, done: Sequence["Decision"] = ()) -> None:
    """Record, and show what was new."""
    from ml import registry_reviews

    store = deployment.model_store()
    made = registry_reviews.unrecorded(store)
    made += [one for one in done if one not in made]
    with deployment.warehouse() as connection:
        added = record(connection, store, made)
    for one in made:
        context.log.info(f"{one.model} version {one.version} {one.decision} by {one.decided_by}: {one.reason}")
    context.add_output_metadata({"decisions": dg.MetadataValue.md(_table(made)), "rows_added": added})


def _table(made: Sequence["Decision"]) -> str:
    """The decisions for a look in the UI; what a person wrote stays text."""
    if not made:
        return "nothing was decided"
    return markdown.table(
        ["model", "version", "decision", "champion now", "by", "reason"],
        [(one.model, one.version, one.decision, one.champion_version, one.decided_by, one.reason) for one in made],
    )
