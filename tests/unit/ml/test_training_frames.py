import numpy as np
import pandas as pd
import pytest

from ml.training_frames import TrainingFrame, TrainingFrameError, training_frame
from tests.unit.ml.synthetic import column


def frame(features: pd.DataFrame, labels: pd.DataFrame) -> TrainingFrame:
    """A frame with one feature."""
    return training_frame(
        features, labels, entity="account_id", columns=[column("usage")], label="churned", horizon_days=90
    )


def inputs() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three rows of features, two of them labelled."""
    keys = pd.DataFrame({"account_id": ["b", "a", "a"], "as_of": ["2024-01-31", "2024-02-29", "2024-01-31"]})
    return keys.assign(usage=[1.0, np.nan, 3.0]), keys.head(2).assign(churned=[1, 0])


def test_frame_is_sorted_and_holds_labelled_rows_only() -> None:
    """Rows are ordered by as_of and entity; a row without a label is left out."""
    found = frame(*inputs()).data
    assert found["account_id"].tolist() == ["b", "a"]


def test_content_hash_does_not_depend_on_the_order_of_rows_or_columns() -> None:
    """Shuffled inputs give the same hash, a changed value another."""
    features, labels = inputs()
    shuffled = features.iloc[::-1][["usage", "as_of", "account_id"]]
    assert frame(features, labels).content_hash == frame(shuffled, labels).content_hash
    assert frame(features, labels).content_hash != frame(features.assign(usage=2.0), labels).content_hash


def test_content_hash_covers_the_declarations() -> None:
    """Another driver of a feature is another training set."""
    features, labels = inputs()
    other = training_frame(
        features, labels, entity="account_id", columns=[column("usage", driver="x")], label="churned", horizon_days=90
    )
    assert other.content_hash != frame(features, labels).content_hash


def test_missing_feature_is_named() -> None:
    """A declared feature that the table lacks stops the join with its name."""
    features, labels = inputs()
    with pytest.raises(TrainingFrameError, match="lack the columns usage"):
        frame(features.drop(columns="usage"), labels)


def test_repeated_key_is_refused() -> None:
    """Two feature rows for one entity and date are an error, not a fan-out."""
    features, labels = inputs()
    with pytest.raises(TrainingFrameError, match="more than once"):
        frame(pd.concat([features, features]), labels)
