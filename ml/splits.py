"""Splits in time: train, validation and test rows with a gap in which labels ripen.

A random split would let the future into training; rows with dates get none. Belongs here: which rows belong to which
slice, and the sentence that says why a history is too short. Does not belong here: models, metrics, the folds of
tables without dates (`ml.table_splits`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import BoolArray

TEST_SHARE = 0.2
LARGEST_TEST_SHARE = 0.4
VALIDATION_SHARE = 0.25
FEW_POSITIVES = 10


@dataclass(frozen=True)
class TimeSplit:
    """Row masks of one out-of-time split; the rows of the gap belong to neither side.

    Attributes:
        train, test: boolean masks over the frame's rows; both empty when `reason` is given.
        reason: why the history is too short; None for a usable split.
    """

    train: BoolArray
    test: BoolArray
    test_from: date | None
    reason: str | None


@dataclass(frozen=True)
class ValidationSplit:
    """The newest slice of the training rows, held back to stop, choose and calibrate.

    Attributes:
        is_gapped: the labels of `core` were known when `validation` starts; where history is too short for that,
            the slice still is the newest, of entities not seen in `core` when there are enough of them.
    """

    core: BoolArray
    validation: BoolArray
    is_gapped: bool


@dataclass(frozen=True)
class Fold:
    """Row masks of one fold: rows to fit on, and rows held back from them."""

    core: BoolArray
    newer: BoolArray


def out_of_time(
    as_of: "pd.Series[Any]", label: "pd.Series[Any]", gap_days: int, *, few: int = FEW_POSITIVES
) -> TimeSplit:
    """Newest matured dates as test rows, everything whose label was known before them as training rows.

    Rule: the test starts at the newest date at which the test rows are at least `TEST_SHARE` of all and hold `few`
    rows of either outcome; going further back than `LARGEST_TEST_SHARE` for outcomes is not worth the training rows,
    then the first start with enough rows is taken. Training rows have `as_of + gap_days <= test start`; starts that
    leave `few` of either outcome to train on are preferred.

    Args:
        gap_days: days from `as_of` until the label is known (horizon plus confirmation).
    """
    days = pd.to_datetime(as_of)
    starts = _starts(days, label, few)
    for least in (few, 1):
        for start in starts:
            train = (days + pd.Timedelta(days=gap_days) <= start).to_numpy()
            if _has_both(label[train], least):
                return TimeSplit(train, (days >= start).to_numpy(), start.date(), None)
    nothing = np.zeros(len(days), dtype=bool)
    return TimeSplit(nothing, nothing, None, _too_short(days, gap_days))


def _starts(days: "pd.Series[Any]", label: "pd.Series[Any]", few: int) -> list[pd.Timestamp]:
    """Test starts to try, best first."""
    if days.empty:
        return []
    by_day = label.astype(float).groupby(days).agg(["size", "sum"]).sort_index(ascending=False).cumsum()
    share = by_day["size"] / len(days)
    negatives = by_day["size"] - by_day["sum"]
    large_enough = share >= TEST_SHARE
    rich = large_enough & (share <= LARGEST_TEST_SHARE) & (by_day["sum"] >= few) & (negatives >= few)
    newer_first = [*by_day.index[rich], *by_day.index[large_enough], *by_day.index[~large_enough][::-1]]
    return list(dict.fromkeys(newer_first))


def _too_short(days: "pd.Series[Any]", gap_days: int) -> str:
    if days.empty:
        return "there is no row whose outcome is known yet"
    if days.nunique() > 1 and (days.max() - days.min()).days >= gap_days:
        return f"no date leaves both outcomes to train on {gap_days} days before it"
    covered = int((days.max() - days.min()).days)
    return (
        f"the matured history covers {covered} days; a test needs {gap_days} days between the last training date "
        f"and the first test date, so about {max(1, gap_days - covered)} more days of history"
    )


def newest_slice(
    as_of: "pd.Series[Any]",
    label: "pd.Series[Any]",
    entity: "pd.Series[Any]",
    gap_days: int,
    *,
    share: float = VALIDATION_SHARE,
    few: int = FEW_POSITIVES,
) -> ValidationSplit | None:
    """Hold back the newest dates of a training set.

    Gapped where at least half of the rows remain and both parts hold `few` rows of either outcome; else without a
    gap, of unseen entities only if that leaves `few` of either outcome; None when one date is all there is.
    """
    days = pd.to_datetime(as_of)
    counts = days.value_counts().sort_index(ascending=False).cumsum()
    starts = counts.index[counts >= share * len(days)]
    if days.nunique() < 2:
        return None
    start = starts[0] if starts[0] > days.min() else counts.index[-2]
    validation = (days >= start).to_numpy()
    known = (days + pd.Timedelta(days=gap_days) <= start).to_numpy()
    if known.mean() >= 0.5 * (1 - share) and _has_both(label[known], few) and _has_both(label[validation], few):
        return ValidationSplit(known, validation, is_gapped=True)
    core = ~validation
    unseen = validation & ~entity.isin(set(entity[core])).to_numpy()
    return ValidationSplit(core, unseen if _has_both(label[unseen], few) else validation, is_gapped=False)


def _has_both(label: "pd.Series[Any]", few: int) -> bool:
    positives = float(label.sum())
    return positives >= few and len(label) - positives >= few


def rolling_origins(
    dates: "pd.Series[Any]", horizon: int, *, least_train: int, step: int = 1
) -> Iterator[tuple["pd.DatetimeIndex", "pd.DatetimeIndex"]]:
    """Yield (train dates, next `horizon` dates) for each origin of a regular series, oldest origin first.

    Args:
        dates: the series' dates; repeated ones count once.
        horizon: length of each test window, in dates.
        least_train: dates before the first origin.
    """
    ordered = pd.DatetimeIndex(pd.to_datetime(dates).drop_duplicates().sort_values())
    for end in range(least_train, len(ordered) - horizon + 1, step):
        yield ordered[:end], ordered[end : end + horizon]
