"""Train, calibrate, explain and gate a model on any labelled table: the one entry point.

    from ml import tables

    result = tables.train(pd.read_csv("customers.csv"), label="Churn", entity="customerID")
    print(result)                                   # verdict, figures with intervals, what was left out and why
    result.predict(rows)                            # value, lower, upper, reasons
    result.save(Path("churn_model"))
    tables.load(Path("churn_model")).predict(rows)  # the same, bit for bit

With a time column the figures are out of time; with a fold column they are those of the given folds; with neither they
are cross-validated, and the result says so. A column that gives the label away on its own is named and the training
refused, unless `allow` names it. Belongs here: from a raw frame to a result. Does not belong here: learners and gates
(`ml.models`), what columns are (`ml.table_columns`), company models (`ml.models.binary_training`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ml.evaluation import Status, TrainingReport
from ml.gate_results import GateResult
from ml.models.amount_training import refuse_amount_leaks, too_few_amounts, train_amount_table
from ml.models.amounts import FittedAmounts, constant_amount
from ml.models.shrunken_rates import fit_rates
from ml.models.table_model import TableModel
from ml.models.table_training import TableTask, refuse_leaks, too_few, train_table
from ml.models.tabular import FittedClassifier, TabularParams
from ml.search import Search
from ml.table_columns import ColumnKind, TableColumns, TableError
from ml.table_frames import Table, TableSpec, Task, prepare
from ml.table_result import TableResult, TableStatus, load
from ml.table_splits import Evaluation, by_given_folds, by_rows, by_time

__all__ = ["Search", "TableError", "TableResult", "load", "train"]


def train(
    frame: pd.DataFrame,
    *,
    label: str,
    task: Task = "binary",
    time: str | None = None,
    fold: str | None = None,
    entity: str | None = None,
    gap_days: int = 0,
    positive: object = None,
    kinds: Mapping[str, ColumnKind] | None = None,
    exclude: Sequence[str] = (),
    allow: Sequence[str] = (),
    never_a_reason: Sequence[str] = (),
    search: Search | None = None,
    seed: int = 7,
    name: str = "table",
) -> TableResult:
    """Train a model of `label` on the other columns.

    Args:
        frame: one row per case (or per case and time); columns of any dtype. It is not changed.
        task: `binary`, or `value` for an amount.
        time: column with the time of each row; the newest rows judge.
        fold: column whose values are held out in turn (or says train and test).
        entity: column of what repeated rows belong to; such rows never stand on both sides of a random fold.
        gap_days: with `time`, days after a row until its label was known; training rows end that much before the test.
        positive: the label's value that counts as 1; None: yes, true, 1 and the like, else the rarer of two values.
        kinds: what columns are, where a person knows better (`number`, `flag`, `category`, `date`).
        exclude, allow: columns that are no features; that may give the label away, being known in time (recorded).
        never_a_reason: columns that may be learned from but are never given as a reason.
        search: budget of a search for a better capacity; none by default.

    Raises:
        TableError: a named column is missing, names repeat, or the label does not suit the task.
    """
    parts = (kinds or {}, tuple(exclude), tuple(never_a_reason))
    spec = TableSpec(label, task, time, fold, entity, gap_days, positive, *parts)
    learner = TabularParams(seed, search=search, blends=True)
    return _trained(prepare(frame, spec), spec, TableTask(name, learner, tuple(allow), has_time=time is not None))


def _trained(table: Table, spec: TableSpec, task: TableTask) -> TableResult:
    frame, is_binary = table.frame, spec.is_binary
    missing = too_few(frame) if is_binary else too_few_amounts(frame)
    if not table.columns.columns:
        missing = [*missing, "no column is left to learn from"]
    if missing:
        return _without_model(table, spec, task, "insufficient_data", missing)
    gate, leaks = (refuse_leaks if is_binary else refuse_amount_leaks)(frame, task)
    if not gate.passed:
        return _without_model(table, spec, task, "refused", [gate.reason], gate, leaks)
    evaluation = _evaluation(table, spec, task.learner.seed)
    if evaluation.reason:
        return _without_model(table, spec, task, "insufficient_data", [evaluation.reason], gate, leaks)
    learner: FittedClassifier | FittedAmounts
    report, learner = train_table(frame, task, evaluation) if is_binary else train_amount_table(frame, task, evaluation)
    allowed = [gate.reason] if gate.value is not None and gate.value > (gate.threshold or 1.0) else []
    report = replace(
        report,
        gates=(gate, *report.gates),
        reasons=(*report.reasons, *allowed, *table.notes),
        tables={**report.tables, "columns": _column_table(table.columns), "leak_check": leaks},
    )
    model = TableModel(learner, table.columns, table.time)
    return TableResult(spec.task, report.status, report, model, _fallback(table, spec))


def _without_model(
    table: Table,
    spec: TableSpec,
    task: TableTask,
    status: TableStatus,
    reasons: Sequence[str],
    gate: GateResult | None = None,
    leaks: pd.DataFrame | None = None,
) -> TableResult:
    """A result that says why there is no model."""
    tables = {"columns": _column_table(table.columns)} | ({} if leaks is None else {"leak_check": leaks})
    said: Status = "insufficient_data" if status == "insufficient_data" else "failed_gates"
    gates = () if gate is None else (gate,)
    report = TrainingReport(task.name, said, (*reasons, *table.notes), None, (), gates, tables)
    return TableResult(spec.task, status, report, None, _fallback(table, spec))


def _evaluation(table: Table, spec: TableSpec, seed: int) -> Evaluation:
    if table.folds is not None:
        return by_given_folds(table.folds, table.frame.labels, is_binary=spec.is_binary)
    if spec.time is not None:
        return by_time(table.frame, is_binary=spec.is_binary)
    return by_rows(table.frame, seed, is_binary=spec.is_binary)


def _fallback(table: Table, spec: TableSpec) -> TableModel:
    """The overall rate or mean, with its wide interval."""
    learner = fit_rates(table.frame, (), spec.label) if spec.is_binary else constant_amount(table.frame)
    return TableModel(learner, TableColumns((), ()), None)


def _column_table(columns: TableColumns) -> pd.DataFrame:
    """column, kind, left_out: what every column was taken for."""
    used = [(column.name, column.kind, "") for column in columns.columns]
    left = [(name, "", reason) for name, reason in columns.left_out]
    return pd.DataFrame([*used, *left], columns=["column", "kind", "left_out"])
