"""How well amounts per entity were predicted: ranking, size, bias and coverage, each with a bootstrap interval.

Belongs here: metrics of predicted against realised amounts, one row per entity. Does not belong here: metrics of
probabilities (`ml.binary_metrics`) or of series through time (`ml.forecast_metrics`).
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from ml.arrays import FloatArray
from ml.bootstrap import interval
from ml.evaluation import MetricRow
from ml.gates import Difference

RESAMPLES: Final = 200
DECILES: Final = 10

Metric = Callable[[FloatArray, FloatArray], float]


def spearman(actual: FloatArray, predicted: FloatArray) -> float:
    """Rank correlation; 0 where either side is constant (a constant ranks nobody)."""
    ranks = rankdata(actual), rankdata(predicted)
    if len(actual) < 2 or np.ptp(ranks[0]) == 0 or np.ptp(ranks[1]) == 0:
        return 0.0
    return float(np.corrcoef(*ranks)[0, 1])


def normalised_gini(actual: FloatArray, predicted: FloatArray) -> float:
    """Gini of the amounts ordered by prediction ÷ Gini ordered by themselves: 1 perfect, 0 random.

    Equal predictions share the mean amount of their group, so that their order in the table does not matter.
    """
    best = _concentration(actual, actual)
    return _concentration(actual, predicted) / best if best > 0 else 0.0


def _concentration(actual: FloatArray, key: FloatArray) -> float:
    total = float(actual.sum())
    if total <= 0:
        return 0.0
    _, group = np.unique(-key, return_inverse=True)
    tied = np.bincount(group, weights=actual) / np.bincount(group)
    share = np.cumsum(tied[np.sort(group)]) / total
    return float(np.mean(share) - (len(actual) + 1) / (2 * len(actual)))


def mean_absolute_error(actual: FloatArray, predicted: FloatArray) -> float:
    """Mean of |predicted - actual|."""
    return float(np.mean(np.abs(predicted - actual)))


def root_mean_squared_error(actual: FloatArray, predicted: FloatArray) -> float:
    """Root of the mean squared error, the loss whose optimum is the expected amount."""
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


def aggregate_bias(actual: FloatArray, predicted: FloatArray) -> float:
    """Total predicted ÷ total realised - 1; not a number when nothing was realised."""
    total = float(actual.sum())
    return float(predicted.sum()) / total - 1 if total else float("nan")


def decile_error(actual: FloatArray, predicted: FloatArray) -> float:
    """Mean over predicted deciles of |mean predicted - mean realised| ÷ overall mean realised."""
    total = float(np.mean(actual))
    if total <= 0:
        return float("nan")
    parts = np.array_split(np.argsort(predicted, kind="stable"), min(DECILES, len(actual)))
    return float(np.mean([abs(predicted[part].mean() - actual[part].mean()) for part in parts])) / total


METRICS: Final[Mapping[str, Metric]] = {
    "spearman": spearman,
    "normalised_gini": normalised_gini,
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "aggregate_bias": aggregate_bias,
    "decile_error": decile_error,
}


def draws(metric: Metric, actual: FloatArray, predicted: FloatArray, seed: int = 0) -> FloatArray:
    """Bootstrap draws of a metric; equal seeds draw equal rows, so differences between methods are paired."""
    rng = np.random.default_rng(seed)
    rows = (rng.integers(0, len(actual), len(actual)) for _ in range(RESAMPLES))
    return np.array([metric(actual[drawn], predicted[drawn]) for drawn in rows])


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
            value = metric(actual, predicted)
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
    return Difference("rmse", metric(actual, baseline) - metric(actual, model), lower, upper)


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
