from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.arrays import FloatArray
from ml.leakage import (
    LeakageError,
    differing_features,
    no_feature_gives_the_label_away,
    refuse_leaks,
    shuffled_labels_teach_nothing,
)
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import column, customers


def planted(values: str) -> TrainingFrame:
    """A frame with one more feature, made of the label."""
    frame, _ = customers(100, 8)
    noise = np.random.default_rng(0).normal(size=len(frame.data)) * 0.2
    leaks = {
        "numeric": frame.labels + noise,
        "missing": np.where(frame.labels == 1, 1.0, np.nan),
        "category": np.where(frame.labels == 1, "closed", "open"),
        "code": np.where(frame.labels == 1, 5.0, np.round(noise * 20) % 4 + np.where(noise > 0, 1, 6)),
    }
    kind = "categorical" if values == "category" else "numeric"
    return replace(frame, data=frame.data.assign(leak=leaks[values]), columns=(*frame.columns, column("leak", kind)))


@pytest.mark.parametrize("values", ["numeric", "missing", "category", "code"])
def test_planted_leak_is_named(values: str) -> None:
    """A feature made of the label is caught by its value, its missingness, its level or its band."""
    result = no_feature_gives_the_label_away(planted(values))
    assert not result.passed
    assert "leak (AUC" in result.reason
    with pytest.raises(LeakageError, match="leak"):
        refuse_leaks(planted(values))


def test_honest_features_pass() -> None:
    """Strong but honest features, and a category with many levels, are no leak."""
    frame, _ = customers(100, 8, pages=90)
    assert no_feature_gives_the_label_away(frame).passed


def test_shuffled_labels_expose_a_score_that_knows_the_labels() -> None:
    """A learner that peeks at the rows it scores is caught; one that does not passes."""
    frame, _ = customers(100, 8)
    older = (frame.data["as_of"] < "2022-06-01").to_numpy()

    def peeks(_: TrainingFrame, newer: TrainingFrame) -> FloatArray:
        return newer.labels

    def guesses(_: TrainingFrame, newer: TrainingFrame) -> FloatArray:
        return np.random.default_rng(1).random(len(newer.labels))

    assert not shuffled_labels_teach_nothing(frame, peeks, older).passed
    assert shuffled_labels_teach_nothing(frame, guesses, older).passed


def test_differing_features_are_listed_with_both_values() -> None:
    """A stored value that cannot be derived anew is named with key and feature; equal and missing ones are not."""
    stored = pd.DataFrame({"id": ["a", "b"], "x": [1.0, np.nan], "y": ["u", "v"]})
    derived = stored.assign(x=[1.0 + 1e-12, np.nan], y=["u", "w"])
    found = differing_features(stored, derived, ["id"], ["x", "y"])
    assert found.to_dict("records") == [{"id": "b", "feature": "y", "stored": "v", "derived": "w"}]


def test_row_that_only_one_side_has_is_a_difference() -> None:
    """A stored row that cannot be derived at all is listed."""
    stored = pd.DataFrame({"id": ["a", "b"], "x": [1.0, 2.0]})
    assert differing_features(stored, stored.head(1), ["id"], ["x"])["id"].tolist() == ["b"]
