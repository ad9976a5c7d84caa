"""Features as numbers: learned from training rows only, stored with the model.

Numbers and flags pass (missing stays nan). A category with few levels becomes a code; one with many becomes the
smoothed label rate of its level. For the training rows themselves that rate comes from other rows only, so that no
row sees its own label: from entities whose label was known at the row's `as_of` where most rows have such a past,
else from other folds of entities. Belongs here: that encoding and its plain-data form. Does not belong here: scaling
and filling for a linear model (`ml.models.linear`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray, IntArray
from ml.shrinkage import estimate_prior
from ml.training_frames import TrainingFrame

MOST_LEVELS = 12
FOLDS = 5
UNKNOWN = "unknown"

Form = Literal["number", "code", "rate"]


@dataclass(frozen=True)
class EncodedColumn:
    """How one feature becomes a number.

    Attributes:
        form: `number` as it is; `code` = position in `levels` (nan for an unseen level); `rate` = `rates[level]`.
        levels: the known levels, most frequent first.
        rates: smoothed label rate per level; `prior` for an unseen one.
        middle: median of the training values (0.5 for a flag), above which a value counts as high.
    """

    name: str
    form: Form
    levels: tuple[str, ...] = ()
    rates: tuple[float, ...] = ()
    prior: float = 0.0
    middle: float = 0.0

    def encode(self, values: "pd.Series[Any]") -> FloatArray:
        """The column as floats, nan where missing or unseen."""
        if self.form == "number":
            return as_numbers(values)
        found = pd.Index(self.levels).get_indexer(pd.Index(as_texts(values)))
        if self.form == "code":
            return np.where(found >= 0, found, np.nan)
        return np.append(np.asarray(self.rates), self.prior)[found]


@dataclass(frozen=True)
class Encoder:
    """The encoding of all features, in their order."""

    columns: tuple[EncodedColumn, ...]

    def transform(self, data: pd.DataFrame) -> FloatArray:
        """Encoded features, shape (rows, features), C-contiguous.

        Raises:
            KeyError: a feature is missing from the frame.
        """
        matrix = np.empty((len(data), len(self.columns)))
        for position, column in enumerate(self.columns):
            matrix[:, position] = column.encode(data[column.name])
        return matrix

    def to_json(self) -> list[dict[str, Any]]:
        """Plain data."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_json(cls, columns: Sequence[Mapping[str, Any]]) -> "Encoder":
        """The encoder of its plain data."""
        return cls(
            tuple(
                EncodedColumn(**{**column, "levels": tuple(column["levels"]), "rates": tuple(column["rates"])})
                for column in columns
            )
        )


def as_numbers(values: "pd.Series[Any]") -> FloatArray:
    """Numbers and flags (with nulls of any kind) as floats; infinities count as missing."""
    numbers = pd.to_numeric(values, errors="raise").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.where(np.isfinite(numbers), numbers, np.nan)


def as_texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """A category as text; null is the level 'unknown'."""
    return values.astype(object).where(values.notna(), UNKNOWN).astype(str)


def fit_encoder(frame: TrainingFrame) -> Encoder:
    """Learn levels, rates and medians from the frame's rows."""
    return Encoder(tuple(_fit_column(frame, column) for column in frame.columns))


def training_matrix(encoder: Encoder, frame: TrainingFrame) -> FloatArray:
    """The encoded training rows, with label rates that no row's own entity contributed to knowingly too early."""
    matrix = encoder.transform(frame.data)
    for position, column in enumerate(encoder.columns):
        if column.form == "rate":
            matrix[:, position] = _honest_rates(frame, column)
    return matrix


def _fit_column(frame: TrainingFrame, column: FeatureColumn) -> EncodedColumn:
    values = frame.data[column.name]
    if column.kind != "categorical":
        numbers = as_numbers(values)
        known = numbers[np.isfinite(numbers)]
        middle = 0.5 if column.kind == "flag" else float(np.median(known)) if known.size else 0.0
        return EncodedColumn(column.name, "number", middle=middle)
    texts = as_texts(values)
    counts = texts.value_counts().sort_index().sort_values(ascending=False, kind="stable")
    levels = tuple(cast("list[str]", counts.index.tolist()))
    if len(levels) <= MOST_LEVELS:
        return EncodedColumn(column.name, "code", levels)
    codes = pd.Index(levels).get_indexer(pd.Index(texts)).astype(np.int64)
    positives, rows = _level_sums(codes, frame.labels, len(levels))
    prior = estimate_prior(positives, rows)
    rates = tuple(prior.posterior_mean(positives, rows).tolist())
    return EncodedColumn(column.name, "rate", levels, rates, prior.mean, prior.mean)


def _level_sums(codes: IntArray, labels: FloatArray, levels: int) -> tuple[FloatArray, FloatArray]:
    """Positives and rows per level."""
    return np.bincount(codes, labels, levels).astype(np.float64), np.bincount(codes, minlength=levels).astype(
        np.float64
    )


def _honest_rates(frame: TrainingFrame, column: EncodedColumn) -> FloatArray:
    codes = pd.Index(column.levels).get_indexer(pd.Index(as_texts(frame.data[column.name]))).astype(np.int64)
    prior = estimate_prior(*_level_sums(codes, frame.labels, len(column.levels)))
    positives, rows = _earlier_sums(frame, codes)
    if (rows > 0).mean() < 0.5:
        positives, rows = _other_folds_sums(frame, codes, len(column.levels))
    return prior.posterior_mean(positives, rows)


def _earlier_sums(frame: TrainingFrame, codes: IntArray) -> tuple[FloatArray, FloatArray]:
    """Per row, positives and rows of its level whose label was known at the row's `as_of`."""
    as_of = pd.to_datetime(frame.data["as_of"])
    facts = pd.DataFrame({"code": codes, "known": as_of + pd.Timedelta(days=frame.gap_days), "label": frame.labels})
    daily = facts.groupby(["known", "code"], as_index=False)["label"].agg(["sum", "size"])
    daily[["sum", "size"]] = daily.groupby("code")[["sum", "size"]].cumsum()
    asked = pd.DataFrame({"code": codes, "as_of": as_of, "row": np.arange(len(codes))})
    found = pd.merge_asof(asked, daily, left_on="as_of", right_on="known", by="code").sort_values("row")
    return found["sum"].fillna(0).to_numpy(dtype=np.float64), found["size"].fillna(0).to_numpy(dtype=np.float64)


def _other_folds_sums(frame: TrainingFrame, codes: IntArray, levels: int) -> tuple[FloatArray, FloatArray]:
    """Per row, positives and rows of its level among the entities of the other folds."""
    entities = frame.data[frame.entity].astype(str)
    folds = (pd.util.hash_array(entities.to_numpy(dtype=object)) % FOLDS).astype(np.int64)
    cells = folds * levels + codes
    positives, rows = _level_sums(cells, frame.labels, FOLDS * levels)
    all_positives, all_rows = _level_sums(codes, frame.labels, levels)
    return all_positives[codes] - positives[cells], all_rows[codes] - rows[cells]
