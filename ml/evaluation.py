"""What a training reports: metric rows, the report and the outcome that carries it.

Belongs here: the value types every model's training returns, and their tables. Does not belong here: the formulas
of the metrics (`ml.binary_metrics`), the gates (`ml.gates`), or any storage.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Generic, Literal, TypeVar

import pandas as pd

from ml.gate_results import GateResult

Status = Literal["validated", "failed_gates", "insufficient_data"]
Fitted = TypeVar("Fitted")
Fallback = TypeVar("Fallback")


@dataclass(frozen=True)
class MetricRow:
    """One metric of one method on the test rows.

    Attributes:
        model: registered name ("churn").
        method: how the figures were made ("lightgbm", "base_rate", "rule", ...).
        value, lower, upper: the figure and its 95 % bootstrap interval; bounds None where none is computed.
        rows, positives: size of the test set; positives None for a model of amounts.
        first_as_of, last_as_of: the test period.
        is_baseline: True for every method that is not the model itself.
    """

    model: str
    method: str
    metric: str
    value: float
    lower: float | None
    upper: float | None
    rows: int
    positives: int | None
    first_as_of: date
    last_as_of: date
    is_baseline: bool

    @property
    def base_rate(self) -> float | None:
        """Share of positives among the test rows."""
        return self.positives / self.rows if self.positives is not None and self.rows else None


@dataclass(frozen=True)
class TrainingReport:
    """Everything a training says about itself.

    Attributes:
        status: `validated` (all blocking gates passed), `failed_gates` or `insufficient_data`.
        reasons: sentences; why the status is not `validated`, or what a reader should know.
        kept_method: the method of the candidate; None without a candidate.
        metrics: every metric of every method, on the same test rows.
        tables: named frames for figures and pages ("reliability", "lift", ...).
    """

    model: str
    status: Status
    reasons: tuple[str, ...]
    kept_method: str | None
    metrics: tuple[MetricRow, ...] = ()
    gates: tuple[GateResult, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def metric_table(self) -> pd.DataFrame:
        """The metric rows as a frame, one row per method and metric."""
        return pd.DataFrame([asdict(row) | {"base_rate": row.base_rate} for row in self.metrics])

    def with_tables(self, tables: Mapping[str, pd.DataFrame]) -> "TrainingReport":
        """The same report with further tables."""
        return replace(self, tables={**self.tables, **tables})

    def judged_by(self, gate: GateResult) -> "TrainingReport":
        """The same report with one more gate; a failure of a blocking one fails the training and stands first."""
        gates = (*self.gates, gate)
        if gate.passed or not gate.blocking:
            return replace(self, gates=gates)
        return replace(self, status="failed_gates", reasons=(gate.reason, *self.reasons), gates=gates)


@dataclass(frozen=True)
class TrainingOutcome(Generic[Fitted, Fallback]):
    """A finished training.

    Attributes:
        candidate: the model to register; None when the data are insufficient.
        fallback: the shrunken baseline that can always be served.
        expires: True for a forecast, which is bound to the date it was made from: a champion of an older training
            does not outlive a newer one that was refused.
    """

    report: TrainingReport
    candidate: Fitted | None
    fallback: Fallback
    expires: bool = False

    @property
    def status(self) -> Status:
        """The report's status."""
        return self.report.status

    @property
    def reasons(self) -> tuple[str, ...]:
        """The report's reasons."""
        return self.report.reasons

    def judged_by(self, gate: GateResult) -> "TrainingOutcome[Fitted, Fallback]":
        """The same training with one more gate; see `TrainingReport.judged_by`."""
        return replace(self, report=self.report.judged_by(gate))


def status_of(gates: tuple[GateResult, ...]) -> tuple[Status, tuple[str, ...]]:
    """Status and reasons that follow from the gates: one blocking failure is enough to fail."""
    failed = tuple(gate.reason for gate in gates if gate.blocking and not gate.passed)
    return ("failed_gates", failed) if failed else ("validated", ())
