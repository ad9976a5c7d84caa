"""What a person sees of a training on the model's page: methods side by side, gates, what it reads, where it lies.

Belongs here: tables and links from a training's report, for Dagster. Does not belong here: the report's own text
(`ml.training_record`), its figures (`orchestration.figures`).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import pandas as pd

from feature_definitions import registry as views

if TYPE_CHECKING:
    from ml.evaluation import TrainingReport
    from ml.registrations import Registration

# The metrics that say most, of those that a training has; the others are in the report.
TOLD: Final = (
    "auc", "pr_auc", "brier", "brier_skill", "ece", "lift_at_10", "mae", "rmse", "smape", "mase", "wape",
    "total_ratio", "coverage_80", "coverage_95",
)  # fmt: skip
MOST_METRICS: Final = 7


def methods(report: "TrainingReport") -> dg.MetadataValue:
    """Model, deployed champion and baselines on the same test rows, each metric with its 95 % interval."""
    if not report.metrics:
        return dg.MetadataValue.md("not judged: " + " ".join(report.reasons))
    found: dict[str, dict[str, str]] = {}
    for row in sorted(report.metrics, key=lambda one: one.is_baseline):
        name = row.method if row.is_baseline else f"**{row.method}**"
        found.setdefault(name, {})[row.metric] = _with_interval(row.value, row.lower, row.upper)
    table = pd.DataFrame.from_dict(found, orient="index").fillna("–")
    told = [name for name in TOLD if name in table.columns] or list(table.columns)
    first = report.metrics[0]
    rate = "" if first.base_rate is None else f", base rate {first.base_rate:.2%}"
    about = f"{first.rows:,} test rows, as_of {first.first_as_of} to {first.last_as_of}{rate}. Bold: the model itself."
    shown = table[told[:MOST_METRICS]].rename_axis("method").reset_index()
    return dg.MetadataValue.md(f"{about}\n\n{shown.to_markdown(index=False, disable_numparse=True)}")


def gates(report: "TrainingReport") -> dg.MetadataValue:
    """Every gate with its result, the failed ones first."""
    lines = ["| gate | result | what was found |", "|---|---|---|"]
    for gate in sorted(report.gates, key=lambda one: one.passed):
        result = "passed" if gate.passed else "**failed**" if gate.blocking else "failed, does not block"
        lines.append(f"| {gate.name} | {result} | {gate.reason} |")
    return dg.MetadataValue.md("\n".join(lines) if report.gates else "no gate was reached")


def links(registration: "Registration", mlflow_ui: str) -> Mapping[str, dg.MetadataValue]:
    """The run and the versions in MLflow: addresses where its UI is known, else how to open it."""
    champion, candidate = registration.champion, registration.candidate
    if not mlflow_ui:
        return {"mlflow": dg.MetadataValue.text(f"run {registration.run_id}; `make ui` opens MLflow and links it here")}
    found = {"mlflow_run": f"{mlflow_ui}/#/experiments/{registration.experiment_id}/runs/{registration.run_id}"}
    for name, one in (("registered_champion", champion), ("registered_candidate", candidate)):
        if one is not None:
            found[name] = f"{mlflow_ui}/#/models/{one.name}/versions/{one.version}"
    return {name: dg.MetadataValue.url(address) for name, address in found.items()}


def inputs(model: str) -> dict[str, Any]:
    """What a model may read of its feature views: the metadata of its definition; nothing for one that reads facts."""
    found = views.views_for(model)
    if not found:
        return {}
    usable = {column.name for column in views.columns_for(model)}
    lines = ["| feature | view | kind | unit | driver | what it is |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {column.name} | [{view.name}](/assets/features/{view.name}) | {column.kind} | {column.unit or '–'} "
        f"| {column.driver} | {column.description} |"
        for view in found
        for column in view.columns
        if column.name in usable
    ]
    return {"inputs": dg.MetadataValue.md("\n".join(lines))}


def _with_interval(value: float, lower: float | None, upper: float | None) -> str:
    return f"{value:,.3f}" if lower is None or upper is None else f"{value:,.3f} ({lower:,.3f} to {upper:,.3f})"
