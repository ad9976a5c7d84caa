import numpy as np
import pandas as pd

from ml.table_splits import by_given_folds, by_rows, by_time, inner_folds, stratified_folds
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import customers


def undated(rows: int = 400, repeats: int = 4) -> TrainingFrame:
    """Rows on one day, several per entity, one in ten positive."""
    data = pd.DataFrame(
        {
            "e": np.repeat(np.arange(rows // repeats), repeats),
            "as_of": pd.Timestamp("1970-01-01"),
            "y": (np.arange(rows) % 40 < 4).astype(float),
        }
    )
    return TrainingFrame(data, "e", (), "y", 1, 0, "")


def test_folds_keep_entities_whole_and_outcomes_alike() -> None:
    """Every row judges once, no entity stands on both sides, and every fold has its share of the outcome."""
    frame = undated()
    folds = stratified_folds(frame, 5, 0, is_binary=True)
    assert np.sum([fold.newer for fold in folds], axis=0).tolist() == [1] * 400
    for fold in folds:
        assert not set(frame.data["e"][fold.core]) & set(frame.data["e"][fold.newer])
        assert abs(frame.labels[fold.newer].mean() - 0.1) < 0.03


def test_folds_follow_their_seed() -> None:
    """The same seed deals the same folds, another one others."""
    first, again, other = (stratified_folds(undated(), 5, seed, is_binary=True)[0].newer for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_table_without_dates_says_so() -> None:
    """Cross-validated figures are never called out of time."""
    found = by_rows(undated(), 0, is_binary=True)
    assert found.design == "cross_validated"
    assert "not out of time" in found.says


def test_rows_with_dates_are_judged_after_their_gap() -> None:
    """The newest rows judge, and training ends a gap before them."""
    frame, _ = customers(60, 20)
    fold = by_time(frame, is_binary=True).folds[0]
    newest, first = frame.data["as_of"][fold.core].max(), frame.data["as_of"][fold.newer].min()
    assert (first - newest).days >= frame.gap_days


def test_given_folds_are_used_as_they_are() -> None:
    """Numbered folds judge in turn; train and test are one split; a fold per row is refused."""
    labels = np.tile([0.0, 1.0], 20)
    numbered = by_given_folds(pd.Series(np.arange(40) // 10), labels, is_binary=True)
    assert [fold.newer.sum() for fold in numbered.folds] == [10] * 4
    named = by_given_folds(pd.Series(["Train"] * 30 + ["test"] * 10), labels, is_binary=True)
    assert [fold.newer.sum() for fold in named.folds] == [10]
    assert "40 values" in (by_given_folds(pd.Series(np.arange(40)), labels, is_binary=True).reason or "")


def test_a_fold_that_leaves_nothing_to_learn_is_refused() -> None:
    """Folds that separate the outcomes cannot train."""
    found = by_given_folds(pd.Series([0] * 20 + [1] * 20), np.repeat([0.0, 1.0], 20), is_binary=True)
    assert "fewer than" in (found.reason or "")


def test_few_rows_are_all_held_back_in_turn() -> None:
    """Small tables calibrate on every row, large ones on a quarter."""
    assert len(inner_folds(undated(400), 0, is_binary=True)) == 5
    assert len(inner_folds(undated(8_000), 0, is_binary=True)) == 1
