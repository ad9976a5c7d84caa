import pandas as pd

from ml.models.boosted import Capacity
from ml.search import Search, search_capacity

START = Capacity("shallow", 8, 3, 40)


def loss(capacity: Capacity) -> float:
    """Least at 31 leaves and a learning rate of 0.05."""
    return abs(capacity.leaves - 31) / 31 + abs(capacity.learning_rate - 0.05) * 10


def test_search_starts_from_what_it_is_given_and_finds_better() -> None:
    """The first trial is the start; the best of the trials is returned, with every trial as plain data."""
    found, trials = search_capacity(loss, START, Search(25, 60), seed=1)
    assert trials.iloc[0][["leaves", "least_leaf_rows"]].tolist() == [8, 40]
    assert len(trials) == 25
    assert loss(found) == trials["loss"].min() < loss(START)


def test_search_repeats_itself() -> None:
    """The same seed and number of trials give the same trials."""
    first, again = (search_capacity(loss, START, Search(12, 60), seed=3)[1] for _ in range(2))
    pd.testing.assert_frame_equal(first, again)


def test_search_ends_when_its_time_is_over() -> None:
    """A budget of no time makes fewer trials than asked for, which the table shows."""
    _, trials = search_capacity(loss, START, Search(500, 0.001), seed=1)
    assert len(trials) < 500
