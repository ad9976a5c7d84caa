import numpy as np
import pandas as pd

from ml.splits import newest_slice, out_of_time, rolling_origins


def monthly(months: int, entities: int, rate: float = 0.3) -> pd.DataFrame:
    """Every entity on every month end, labels spread evenly."""
    days = pd.date_range("2023-01-31", periods=months, freq="ME")
    grid = pd.MultiIndex.from_product([days, range(entities)], names=["as_of", "entity"]).to_frame(index=False)
    return grid.assign(label=(np.arange(len(grid)) % 10 < rate * 10).astype(int))


def test_out_of_time_leaves_a_gap_as_long_as_the_label_needs() -> None:
    """No training label ends after the first test date, and no date is on both sides."""
    frame = monthly(18, 40)
    split = out_of_time(frame.as_of, frame.label, 120)
    last_train, first_test = frame.as_of[split.train].max(), frame.as_of[split.test].min()
    assert (first_test - last_train).days >= 120
    assert not (split.train & split.test).any()
    assert frame.as_of[split.test].max() == frame.as_of.max()


def test_out_of_time_takes_about_a_fifth_of_the_rows() -> None:
    """The test share is the smallest whole number of dates that reaches a fifth."""
    frame = monthly(20, 40)
    assert out_of_time(frame.as_of, frame.label, 90).test.mean() == 0.2


def test_out_of_time_goes_further_back_for_enough_positives() -> None:
    """With few positives the test set grows until it holds the least number of them."""
    frame = monthly(20, 40, rate=0).assign(label=0)
    frame.loc[frame.entity.eq(0), "label"] = 1
    split = out_of_time(frame.as_of, frame.label, 30, few=6)
    assert frame.label[split.test].sum() == 6


def test_out_of_time_says_what_is_missing_when_history_is_short() -> None:
    """Two months of history cannot hold a gap of 90 days; the reason names the days, no random split is made."""
    frame = monthly(2, 40)
    split = out_of_time(frame.as_of, frame.label, 90)
    assert not split.train.any()
    assert not split.test.any()
    assert "90 days" in str(split.reason)


def test_out_of_time_survives_an_empty_frame() -> None:
    """Zero rows give empty masks and a reason."""
    empty = monthly(2, 1).head(0)
    assert "no row" in str(out_of_time(empty.as_of, empty.label, 90).reason)


def test_newest_slice_is_gapped_when_history_allows() -> None:
    """The core's labels are known when the validation slice starts."""
    frame = monthly(24, 40)
    split = newest_slice(frame.as_of, frame.label, frame.entity, 90)
    assert split is not None
    assert split.is_gapped
    assert (frame.as_of[split.validation].min() - frame.as_of[split.core].max()).days >= 90


def test_newest_slice_without_room_for_a_gap_takes_unseen_entities() -> None:
    """A short history of ever new entities gives a newer slice that shares no entity with the core."""
    days = pd.Series(pd.date_range("2024-01-01", periods=60).repeat(10))
    label = pd.Series(np.arange(600) % 2)
    entity = pd.Series(np.arange(600)).mask(days.index % 7 == 0, 1)
    split = newest_slice(days, label, entity, 90)
    assert split is not None
    assert not split.is_gapped
    assert not set(entity[split.core]) & set(entity[split.validation])
    assert days[split.validation].min() > days[split.core].max()


def test_newest_slice_needs_two_dates() -> None:
    """One date has no newest part."""
    frame = monthly(1, 10)
    assert newest_slice(frame.as_of, frame.label, frame.entity, 90) is None


def test_rolling_origins_never_test_on_a_training_date() -> None:
    """Each window of test dates follows its training dates directly."""
    dates = pd.Series(pd.date_range("2020-01-31", periods=10, freq="ME"))
    folds = list(rolling_origins(dates, 3, least_train=5))
    assert len(folds) == 3
    assert all(train.max() < test.min() and len(test) == 3 for train, test in folds)
