"""What a person sees of a training on the model's page: methods side by side, gates, what it reads, where it lies.

Belongs here: tables and links from a training's report, for Dagster. Does not belong here: the report's own text
(`ml.training_record`), its figures (`orchestration.looks.figures`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import dagster as dg

from feature_definitions import registry as views
from orchestration.markdown import LARGE, Written, number, plain, table

if TYPE_CHECKING:
    from ml.evaluation import TrainingReport
    from ml.gate_results import GateResult
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
        name = Written(plain(row.method)) if row.is_baseline else Written(f"**{plain(row.method)}**")
        found.setdefault(name, {})[row.metric] = _with_interval(row.value, row.lower, row.upper)
    measured = dict.fromkeys(row.metric for row in report.metrics)
    told = ([name for name in TOLD if name in measured] or list(measured))[:MOST_METRICS]
    first = report.metrics[0]
    rate = "" if first.base_rate is None else f", base rate {first.base_rate:.2%}"
    about = f"{first.rows:,} test rows, as_of {first.first_as_of} to {first.last_as_of}{rate}. Bold: the model itself."
    rows = [(name, *(values.get(metric) for metric in told)) for name, values in found.items()]
    return dg.MetadataValue.md(f"{about}\n\n{table(['method', *told], rows)}")


def gates(report: "TrainingReport") -> dg.MetadataValue:
    """Every gate with its result, the failed ones first."""
    if not report.gates:
        return dg.MetadataValue.md("no gate was reached")
    rows = [(gate.name, _result(gate), gate.reason) for gate in sorted(report.gates, key=lambda one: one.passed)]
    return dg.MetadataValue.md(table(["gate", "result", "what was found"], rows))


def _result(gate: "GateResult") -> str:
    return "passed" if gate.passed else Written("**failed**") if gate.blocking else "failed, does not block"


def links(registration: "Registration", mlflow_ui: str) -> Mapping[str, dg.MetadataValue]:
    """The run and the versions in MLflow: addresses where its UI is known, else how to open it."""
    champion, candidate = registration.champion, registration.candidate
    if not mlflow_ui:
        told = (
            f"run {registration.run_id}; a link for trainings started where LIFECYCLE_MLFLOW_UI is set, as in make ui"
        )
        return {"mlflow": dg.MetadataValue.text(told)}
    place = urlsplit(mlflow_ui)
    # Without user and password: a link is kept where everybody reads it.
    ui = urlunsplit(place._replace(netloc=place.netloc.rpartition("@")[2])).rstrip("/")
    found = {"mlflow_run": f"{ui}/#/experiments/{registration.experiment_id}/runs/{registration.run_id}"}
    for name, one in (("registered_champion", champion), ("registered_candidate", candidate)):
        if one is not None:
            found[name] = f"{ui}/#/models/{one.name}/versions/{one.version}"
    return {name: dg.MetadataValue.url(address) for name, address in found.items()}


def inputs(model: str, prefix: Sequence[str] = ()) -> dict[str, Any]:
    """What a model that reads features may read of its views: the metadata of its definition.

    Args:
        prefix: what comes first in every asset key.
    """
    usable = {column.name for column in views.columns_for(model)}
    pages = "/".join(["/assets", *prefix, "features"])
    rows = [
        (one.name, Written(f"[{view.name}]({pages}/{view.name})"), one.kind, one.unit, one.driver, one.description)
        for view in views.views_for(model)
        for one in view.columns
        if one.name in usable
    ]
    names = ["feature", "view", "kind", "unit", "driver", "what it is"]
    return {"inputs": dg.MetadataValue.md(table(names, rows, most=len(rows)))}


def _with_interval(value: float, lower: float | None, upper: float | None) -> str:
    is_large = abs(value) >= LARGE
    said, low, high = (None if one is None else number(one, is_large=is_large) for one in (value, lower, upper))
    return str(said) if low is None or high is None else f"{said} ({low} to {high})"
