"""Held-back rows: what sets the size of a model, calibrates it and chooses between methods, encoded once for all.

With dates one slice is held back, the newest; a table without dates gives every row once, fold by fold (out-of-fold
scores). Belongs here: encoding both sides of each fold and the standard error of a difference in loss. Does not belong
here: which rows form a fold (`ml.splits`), models.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import FloatArray, IntArray
from ml.encoding import Encoder, fit_encoder, training_matrix
from ml.splits import Fold
from ml.training_frames import TrainingFrame


@dataclass(frozen=True)
class Part:
    """One fold: encoded rows to fit on, and encoded rows held back from them."""

    encoder: Encoder
    core: FloatArray
    core_labels: FloatArray
    newer: FloatArray
    newer_labels: FloatArray


@dataclass(frozen=True)
class HeldBack:
    """All folds of a training set, and the whole of it.

    Attributes:
        rows: positions of the held-back rows in the frame, in the order in which their scores are stacked.
        whole, whole_encoder: every row, for the model that is kept.
    """

    frame: TrainingFrame
    parts: tuple[Part, ...]
    rows: IntArray
    whole_encoder: Encoder
    whole: FloatArray

    @cached_property
    def labels(self) -> FloatArray:
        """Labels of the held-back rows."""
        return self.frame.labels[self.rows]

    @cached_property
    def entities(self) -> "pd.Series[Any]":
        """Entity of each held-back row."""
        return self.frame.data[self.frame.entity].iloc[self.rows]

    @cached_property
    def as_of(self) -> "pd.Series[Any]":
        """Date of each held-back row."""
        return self.frame.data["as_of"].iloc[self.rows]

    def scores(self, fit_and_score: Callable[[Part], FloatArray]) -> FloatArray:
        """Scores of the held-back rows, each by a model that did not see its fold."""
        return np.concatenate([fit_and_score(part) for part in self.parts])

    def is_better(self, loss: FloatArray, other: FloatArray) -> bool:
        """Whether `loss` lies below `other` by more than one standard error (rows of one entity share their fate)."""
        gain = other - loss
        centred = pd.Series(gain - gain.mean()).groupby(self.entities.to_numpy()).sum().to_numpy()
        return bool(gain.mean() > np.sqrt((centred**2).sum()) / len(gain))


def hold_back(frame: TrainingFrame, folds: Sequence[Fold], rated: FloatArray | None = None) -> HeldBack:
    """Encode every fold and the whole.

    Args:
        rated: what the rates of category levels are rates of, in [0, 1]; the label itself if None (a binary model).
    """
    source = frame if rated is None else frame.with_labels(rated)
    parts = []
    for fold in folds:
        core = source.part(fold.core)
        encoder = fit_encoder(core)
        parts.append(
            Part(
                encoder,
                training_matrix(encoder, core),
                frame.labels[fold.core],
                encoder.transform(frame.data[fold.newer]),
                frame.labels[fold.newer],
            )
        )
    whole = fit_encoder(source)
    rows = np.concatenate([np.flatnonzero(fold.newer) for fold in folds]).astype(np.int64)
    return HeldBack(frame, tuple(parts), rows, whole, training_matrix(whole, source))
