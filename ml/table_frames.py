"""From a raw table to a training frame: label, time, entity and features, with notes on what was left out.

Belongs here: that preparation. Does not belong here: single columns (`ml.table_columns`), folds, training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.table_columns import ENTITY, LABEL, ColumnKind, TableColumn, TableColumns, TableError, infer, infer_time
from ml.table_labels import read_amount, read_outcome
from ml.training_frames import TrainingFrame, content_hash

Task = Literal["binary", "value"]
# Rows without dates all stand on one day, so that nothing is learned from its order.
NO_DATE: Final = pd.Timestamp("1970-01-01")


@dataclass(frozen=True)
class TableSpec:
    """What a person says about a table; see `ml.tables.train`."""

    label: str
    task: Task = "binary"
    time: str | None = None
    fold: str | None = None
    entity: str | None = None
    gap_days: int = 0
    positive: object = None
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    exclude: Sequence[str] = ()
    never_a_reason: Sequence[str] = ()

    @property
    def is_binary(self) -> bool:
        """Whether the label is an outcome, not an amount."""
        return self.task == "binary"

    @property
    def named(self) -> dict[str, str]:
        """Columns that play a part, by that part."""
        parts = {"label": self.label, "time": self.time, "fold": self.fold, "entity": self.entity}
        return {part: name for part, name in parts.items() if name is not None}


@dataclass(frozen=True)
class Table:
    """A table as it is trained on.

    Attributes:
        folds: the fold column's values in the order of the frame; None without one.
        notes: what a reader should know of the preparation.
    """

    frame: TrainingFrame
    columns: TableColumns
    time: TableColumn | None
    folds: "pd.Series[Any] | None"
    notes: tuple[str, ...]


def prepare(raw: pd.DataFrame, spec: TableSpec) -> Table:
    """Read the parts, infer the features, sort by time.

    Raises:
        TableError: a named column is missing, names repeat, or the label does not suit the task.
    """
    table = _checked(raw, spec)
    label, notes = _label(table, spec)
    time = None if spec.time is None else infer_time(table[spec.time], spec.time)
    as_of = (
        pd.Series(NO_DATE, index=table.index, dtype="datetime64[ns]")
        if time is None
        else time.instants(table[time.name])
    )
    known = np.isfinite(label) & as_of.notna().to_numpy()
    if not known.all():
        notes.append(f"{int((~known).sum()):,} of {len(known):,} rows left out: no label or no time")
    table, as_of, label = table[known], as_of[known], label[known]
    left = [name for name in table.columns if name not in {*spec.named.values(), *spec.exclude}]
    columns = infer(table[left], spec.kinds, None if time is None else as_of)
    notes += [f"left out: {name} ({reason})" for name, reason in columns.left_out]
    rows = np.arange(len(table)) if spec.entity is None else table[spec.entity].astype(str).to_numpy()
    data = columns.read(table, None if time is None else as_of).assign(**{"as_of": as_of, ENTITY: rows, LABEL: label})
    order = np.argsort(as_of.to_numpy(), kind="stable")
    data = data.iloc[order].reset_index(drop=True)
    declared = columns.features(spec.never_a_reason)
    frame = TrainingFrame(data, ENTITY, declared, LABEL, max(spec.gap_days, 1), 0, content_hash(data, declared))
    folds = None if spec.fold is None else table[spec.fold].iloc[order].reset_index(drop=True)
    return Table(frame, columns, time, folds, tuple(notes))


def _checked(raw: pd.DataFrame, spec: TableSpec) -> pd.DataFrame:
    """The table with texts as column names and a fresh index."""
    table = raw.rename(columns=str).reset_index(drop=True)
    repeated = sorted(set(table.columns[table.columns.duplicated()]))
    if repeated:
        msg = f"column names repeat: {', '.join(repeated)}; rename them"
        raise TableError(msg)
    missing = [f"{name} ({part})" for part, name in spec.named.items() if name not in table.columns]
    if missing:
        msg = f"the table has no column {', '.join(missing)}; it has {', '.join(table.columns[:20])}"
        raise TableError(msg)
    return table


def _label(table: pd.DataFrame, spec: TableSpec) -> tuple[FloatArray, list[str]]:
    if spec.is_binary:
        return read_outcome(table[spec.label], spec.label, spec.positive)
    return read_amount(table[spec.label], spec.label), []
