"""A model of a table of unknown origin: how its columns are read, and the learner behind it, as one storable thing.

Belongs here: reading raw rows, predicting, saving and loading. Does not belong here: training
(`ml.models.table_training`), how columns are inferred (`ml.table_columns`).
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ml.models.amounts import FittedAmounts
from ml.models.shrunken_rates import ShrunkenRates
from ml.models.tabular import FittedClassifier
from ml.table_columns import TableColumn, TableColumns, TableError

Learner = FittedClassifier | FittedAmounts | ShrunkenRates
_LEARNERS: dict[str, type[FittedClassifier] | type[FittedAmounts] | type[ShrunkenRates]] = {
    kind.__name__: kind for kind in (FittedClassifier, FittedAmounts, ShrunkenRates)
}


@dataclass(frozen=True)
class TableModel:
    """A fitted model that takes rows as the table has them.

    Attributes:
        columns: how the table's columns become features.
        time: the table's time column, from which ages of dates count; None without one.
    """

    learner: Learner
    columns: TableColumns
    time: TableColumn | None

    def features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The features of raw rows, index of `frame`.

        Raises:
            TableError: a column is missing.
        """
        named = frame.rename(columns=str)
        if self.time is None:
            return self.columns.read(named)
        if self.time.name not in named.columns:
            msg = f"the table lacks its time column {self.time.name}, from which the ages of dates count"
            raise TableError(msg)
        return self.columns.read(named, self.time.instants(named[self.time.name]))

    def predict(self, frame: pd.DataFrame, *, with_reasons: bool = True) -> pd.DataFrame:
        """One prediction per row, index of `frame`: value, lower, upper and, if asked for, reasons.

        The value is a calibrated probability, or the expected amount; lower and upper bound 90 %.
        """
        return self.learner.predict(self.features(frame), with_reasons=with_reasons)

    def save(self, folder: Path) -> None:
        """Write `table.json` and the learner's own files."""
        folder.mkdir(parents=True, exist_ok=True)
        self.learner.save(folder)
        plain: dict[str, Any] = {
            "learner": type(self.learner).__name__,
            "columns": self.columns.to_json(),
            "time": None if self.time is None else asdict(self.time),
        }
        (folder / "table.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "TableModel":
        """Read what `save` wrote."""
        plain = json.loads((folder / "table.json").read_text(encoding="utf-8"))
        learner = _LEARNERS[plain["learner"]].load(folder)
        return cls(learner, TableColumns.from_json(plain["columns"]), plain["time"] and TableColumn(**plain["time"]))
