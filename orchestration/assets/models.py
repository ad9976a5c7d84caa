"""The models as assets: one training each, registered in MLflow, judged by checks.

Belongs here: which tables a model waits for, calling its training and reporting the outcome. What a model is trained
on is `orchestration.learning.training_inputs`, how it learns is `ml`, who becomes champion is `ml.registry`.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from feature_definitions import registry as views
from ingestion.contract import TABLES
from orchestration.checks import model_quality
from orchestration.deployment.code_identity import code_version, git_commit
from orchestration.learning import frames, records, reviews, training_sets
from orchestration.looks import figures, model_looks
from orchestration.resources import POOL, Deployment

if TYPE_CHECKING:
    from ml.registrations import Registration
    from orchestration.learning.training_inputs import Trained

OWNERS = ["team:data-science"]
FACTS = {
    "churn": ["fct_customer_spells"],
    "clv": ["fct_customer_spells", "fct_mrr_movements", "fct_purchases", "dim_accounts"],
    "lead_score": ["fct_lead_lifecycle"],
    "win_probability": ["fct_deals"],
    "revenue": [
        "fct_monthly_revenue",
        "fct_mrr_movements",
        "fct_purchases",
        "fct_lead_lifecycle",
        "fct_deals",
        "fct_open_deals_monthly",
        "dim_accounts",
    ],
}
PROMISES = {
    "churn": "Probability that a customer leaves within the horizon, with interval, risk level, reasons and actions.",
    "clv": "Expected discounted gross margin of a customer over the coming months, with interval.",
    "lead_score": "Probability that a lead becomes a customer within the horizon, 0-100 and grade A-D, with reasons.",
    "win_probability": "Probability that an open deal is won within the horizon, and the months in which it may close.",
    "revenue": "Revenue of the coming months by region and segment, with 80 % and 95 % intervals that add up.",
}
READS_FEATURES = ("churn", "clv", "lead_score", "win_probability")


def model_assets(prefix: Sequence[str] = ()) -> list[dg.AssetsDefinition]:
    """One asset per model; `prefix` comes first in the keys that its page links to."""
    return [_model_asset(name, prefix) for name in FACTS]


def _model_asset(name: str, prefix: Sequence[str]) -> dg.AssetsDefinition:
    tables = [["features", view.name] for view in views.views_for(name)] if name in READS_FEATURES else []
    facts = [["marts", table] for table in FACTS[name]]

    @dg.asset(
        key=["models", name],
        group_name="models",
        owners=OWNERS,
        kinds={"python", "mlflow"},
        description=f"{PROMISES[name]} Card: docs/model_cards/{name}.md. Grain: one registered version per training.",
        tags={"layer": "models", "cadence": "weekly"},
        metadata=model_looks.inputs(name, prefix) if name in READS_FEATURES else {},
        deps=[dg.AssetKey(key) for key in [*tables, *facts, ["intermediate", "int_observation_window"]]],
        check_specs=model_quality.specs(name),
        pool=POOL,
    )
    def train(
        context: dg.AssetExecutionContext, deployment: Deployment
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        trained, registration, drawn = _train(name, deployment, context.run.run_id)
        report = trained.outcome.report
        context.log.info(f"{name}: {report.status}. " + " ".join(report.reasons))
        yield dg.MaterializeResult(metadata=_metadata(trained, registration, drawn, deployment.mlflow_ui))
        yield from model_quality.results(report, registration)

    return train


def _train(name: str, deployment: Deployment, run_id: str) -> "tuple[Trained, Registration, dict[str, str]]":
    """Train, draw, register and keep the record in the warehouse; the last part are figures as Markdown."""
    from ml import registry
    from ml.training_record import Provenance
    from orchestration.learning.training_inputs import TRAINERS

    store = deployment.model_store()
    with deployment.warehouse() as connection:
        champion = registry.champion_to_beat(store, name)
        trained = TRAINERS[name](
            connection, deployment.company, registry.load_version(store, champion) if champion else None
        )
        stored = training_sets.keep(connection, deployment, name, trained)
        drawn = figures.of_training(connection, trained.outcome, deployment.company.currency)
        provenance = Provenance(
            content_hash=trained.content_hash,
            snapshot_id=frames.snapshot_id(connection, list(TABLES)),
            code_version=code_version(),
            first_as_of=trained.first_as_of,
            last_as_of=trained.last_as_of,
            params=trained.params,
            feature_versions=trained.feature_versions,
            git_commit=git_commit(),
            dagster_run_id=run_id,
            promotion=deployment.company.promotion,
            model_card=deployment.model_card(name),
            example=trained.frame.data[list(trained.frame.feature_names)].head() if trained.frame else None,
            figures=drawn,
            training_set=stored,
        )
        registration = registry.log_training(store, trained.outcome, provenance)
        training_sets.prune(deployment)
        records.write(connection, _record(name, trained, registration, provenance.snapshot_id), trained.outcome.report)
        reviews.record(connection, store)
    return trained, registration, figures.images(drawn)


def _record(name: str, trained: "Trained", registration: "Registration", snapshot_id: str) -> records.Training:
    report, champion, candidate = trained.outcome.report, registration.champion, registration.candidate
    return records.Training(
        model=name,
        run_id=registration.run_id,
        trained_at=datetime.now(UTC).replace(tzinfo=None),
        status=report.status,
        reasons=list(report.reasons),
        kept_method=report.kept_method,
        candidate_version=candidate.version if candidate else None,
        champion_version=champion.version if champion else None,
        champion_status=champion.status if champion else None,
        training_rows=trained.rows,
        first_as_of=trained.first_as_of,
        last_as_of=trained.last_as_of,
        content_hash=trained.content_hash,
        snapshot_id=snapshot_id,
    )


def _metadata(
    trained: "Trained", registration: "Registration", drawn: Mapping[str, str], mlflow_ui: str
) -> dict[str, dg.MetadataValue | str | int | float]:
    from ml.training_record import as_markdown

    report, champion = trained.outcome.report, registration.champion
    # As numbers of their own, so that the UI draws them over time.
    kept = {row.metric: row.value for row in report.metrics if row.method == report.kept_method}
    return {
        "status": report.status,
        "champion": f"version {champion.version} ({champion.status})" if champion else "none",
        "reasons": dg.MetadataValue.md("\n".join(f"- {reason}" for reason in report.reasons) or "none"),
        **{f"figure_{name}": dg.MetadataValue.md(image) for name, image in drawn.items()},
        "methods": model_looks.methods(report),
        "gates": model_looks.gates(report),
        **model_looks.links(registration, mlflow_ui),
        **{metric: float(f"{value:.6g}") for metric, value in kept.items() if math.isfinite(value)},
        "report": dg.MetadataValue.md(as_markdown(report)),
        "training_rows": trained.rows,
        "training_set": f"training_sets/{trained.content_hash}" if trained.frame else "none: reads facts",
        "is_new_training": str(registration.is_new),
    }
