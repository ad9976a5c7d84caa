"""What is remembered of a training: its provenance, its identity and its report as tables.

Belongs here: the frozen description handed to the registry and its pure transformations (key, metrics, tags,
Markdown). Does not belong here: storage (`ml.registry`).
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

import pandas as pd

from ml.evaluation import MetricRow, TrainingReport

LONGEST_TAG: Final = 4000
NOT_IN_A_NAME: Final = re.compile(r"[^0-9A-Za-z_\-./ ]+")
LONGEST_DESCRIPTION: Final = 5000
HOW_TO_REVIEW: Final = (
    "**A person decides about this version.** Set the tags `reviewer` and `review_comment`, and then `review` to "
    "`approved` or `rejected`. Before that it is not served."
)
CHAMPION_GATE: Final = "not_worse_than_champion"
FIGURES_SHOWN, METHODS_SHOWN = 6, 4
RELATIVE_LINK: Final = re.compile(r"\[([^\]]+)\]\((?!https?://)[^)]*\)")
AUTOMATIC: Final = "automatic (every gate passed)"
# The tag that MLflow shows as a run's description.
NOTE: Final = "mlflow.note.content"


@dataclass(frozen=True)
class Provenance:
    """Where a training came from.

    Attributes:
        content_hash: of the training data and its declaration; with params, code_version and promotion, the identity.
        snapshot_id: names the state of the warehouse.
        feature_versions: feature view to version.
        promotion: `automatic`, or `review` when a person decides.
        model_card: Markdown shown as the version's description.
        example: some feature rows, from which the input schema is read; its values are not stored.
        figures: file name to matplotlib figure.
        training_set: where the rows lie, below the company's state; empty for a model that reads facts.
    """

    content_hash: str
    snapshot_id: str
    code_version: str
    first_as_of: date | None = None
    last_as_of: date | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    feature_versions: Mapping[str, int] = field(default_factory=dict)
    git_commit: str | None = None
    dagster_run_id: str | None = None
    promotion: Literal["automatic", "review"] = "automatic"
    model_card: str = ""
    example: pd.DataFrame | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    training_set: str = ""

    def key(self, model: str) -> str:
        """Identity of the training (sha256 hex): equal keys mean that training again could change nothing."""
        parts = [model, self.content_hash, self.code_version, self.promotion, dict(self.params)]
        return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()

    def tags(self, report: TrainingReport) -> dict[str, str]:
        """Tags of every version that a training registers, and of its run; the most telling ones first."""
        tags = {
            "status": report.status,
            "validation": "passed" if report.status == "validated" else "failed",
            "kept_method": report.kept_method or "",
            "as_of_range": f"{self.first_as_of} to {self.last_as_of}",
            "reasons": "\n".join(report.reasons),
            "git_commit": self.git_commit or "unknown",
            "code_version": self.code_version,
            "approver": AUTOMATIC if report.status == "validated" and self.promotion == "automatic" else "",
            "snapshot_id": self.snapshot_id,
            "content_hash": self.content_hash,
            "training_set": self.training_set,
            "feature_versions": json.dumps(dict(self.feature_versions), sort_keys=True),
            "dagster_run_id": self.dagster_run_id or "",
        }
        return {name: value[:LONGEST_TAG] for name, value in tags.items()}

    def run_tags(self, report: TrainingReport) -> dict[str, str]:
        """Tags of the run: those of its versions, its identity, and its verdict as the description."""
        note = "\n".join(verdict(report))[:LONGEST_TAG]
        return self.tags(report) | {"training_key": self.key(report.model), NOTE: note}

    def description(self, report: TrainingReport, status: str) -> str:
        """Markdown of a version: what it is, what a reviewer needs, then the model card without dead links.

        The registry takes 5,000 characters; the whole card is a file of the run.
        """
        is_fallback = status == "fallback"
        method = "shrunken baseline" if is_fallback else _spoken(report.kept_method or "")
        parts = [f"{_spoken(status)}: {method}, data up to {self.last_as_of}"]
        if self.promotion == "review" and status == "validated":
            parts.append(HOW_TO_REVIEW)
        if not is_fallback:
            parts += [part for part in (against_champion(report), gate_lines(report), figure_lines(report)) if part]
        parts.append(_unwrapped(RELATIVE_LINK.sub(r"\1", self.model_card)))
        return _cut("\n\n".join(parts))


def flat_metrics(rows: Sequence[MetricRow], kept_method: str | None) -> dict[str, float]:
    """Metrics by name: first `auc`, `auc_lower`, `auc_upper` of the kept method, then `<method>/auc` of the others.

    Last `positive_share`, the base rate of the test rows, where there are outcomes to count.
    The bounds of the others stand in the report. Values that are not finite are left out: a tracker cannot show them.
    """
    found: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: row.method != kept_method):
        is_kept = row.method == kept_method
        name = NOT_IN_A_NAME.sub("_", row.metric if is_kept else f"{row.method}/{row.metric}")
        bounds = {"": row.value} | ({"_lower": row.lower, "_upper": row.upper} if is_kept else {})
        found |= {name + end: float(v) for end, v in bounds.items() if v is not None and math.isfinite(v)}
    shares = [row.base_rate for row in rows if row.base_rate is not None]
    return found | ({"positive_share": shares[0]} if shares else {})


def verdict(report: TrainingReport) -> list[str]:
    """Lines of Markdown: the reasons and the gates."""
    lines = [*(f"- {reason}" for reason in report.reasons), ""]
    if report.gates:
        gates = [{"gate": g.name, "passed": g.passed, "blocking": g.blocking, "reason": g.reason} for g in report.gates]
        lines += ["## Gates", "", pd.DataFrame(gates).to_markdown(index=False), ""]
    return lines


def against_champion(report: TrainingReport) -> str:
    """The comparison with the deployed model in one sentence; empty where the training makes none."""
    found = [gate.reason for gate in report.gates if gate.name == CHAMPION_GATE]
    return f"**Against the champion:** {found[0]}." if found else ""


def gate_lines(report: TrainingReport) -> str:
    """Every gate with its verdict and what was found, those that failed first; empty without gates."""
    lines = [f"| {'✓' if gate.passed else '✗'} {_spoken(gate.name)} | {gate.reason} |" for gate in report.gates]
    head = ["| gate | found |", "|---|---|"] if lines else []
    return "\n".join([*head, *sorted(lines, key=lambda line: "✗" not in line)])


def figure_lines(report: TrainingReport) -> str:
    """The kept method's first figures with their intervals, beside the other methods on the same rows."""
    kept = [row for row in report.metrics if row.method == report.kept_method][:FIGURES_SHOWN]
    others = list(dict.fromkeys(row.method for row in report.metrics if row.method != report.kept_method))
    others = others[:METHODS_SHOWN]
    if not kept:
        return ""
    values = {(row.method, row.metric): f"{row.value:.4g}" for row in report.metrics}
    lines = [f"| {' | '.join(['metric', *(_spoken(name) for name in (kept[0].method, *others))])} |"]
    lines.append("|---" * (len(others) + 2) + "|")
    for row in kept:
        interval = "" if row.lower is None or row.upper is None else f" ({row.lower:.4g} to {row.upper:.4g})"
        beside = [values.get((name, row.metric), "") for name in others]
        lines.append(f"| {' | '.join([_spoken(row.metric), f'{row.value:.4g}{interval}', *beside])} |")
    tested = f"On {kept[0].rows:,} test rows, {kept[0].first_as_of} to {kept[0].last_as_of}"
    share = "" if kept[0].base_rate is None else f", base rate {kept[0].base_rate:.3f}"
    return "\n".join([f"{tested}{share}; 95 % intervals:", "", *lines])


def as_markdown(report: TrainingReport) -> str:
    """The report for people: status, reasons, gates and the table of all methods."""
    lines = [f"# {report.model}: {report.status}", "", *verdict(report)]
    table = report.metric_table()
    if len(table):
        lines += ["## Metrics", "", table.drop(columns="model").to_markdown(index=False, floatfmt=".4f"), ""]
    return "\n".join(lines)


def _cut(text: str) -> str:
    """The text up to its last whole paragraph within what the registry takes."""
    if len(text) <= LONGEST_DESCRIPTION:
        return text
    end = "\n\nThe rest is in model_card.md among the run's artifacts."
    return text[: LONGEST_DESCRIPTION - len(end)].rpartition("\n\n")[0] + end


def _unwrapped(text: str) -> str:
    """Markdown with one line per paragraph and list item: the registry's page shows every line break."""
    lines: list[str] = []
    for line in text.splitlines():
        begins = not line.strip() or line.startswith(("#", "|", "- ")) or not lines or not lines[-1]
        if begins or lines[-1].startswith(("#", "|")):
            lines.append(line)
        else:
            lines[-1] += " " + line.strip()
    return "\n".join(lines)


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def files(report: TrainingReport, model_card: str) -> dict[str, str]:
    """Text files kept with the run, by path: the report, its metrics and tables, and the model card."""
    table = report.metric_table()
    kept = {
        "report.md": as_markdown(report),
        "metrics.csv": table.to_csv(index=False),
        "metrics.json": str(table.to_json(orient="records", date_format="iso")),
    }
    kept |= {f"tables/{name}.csv": rows.to_csv(index=False) for name, rows in report.tables.items()}
    return kept | ({"model_card.md": model_card} if model_card else {})
