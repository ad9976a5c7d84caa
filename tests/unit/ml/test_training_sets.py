from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import training_sets
from ml.training_frames import TrainingFrame, content_hash, training_frame
from ml.training_sets import Origin, TrainingSetError
from tests.unit.ml.synthetic import column

ORIGIN = Origin("churn", {"feat_customer_usage": 2}, "2024-06-30", "a1", "b2", "2024-07-01T08:00:00+00:00")


def frame(usage: float = 1.0, customers: int = 2, *, churned: int = 1) -> TrainingFrame:
    """One row per customer, with a number that may be missing, a category and a label."""
    keys = pd.DataFrame({"account_id": [f"a{number}" for number in range(customers)], "as_of": "2024-01-31"})
    features = keys.assign(usage=[usage, *[np.nan] * (customers - 1)], plan="basic")
    labels = keys.assign(churned=[churned] + [0] * (customers - 1))
    columns = [column("usage"), column("plan", "categorical")]
    return training_frame(features, labels, entity="account_id", columns=columns, label="churned", horizon_days=90)


def test_a_stored_set_gives_the_same_rows_back(tmp_path: Path) -> None:
    """Rows read from the file have the content hash under which they were stored."""
    training_sets.store(tmp_path, frame(), ORIGIN)
    manifest, rows = training_sets.read(tmp_path, frame().content_hash[:10])
    assert content_hash(rows, frame().columns) == manifest.content_hash == frame().content_hash
    assert (manifest.rows, manifest.positives, manifest.last_as_of) == (2, 1, "2024-01-31")


def test_equal_content_is_stored_once(tmp_path: Path) -> None:
    """The same rows again, by a later run, leave the first files alone."""
    first = training_sets.store(tmp_path, frame(), ORIGIN)
    before = {path.name: path.stat().st_mtime_ns for path in first.iterdir()}
    again = training_sets.store(tmp_path, frame(), replace(ORIGIN, snapshot_id="other"))
    assert again == first
    assert {path.name: path.stat().st_mtime_ns for path in first.iterdir()} == before
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_run_left_is_written_anew(tmp_path: Path) -> None:
    """Half a set is no set, and does not stop the whole one from being written."""
    (tmp_path / f"{training_sets.UNFINISHED}{frame().content_hash}").mkdir()
    assert training_sets.manifests(tmp_path) == []
    training_sets.store(tmp_path, frame(), ORIGIN)
    assert [manifest.content_hash for manifest in training_sets.manifests(tmp_path)] == [frame().content_hash]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_set_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    """The message says which hashes there are."""
    training_sets.store(tmp_path, frame(), ORIGIN)
    with pytest.raises(
        TrainingSetError, match=f"begin with 'ffff'; there are: {frame().content_hash[:12]} \\(churn\\)"
    ):
        training_sets.read(tmp_path, "ffff")


def test_pruning_keeps_what_is_named_and_the_newest_of_each_model(tmp_path: Path) -> None:
    """A set that no version names goes once its model has a newer one."""
    hashes = []
    for number in range(3):
        made = frame(usage=float(number))
        hashes.append(made.content_hash)
        training_sets.store(tmp_path, made, replace(ORIGIN, stored_at=f"2024-07-0{number + 1}"))
    assert training_sets.prune(tmp_path, in_use={hashes[0]}) == [hashes[1]]
    assert {manifest.content_hash for manifest in training_sets.manifests(tmp_path)} == {hashes[0], hashes[2]}


@pytest.mark.parametrize(
    ("rebuilt", "said"),
    [
        (frame(), []),
        (frame(usage=2.0), ["column usage differs in 1 of 2 rows"]),
        (frame(churned=0), ["label churned differs in 1 of 2 rows"]),
        (frame(customers=1), ["1 stored rows are not made any more"]),
        (frame(customers=4), ["2 rows are made that were not stored"]),
    ],
    ids=["equal", "value", "label", "fewer", "more"],
)
def test_differences_are_told_in_sentences(tmp_path: Path, rebuilt: TrainingFrame, said: list[str]) -> None:
    """Which column differs in how many rows, and how many rows came or went; nothing for the same rows."""
    training_sets.store(tmp_path, frame(), ORIGIN)
    assert training_sets.differences(*training_sets.read(tmp_path, frame().content_hash), rebuilt) == said
