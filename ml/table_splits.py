"""Which rows of a table train and which judge: by time, by given folds, or by cross-validation, and said plainly.

Belongs here: the folds of tables of any origin, and the sentence that says what figures made on them mean. Does not
belong here: splits in time themselves (`ml.splits`), models.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.splits import Fold, out_of_time
from ml.training_frames import TrainingFrame

Design = Literal["out_of_time", "given_folds", "cross_validated", "held_out"]
OUTER_FOLDS: Final = 5
MOST_GIVEN_FOLDS: Final = 20
CROSS_VALIDATED_ROWS: Final = 50_000
LEAST_TO_TRAIN: Final = 5
TRAIN_WORDS: Final = frozenset({"train", "training", "fit", "learn"})
VALIDATION_WORDS: Final = frozenset({"valid", "validation", "val", "dev"})
TEST_WORDS: Final = frozenset({"test", "testing", "holdout", "hold_out", "hold-out", "eval"})


@dataclass(frozen=True)
class Evaluation:
    """The folds on which a table's model is judged.

    Attributes:
        says: one sentence for the reader of the figures.
        reason: why no split exists; None for a usable one.
    """

    design: Design
    folds: tuple[Fold, ...]
    says: str
    reason: str | None = None


def by_time(frame: TrainingFrame, *, is_binary: bool) -> Evaluation:
    """Newest rows judge, older ones train, with the frame's gap between."""
    label = frame.data[frame.label]
    outcome = label if is_binary else (label > label.median()).astype(float)  # amounts: both halves on either side
    split = out_of_time(frame.data["as_of"], outcome, frame.gap_days)
    if split.test_from is None:
        return Evaluation("out_of_time", (), "", split.reason)
    says = (
        f"out of time: trained on rows up to {frame.gap_days} day(s) before {split.test_from}, "
        f"judged on the {int(split.test.sum()):,} rows from then on"
    )
    return Evaluation("out_of_time", (Fold(split.train, split.test),), says)


def by_given_folds(values: "pd.Series[Any]", labels: FloatArray, *, is_binary: bool) -> Evaluation:
    """Every given fold judges once; a column that says train and test judges the test rows only."""
    found = _given(values)
    for fold in found.folds:
        if is_binary and min(labels[fold.core].sum(), (1 - labels[fold.core]).sum()) < LEAST_TO_TRAIN:
            reason = f"a given fold leaves fewer than {LEAST_TO_TRAIN} rows of one outcome to train on"
            return Evaluation("given_folds", (), "", reason)
    return found


def _given(values: "pd.Series[Any]") -> Evaluation:
    names = values.astype(str).str.strip()
    words = set(names.str.lower())
    if words <= TRAIN_WORDS | VALIDATION_WORDS | TEST_WORDS and words & TRAIN_WORDS and words & TEST_WORDS:
        test = names.str.lower().isin(TEST_WORDS).to_numpy()
        return Evaluation("given_folds", (Fold(~test, test),), "judged on the rows that the fold column calls test")
    if not 2 <= names.nunique() <= MOST_GIVEN_FOLDS:
        reason = f"the fold column has {names.nunique()} values; 2 to {MOST_GIVEN_FOLDS} are expected"
        return Evaluation("given_folds", (), "", reason)
    masks = [(names == name).to_numpy() for name in sorted(names.unique())]
    return Evaluation(
        "given_folds", tuple(Fold(~mask, mask) for mask in masks), f"cross-validated over {len(masks)} given folds"
    )


def by_rows(frame: TrainingFrame, seed: int, *, is_binary: bool) -> Evaluation:
    """Cross-validation by entity; one held-out fifth of a large table, where intervals are narrow anyway."""
    rows = len(frame.data)
    folds = stratified_folds(frame, OUTER_FOLDS, seed, is_binary=is_binary)
    warning = "the table has no dates, so this is not out of time and may flatter what comes later"
    if rows <= CROSS_VALIDATED_ROWS:
        return Evaluation("cross_validated", tuple(folds), f"cross-validated ({len(folds)} folds): {warning}")
    return Evaluation("held_out", (folds[0],), f"judged on a held-out fifth of {rows:,} rows: {warning}")


def inner_folds(frame: TrainingFrame, seed: int, *, is_binary: bool) -> list[Fold]:
    """Rows of a training set without dates to hold back: all in turn where they are few, a quarter where not."""
    rows = len(frame.data)
    if rows >= 5_000:
        return stratified_folds(frame, 4, seed, is_binary=is_binary)[:1]
    return stratified_folds(frame, 5 if rows < 1_000 else 3, seed, is_binary=is_binary)


def stratified_folds(frame: TrainingFrame, count: int, seed: int, *, is_binary: bool) -> list[Fold]:
    """Folds of whole entities with like shares of the outcome (or like amounts); fewer where an outcome is rare."""
    codes, names = pd.factorize(frame.data[frame.entity], sort=True)
    mean: FloatArray = np.bincount(codes, frame.labels) / np.maximum(np.bincount(codes), 1)
    if is_binary:
        rare = int(min((mean > 0).sum(), (mean < 1).sum()))
        count = max(2, min(count, rare))
    fold_of = _dealt(mean, min(count, max(2, len(names))), seed)
    masks: Sequence[BoolArray] = [fold_of[codes] == fold for fold in range(int(fold_of.max()) + 1)]
    return [Fold(~mask, mask) for mask in masks]


def _dealt(mean: FloatArray, count: int, seed: int) -> IntArray:
    """A fold for each entity, dealt like cards in the order of their labels, ties and hands shuffled."""
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(mean)), mean))
    hands = [random.permutation(count) for _ in range(len(mean) // count + 1)]
    fold = np.empty(len(mean), dtype=np.int64)
    fold[order] = np.concatenate(hands)[: len(mean)]
    return fold
