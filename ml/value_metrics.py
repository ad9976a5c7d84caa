"""How well amounts per entity were predicted: ranking, size, bias and coverage, each with a bootstrap interval.

Belongs here: metrics of predicted against realised amounts, one row per entity. Does not belong here: metrics of
probabilities (`ml.binary_metrics`) or of series through time (`ml.forecast_metrics`).
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.bootstrap import interval
from ml.evaluation import MetricRow
from ml.gates import Difference

RESAMPLES: Final = 200
DECILES: Final = 10
CELLS_AT_ONCE: Final = 1_000_000

Metric = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]


def spearman(actual: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Rank correlation; 0 where either side is constant (a constant ranks nobody).

    Args:
        actual, predicted: shape (n,); weights: how often each row was drawn, shape (draws, n), as in every metric here.

    Returns:
        Shape (draws,), as every metric here.
    """
    first, second = (_centred_ranks(values, weights) for values in (actual, predicted))
    shared = np.sum(weights * first * second, axis=1)
    norm = np.sqrt(np.sum(weights * first**2, axis=1) * np.sum(weights * second**2, axis=1))
    return np.asarray(np.divide(shared, norm, out=np.zeros_like(norm), where=norm > 1e-9))


def normalised_gini(actual: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Gini of the amounts ordered by prediction ÷ Gini ordered by themselves: 1 perfect, 0 random.

    Equal predictions share the mean amount of their group, so that their order in the table does not matter.
    """
    best, found = (_concentration(actual, key, weights) for key in (actual, predicted))
    return np.asarray(np.divide(found, best, out=np.zeros_like(best), where=best > 1e-12))


def mean_absolute_error(actual: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean of |predicted - actual|."""
    return np.asarray(weights @ np.abs(predicted - actual) / weights.sum(axis=1))


def root_mean_squared_error(actual: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Root of the mean squared error, the loss whose optimum is the expected amount."""
    return np.asarray(np.sqrt(weights @ (predicted - actual) ** 2 / weights.sum(axis=1)))


def aggregate_bias(actual: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Total predicted ÷ total realised - 1; not a number when nothing was realised."""
    total, said = weights @ actual, weights @ predicted
    return np.asarray(np.divide(said, total, out=np.full_like(total, np.nan), where=total != 0) - 1)


def decile_error(actual: FloatArray, predicted: FloatArray, weights: FloatArray) -> FloatArray:
    """Mean over predicted deciles of |mean predicted - mean realised| ÷ overall mean realised."""
    order = np.argsort(predicted, kind="stable")
    parts = min(DECILES, len(actual))
    found = [_part_error((predicted - actual)[order], drawn, parts) for drawn in weights[:, order]]
    amount = weights @ actual / weights.sum(axis=1)
    return np.asarray(np.divide(found, amount, out=np.full_like(amount, np.nan), where=amount > 0))


def _part_error(error: FloatArray, drawn: FloatArray, parts: int) -> float:
    """Mean over equal parts of |mean error|; copies of one row may fall into two parts."""
    size = float(drawn.sum())
    ends = np.round(size * np.arange(parts + 1) / parts)
    sums = np.interp(ends, np.r_[0.0, np.cumsum(drawn)], np.r_[0.0, np.cumsum(drawn * error)])
    return float(np.mean(np.abs(np.diff(sums)) / np.maximum(np.diff(ends), 1)))


def _centred_ranks(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Mid-ranks within each draw, minus their mean; shape (draws, n)."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.cumsum(counts, axis=1) - counts / 2
    return np.asarray(ranks[:, group] - weights.sum(axis=1, keepdims=True) / 2)


def _concentration(actual: FloatArray, key: FloatArray, weights: FloatArray) -> FloatArray:
    """Area between the curve of amounts, largest key first, and equality; shape (draws,)."""
    _, group = np.unique(-key, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    drawn = weights[:, order]
    counts = np.add.reduceat(drawn, starts, axis=1)
    money = np.add.reduceat(drawn * actual[order], starts, axis=1)
    size, total = counts.sum(axis=1), money.sum(axis=1)
    before = np.cumsum(money, axis=1) - money
    mean = np.divide(money, counts, out=np.zeros_like(money), where=counts > 0)
    area = np.sum(counts * before + mean * counts * (counts + 1) / 2, axis=1) / size
    share = np.divide(area, total, out=np.zeros_like(total), where=total > 0)
    return np.asarray(np.where(total > 0, share - (size + 1) / (2 * size), 0.0))


METRICS: Final[Mapping[str, Metric]] = {
    "spearman": spearman,
    "normalised_gini": normalised_gini,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "aggregate_bias": aggregate_bias,
    "decile_error": decile_error,
}


def value_of(metric: Metric, actual: FloatArray, predicted: FloatArray) -> float:
    """The metric on the rows as they are."""
    return float(metric(actual, predicted, np.ones((1, len(actual))))[0])


def draws(metric: Metric, actual: FloatArray, predicted: FloatArray, seed: int = 0) -> FloatArray:
    """Bootstrap draws of a metric; equal seeds draw equal rows, so differences between methods are paired."""
    rng, rows = np.random.default_rng(seed), len(actual)
    at_once = max(1, CELLS_AT_ONCE // max(rows, 1))
    found = []
    for start in range(0, RESAMPLES, at_once):
        drawn = (rng.integers(0, rows, rows) for _ in range(min(at_once, RESAMPLES - start)))
        weights = np.array([np.bincount(one, minlength=rows) for one in drawn], dtype=np.float64)
        found.append(metric(actual, predicted, weights))
    return np.concatenate(found)


def metric_rows(
    model: str, predictions: Mapping[str, FloatArray], actual: FloatArray, kept: str, first: date, last: date
) -> list[MetricRow]:
    """Every metric of every method on the same entities.

    Args:
        predictions: method to predicted amounts, shape (n,); `kept` names the model's own method.
        first, last: the period of the realised amounts.
    """
    rows = []
    for method, predicted in predictions.items():
        for name, metric in METRICS.items():
            lower, upper = interval(draws(metric, actual, predicted))
            value = value_of(metric, actual, predicted)
            rows.append(
                MetricRow(
                    model, method, name, value, lower, upper, len(actual), None, first, last,
                    is_baseline=method != kept,
                )
            )  # fmt: skip
    return rows


def rmse_difference(actual: FloatArray, model: FloatArray, baseline: FloatArray) -> Difference:
    """RMSE of the baseline minus that of the model, paired: positive where the model is better."""
    metric = root_mean_squared_error
    both = draws(metric, actual, baseline) - draws(metric, actual, model)
    lower, upper = (float(bound) for bound in np.quantile(both, [0.025, 0.975]))
    return Difference("rmse", value_of(metric, actual, baseline) - value_of(metric, actual, model), lower, upper)


def coverage_row(model: str, method: str, inside: FloatArray, first: date, last: date) -> MetricRow:
    """Share of entities whose realised amount lies in the interval."""
    rng = np.random.default_rng(0)
    means = np.array([inside[rng.integers(0, len(inside), len(inside))].mean() for _ in range(RESAMPLES)])
    lower, upper = interval(means)
    return MetricRow(
        model, method, "coverage", float(inside.mean()), lower, upper, len(inside), None, first, last, is_baseline=False
    )


def decile_table(actual: FloatArray, predicted: FloatArray) -> pd.DataFrame:
    """Mean predicted and realised amount by predicted decile, lowest first: decile, rows, predicted, realised."""
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(DECILES, len(actual)))
    return pd.DataFrame(
        [
            {"decile": i, "rows": len(p), "predicted": predicted[p].mean(), "realised": actual[p].mean()}
            for i, p in enumerate(parts, start=1)
        ]
    )
