"""The training frame: features joined to matured labels, in one order, with one content hash.

Belongs here: the frozen frame, how it is joined and hashed, and sub-frames by row mask. Does not belong here: how a
label is defined (`ml.labels`), encoding, or any file.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import BoolArray, FloatArray


class TrainingFrameError(ValueError):
    """Features and labels do not fit together; the message names the column and the mend."""


@dataclass(frozen=True)
class TrainingFrame:
    """Rows to learn from; categories stay text until a model encodes them on its own training rows.

    Attributes:
        data: one row per entity and `as_of`, sorted by (`as_of`, entity), with a fresh index.
        entity: name of the entity column.
        columns: the features, in the order in which a model reads them.
        label: name of the 0/1 label column.
        horizon_days: length of the label's window.
        confirm_days: further days until the label is certain (grace after a contract's end).
        content_hash: sha256 of the content and of the column declarations, whatever the order of the input rows.
    """

    data: pd.DataFrame
    entity: str
    columns: tuple[FeatureColumn, ...]
    label: str
    horizon_days: int
    confirm_days: int
    content_hash: str

    @property
    def gap_days(self) -> int:
        """Days from `as_of` until the label is known."""
        return self.horizon_days + self.confirm_days

    @property
    def labels(self) -> FloatArray:
        """The label as an array of 0.0 and 1.0."""
        return self.data[self.label].to_numpy(dtype=np.float64)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features in order."""
        return tuple(column.name for column in self.columns)

    def take(self, mask: BoolArray) -> "TrainingFrame":
        """The rows where `mask` holds, with their own content hash."""
        data = self.data[mask].reset_index(drop=True)
        return replace(self, data=data, content_hash=content_hash(data, self.columns))

    def part(self, mask: BoolArray) -> "TrainingFrame":
        """The rows where `mask` holds, without a hash: for folds, which are never registered."""
        return replace(self, data=self.data[mask].reset_index(drop=True), content_hash="")

    def with_labels(self, labels: FloatArray) -> "TrainingFrame":
        """The same rows with other labels, for the shuffling check."""
        return replace(self, data=self.data.assign(**{self.label: labels}), content_hash="")


def training_frame(
    features: pd.DataFrame,
    labels: pd.DataFrame,
    *,
    entity: str,
    columns: Sequence[FeatureColumn],
    label: str,
    horizon_days: int,
    confirm_days: int = 0,
) -> TrainingFrame:
    """Join features to labels on (entity, `as_of`); rows without a matured label are left out.

    Args:
        features: entity, `as_of`, the feature columns and any further columns to keep (such as an amount).
        labels: entity, `as_of` and the label column.

    Raises:
        TrainingFrameError: a declared feature is missing, or a key occurs twice.
    """
    missing = [column.name for column in columns if column.name not in features.columns]
    if missing:
        msg = f"features lack the columns {', '.join(missing)}; rebuild the feature tables or drop the declarations"
        raise TrainingFrameError(msg)
    keys = [entity, "as_of"]
    left = features.assign(as_of=_days(features["as_of"]))
    right = labels[[*keys, label]].assign(as_of=_days(labels["as_of"]))
    try:
        joined = left.merge(right, on=keys, how="inner", validate="one_to_one")
    except pd.errors.MergeError as error:
        msg = f"({entity}, as_of) occurs more than once: {error}. One row per entity and date is expected."
        raise TrainingFrameError(msg) from error
    data = joined.sort_values(["as_of", entity], kind="stable").reset_index(drop=True)
    declared = tuple(columns)
    return TrainingFrame(data, entity, declared, label, horizon_days, confirm_days, content_hash(data, declared))


def _days(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Time stamps of one resolution, whatever the source of the frame: joins by time compare the types, too."""
    return pd.to_datetime(values).astype("datetime64[ns]")


def content_hash(data: pd.DataFrame, columns: Sequence[FeatureColumn]) -> str:
    """sha256 of a sorted frame: column names, canonical values and the declarations of the features."""
    digest = hashlib.sha256()
    for name in sorted(data.columns):
        digest.update(f"\x1d{name}\x1e".encode())
        digest.update(_canonical(data[name]))
    for column in columns:
        digest.update(repr(column).encode())
    return digest.hexdigest()


def _canonical(values: "pd.Series[Any]") -> bytes:
    """Bytes that depend on the values only, not on the dtype that pandas happened to choose."""
    if pd.api.types.is_datetime64_any_dtype(values):
        texts = values.dt.strftime("%Y-%m-%dT%H:%M:%S").fillna("\x00")
        return "\x1f".join(texts).encode()
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.astype("float64").to_numpy()
        return (np.where(np.isnan(numbers), np.nan, numbers) + 0.0).astype("<f8").tobytes()
    texts = values.astype(object).where(values.notna(), "\x00")
    return "\x1f".join(str(text) for text in texts).encode()
