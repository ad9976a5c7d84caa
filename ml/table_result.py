"""What a training on a table gives back: the verdict, the figures, the model, and its form as plain files.

Belongs here: that value, saving and loading it. Does not belong here: training (`ml.tables`).
"""

import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import pandas as pd

from ml import bundles
from ml.evaluation import MetricRow, TrainingReport
from ml.gate_results import GateResult
from ml.models.table_model import TableModel
from ml.table_frames import NO_DATE, Task
from ml.training_record import as_markdown

TableStatus = Literal["validated", "failed_gates", "insufficient_data", "refused"]
SHOWN: Final = ("auc", "pr_auc", "log_loss", "brier_skill", "ece", "lift_at_10", "rmse", "mae", "spearman",
                "normalised_gini", "aggregate_bias", "coverage")  # fmt: skip


class NoModelError(ValueError):
    """The training made no model; the message says why."""


@dataclass(frozen=True)
class TableResult:
    """A finished training on a table.

    Attributes:
        status: `validated` (every gate passed), `failed_gates` (there is a model, but not one to rely on),
            `insufficient_data` or `refused` (a column gives the label away); the last two have no model.
        report: figures, gates and tables: `columns`, `leak_check`, `reliability`, `lift` or `deciles`, `drivers`,
            `capacities`, `search_trials`, `test_predictions`.
        model: fitted on all rows; None where none was made.
        fallback: the overall rate (or mean) with its wide interval, which can always be served.
    """

    task: Task
    status: TableStatus
    report: TrainingReport
    model: TableModel | None
    fallback: TableModel

    @property
    def kept_method(self) -> str | None:
        """The method that held-back training rows kept."""
        return self.report.kept_method

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences: why the status is not `validated`, how the figures were made, what was left out and why."""
        return self.report.reasons

    def metrics(self) -> pd.DataFrame:
        """One row per method and metric with its 95 % bootstrap interval; `model` is the procedure itself."""
        table = self.report.metric_table()
        has_no_dates = len(table) and table["last_as_of"].eq(NO_DATE.date()).all()
        return table.drop(columns=["first_as_of", "last_as_of"]) if has_no_dates else table

    def predict(self, frame: pd.DataFrame, *, with_reasons: bool = True) -> pd.DataFrame:
        """Predictions for raw rows, index of `frame`: value, lower, upper and, if asked for, reasons.

        Raises:
            NoModelError: the training was refused or had too little data; `fallback.predict` always answers.
        """
        if self.model is None:
            msg = f"no model ({self.status}): {'; '.join(self.notes[:3])}"
            raise NoModelError(msg)
        return self.model.predict(frame, with_reasons=with_reasons)

    def __str__(self) -> str:
        """The verdict, the notes and the figures that matter most."""
        lines = [f"{self.report.model}: {self.status}, kept {self.kept_method or 'nothing'}"]
        lines += [f"- {note}" for note in self.notes]
        table = self.metrics()
        if len(table):
            shown = table[table["metric"].isin(SHOWN)][["method", "metric", "value", "lower", "upper"]]
            lines += ["", str(shown.to_string(index=False, float_format="{:.4f}".format))]
        return "\n".join(lines)

    def save(self, folder: Path) -> None:
        """Write plain files: `result.json`, `report.md`, `tables/*.csv`, and the models below `model`, `fallback`."""
        folder.mkdir(parents=True, exist_ok=True)
        bundles.write(self.fallback, folder / "fallback")
        if self.model is not None:
            bundles.write(self.model, folder / "model")
        report = self.report
        plain = {
            "task": self.task,
            "status": self.status,
            "model": report.model,
            "said": report.status,
            "reasons": report.reasons,
            "kept_method": report.kept_method,
            "metrics": [asdict(row) for row in report.metrics],
            "gates": [asdict(gate) for gate in report.gates],
        }
        (folder / "result.json").write_text(json.dumps(plain, indent=1, default=str), encoding="utf-8")
        (folder / "report.md").write_text(as_markdown(report), encoding="utf-8")
        (folder / "tables").mkdir(exist_ok=True)
        for name, rows in report.tables.items():
            rows.to_csv(folder / "tables" / f"{name}.csv", index=False)


def load(folder: Path) -> TableResult:
    """Read what `TableResult.save` wrote; the models predict the same, bit for bit.

    Raises:
        ml.bundles.BundleError: the folder holds no such result.
    """
    fallback = bundles.read(folder / "fallback")
    plain = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    tables = {path.stem: pd.read_csv(path) for path in sorted((folder / "tables").glob("*.csv"))}
    report = TrainingReport(
        plain["model"],
        plain["said"],
        tuple(plain["reasons"]),
        plain["kept_method"],
        tuple(_metric(row) for row in plain["metrics"]),
        tuple(GateResult(**gate) for gate in plain["gates"]),
        tables,
    )
    model = bundles.read(folder / "model") if (folder / "model").is_dir() else None
    return TableResult(plain["task"], plain["status"], report, model, fallback)


def _metric(row: dict[str, Any]) -> MetricRow:
    days = {name: date.fromisoformat(row[name]) for name in ("first_as_of", "last_as_of")}
    return MetricRow(**{**row, **days})
