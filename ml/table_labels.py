"""The label of a table of unknown origin: which value counts as 1, and amounts in any spelling.

Belongs here: reading the label column, and what is said about it. Does not belong here: features
(`ml.table_columns`), labels of the companies' models (`ml.labels`).
"""

from typing import Any

import numpy as np
import pandas as pd

from ml import table_readers, table_values
from ml.arrays import FloatArray
from ml.table_columns import TableError


def read_outcome(values: "pd.Series[Any]", name: str, positive: object = None) -> tuple[FloatArray, list[str]]:
    """A label of two values as 0.0, 1.0 and nan (unknown).

    Args:
        positive: the value that counts as 1; None: yes, true, 1 and the like, else the rarer of the two values.

    Returns:
        Shape (rows,), and notes for the reader.

    Raises:
        TableError: the label has more than two values, or none of them is `positive`.
    """
    texts = table_values.texts(values).map(_plain, na_action="ignore")
    counts = texts.value_counts()
    levels = sorted(str(level) for level in counts.index)
    known = texts.notna().to_numpy()
    if positive is not None:
        wanted = _plain(str(positive).strip())
        if wanted not in levels:
            msg = f"the label {name} never is {positive!r}; it is one of {', '.join(levels[:10])}"
            raise TableError(msg)
        return np.where(known, (texts == wanted).to_numpy(dtype=np.float64), np.nan), []
    if len(levels) > 2:
        msg = (
            f"the label {name} has {len(levels)} values ({', '.join(levels[:5])}, ...); "
            "name the one that counts as 1 with `positive`, or train an amount with task='value'"
        )
        raise TableError(msg)
    if table_values.flags(levels) is not None:
        read = table_values.flags_one_by_one([str(text) for text in texts])
        return np.where(known, read, np.nan), []
    chosen = min(levels, key=lambda level: (int(counts[level]), level))
    note = f"{name} = {chosen} counts as 1, being the rarer value; say otherwise with `positive`"
    return np.where(known, (texts == chosen).to_numpy(dtype=np.float64), np.nan), [note]


def read_amount(values: "pd.Series[Any]", name: str) -> FloatArray:
    """A label of amounts as floats, nan where it is unknown.

    Raises:
        TableError: fewer than half of the values are numbers.
    """
    found = table_readers.as_numbers(values, table_readers.number_form(values))
    if len(found) and np.isfinite(found).mean() < 0.5 and values.notna().mean() > 0.5:
        msg = f"the label {name} is no amount: {np.isfinite(found).mean():.0%} of its values are numbers"
        raise TableError(msg)
    return found


def _plain(text: str) -> str:
    """Whole numbers of any dtype alike: 1, 1.0 and "1" are one value."""
    return text[:-2] if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text
