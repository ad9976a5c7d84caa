"""Reasons: a row's additive contributions, grouped by driver and worded from the features' declarations.

A feature without wording (a protected or non-actionable attribute) is never given as a reason. Belongs here: that
grouping and wording, for one row or many. Does not belong here: computing contributions, the wording itself.
"""

from collections.abc import Sequence
from typing import Any, TypedDict, cast

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import BoolArray, FloatArray
from ml.encoding import Encoder, as_numbers, as_texts

REASONS = 3


class Reason(TypedDict):
    """Why a prediction is high or low.

    `contribution` is in log odds, summed over the driver's features; `direction` says whether it raises or lowers the
    probability; `feature` is the feature of the driver that weighs most in that direction.
    """

    driver: str
    feature: str
    direction: str
    contribution: float
    value: float | str
    text: str
    action: str | None


def explain(
    data: pd.DataFrame,
    contributions: FloatArray,
    columns: Sequence[FeatureColumn],
    encoder: Encoder,
    most: int = REASONS,
) -> list[list[Reason]]:
    """The strongest reasons of each row, strongest first; the same for a batch and for each of its rows.

    Args:
        data: the features as text, numbers and flags.
        contributions: shape (rows, features), in log odds.
    """
    wording = [_wordings(data[column.name], column, encoder, at) for at, column in enumerate(columns)]
    is_worded = np.column_stack([has for has, _ in wording] or [np.empty((len(data), 0), dtype=bool)])
    drivers = list(dict.fromkeys(column.driver for column in columns))
    sums, leaders = _by_driver(contributions, is_worded, columns, drivers)
    order = np.argsort(-np.abs(np.where(leaders >= 0, sums, 0.0)), axis=1, kind="stable")[:, :most]
    return [
        [
            _reason(drivers[k], columns[leaders[row, k]], wording[leaders[row, k]][1], row, float(sums[row, k]))
            for k in order[row]
            if leaders[row, k] >= 0
        ]
        for row in range(len(data))
    ]


def driver_importance(contributions: FloatArray, columns: Sequence[FeatureColumn]) -> pd.DataFrame:
    """How far each driver moves the score: mean over rows of |its summed contribution|, in log odds.

    Returns:
        driver, mean_contribution; largest first.
    """
    of_column = [column.driver for column in columns]
    sums = pd.DataFrame(contributions.T).groupby(of_column).sum()
    found = sums.abs().mean(axis=1).rename("mean_contribution").rename_axis("driver").reset_index()
    return found.sort_values("mean_contribution", ascending=False, kind="stable", ignore_index=True)


def contribution_points(
    contributions: FloatArray, matrix: FloatArray, columns: Sequence[FeatureColumn], features: int = 12, rows: int = 400
) -> pd.DataFrame:
    """Contributions of single rows to their scores, for the features that move scores most.

    Args:
        contributions, matrix: log odds and encoded values per feature, shape (rows, features).
        features, rows: at most so many; rows in even steps, the same ones every time.

    Returns:
        feature (that with the largest mean absolute contribution first), contribution, level (share of the rows whose
        value is at most as high, nan where it is missing).
    """
    if not len(contributions):
        return pd.DataFrame(columns=["feature", "contribution", "level"])
    order = np.argsort(-np.abs(contributions).mean(axis=0), kind="stable")[:features]
    shown = np.unique(np.linspace(0, len(contributions) - 1, min(rows, len(contributions))).astype(int))
    parts = []
    for at in order:
        level = pd.Series(matrix[:, at]).rank(pct=True, method="max").to_numpy()[shown]
        parts.append(
            pd.DataFrame({"feature": columns[at].name, "contribution": contributions[shown, at], "level": level})
        )
    return pd.concat(parts, ignore_index=True)


def _by_driver(
    contributions: FloatArray, is_worded: BoolArray, columns: Sequence[FeatureColumn], drivers: Sequence[str]
) -> tuple[FloatArray, np.ndarray[Any, np.dtype[np.int64]]]:
    """Summed contribution per driver, and its leading worded feature (-1: none pulls in the sum's direction)."""
    sums = np.zeros((len(contributions), len(drivers)))
    leaders = np.full(sums.shape, -1, dtype=np.int64)
    for at, driver in enumerate(drivers):
        members = np.array([i for i, column in enumerate(columns) if column.driver == driver])
        parts = contributions[:, members]
        for member in members:  # one by one: the sum of a row must not depend on the number of rows
            sums[:, at] += contributions[:, member]
        pull = np.where(is_worded[:, members], parts * np.sign(sums[:, [at]]), 0.0)
        best = pull.argmax(axis=1)
        pulls = pull[np.arange(len(pull)), best] > 0
        leaders[pulls, at] = members[best[pulls]]
    return sums, leaders


def _wordings(
    values: "pd.Series[Any]", column: FeatureColumn, encoder: Encoder, at: int
) -> tuple[BoolArray, tuple[list[float | str], BoolArray]]:
    """Which rows have wording for this feature; the values, and whether they are high."""
    if column.kind == "categorical":
        texts = as_texts(values)
        worded = np.full(len(values), column.reason_low is not None)
        return worded, (cast("list[float | str]", texts.tolist()), np.zeros(len(values), dtype=bool))
    numbers = as_numbers(values)
    middle = encoder.columns[at].middle
    is_high = numbers > middle if column.kind == "flag" else numbers >= middle
    worded = np.where(is_high, column.reason_high is not None, column.reason_low is not None) & ~np.isnan(numbers)
    return worded, (cast("list[float | str]", numbers.tolist()), is_high)


def _reason(
    driver: str, column: FeatureColumn, wording: tuple[list[float | str], BoolArray], row: int, contribution: float
) -> Reason:
    value, is_high = wording[0][row], bool(wording[1][row])
    template = (column.reason_high if is_high else column.reason_low) or ""
    return Reason(
        driver=driver,
        feature=column.name,
        direction="raises" if contribution > 0 else "lowers",
        contribution=contribution,
        value=value,
        text=template.replace("{value}", format_value(value, column.unit)).format(value=value),
        action=column.action if contribution > 0 else None,
    )


def format_value(value: float | str, unit: str) -> str:
    """A value as people write it: whole days and counts, grouped amounts, two decimals for ratios and scores."""
    if isinstance(value, str):
        return value
    if unit in {"days", "count", "months", "amount"}:
        return f"{value:,.0f}"
    return f"{value:.2f}"
