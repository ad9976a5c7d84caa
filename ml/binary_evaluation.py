"""The table of all methods on the same test rows, with paired bootstrap intervals and differences.

Belongs here: from predictions to metric rows and differences. Does not belong here: formulas (`ml.binary_metrics`),
training, gates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.binary_metrics import BinaryFigures, bin_indicator, centred_residual
from ml.bootstrap import RESAMPLES, cluster_weights, interval
from ml.evaluation import MetricRow
from ml.gates import Difference

NOISE_QUANTILE = 0.95


@dataclass(frozen=True)
class BinaryTest:
    """The test rows of a binary model.

    Attributes:
        keys: entity (column `entity`) and `as_of` of each row.
        labels: 0.0/1.0, shape (rows,).
        predictions: method to probabilities, shape (rows,).
        base_rate: share of positives among the training rows, the reference of the Brier skill.
        amount: money at stake per row, or None.
    """

    keys: pd.DataFrame
    entity: str
    labels: FloatArray
    predictions: Mapping[str, FloatArray]
    base_rate: float
    amount: FloatArray | None = None


@dataclass(frozen=True)
class BinaryEvaluation:
    """Figures of every method and metric: the value, and its bootstrap draws (paired over the methods)."""

    test: BinaryTest
    values: Mapping[str, Mapping[str, float]]
    draws: Mapping[str, Mapping[str, FloatArray]]

    def noise_of_calibration(self, method: str, spread: FloatArray | None = None, seed: int = 0) -> float:
        """Calibration error that sampling alone reaches in one of twenty cases.

        Args:
            spread: standard error of each stated probability, shape (rows,); None counts the test rows only.
        """
        if spread is None:
            return float(np.nanquantile(self.draws[method]["ece_noise"], NOISE_QUANTILE))
        probability, random = self.test.predictions[method], np.random.default_rng(seed)
        member = bin_indicator(probability)
        residual = centred_residual(self.test.labels - probability, member)
        spreads = (spread @ member) / len(spread)
        found = []
        for weights in cluster_weights(self.test.keys[self.test.entity], RESAMPLES, seed):
            shift = random.normal(size=(len(weights), len(spreads))) * spreads
            sampled = (weights * residual) @ member / weights.sum(axis=1, keepdims=True)
            found.append(np.abs(sampled + shift).sum(axis=1))
        return float(np.quantile(np.concatenate(found), NOISE_QUANTILE))

    def difference(self, method: str, other: str, metric: str = "auc") -> Difference:
        """`method` minus `other` on the same draws."""
        value = self.values[method][metric] - self.values[other][metric]
        lower, upper = interval(self.draws[method][metric] - self.draws[other][metric])
        return Difference(metric, value, lower, upper)

    def best(self, methods: list[str], metric: str = "auc") -> str:
        """The method with the highest figure."""
        return max(methods, key=lambda method: self.values[method][metric])

    def rows(self, model: str, kept: str) -> tuple[MetricRow, ...]:
        """One row per method and metric; every method but `kept` is a baseline."""
        as_of = pd.to_datetime(self.test.keys["as_of"])
        first, last = as_of.min().date(), as_of.max().date()
        size, positives = len(self.test.labels), int(self.test.labels.sum())
        found = []
        for method, figures in self.values.items():
            for metric, value in figures.items():
                bounds = interval(self.draws[method][metric])
                if metric == "ece_noise":
                    value, bounds = self.noise_of_calibration(method), (float("nan"), float("nan"))
                lower, upper = (None if np.isnan(bound) else bound for bound in bounds)
                found.append(
                    MetricRow(model, method, metric, value, lower, upper, size, positives, first, last, method != kept)
                )
        return tuple(found)


def evaluate(test: BinaryTest, resamples: int = RESAMPLES, seed: int = 0) -> BinaryEvaluation:
    """All metrics of all methods, with draws by entity."""
    figures = {
        method: BinaryFigures(test.labels, prediction, test.base_rate, test.amount)
        for method, prediction in test.predictions.items()
    }
    once = np.ones((1, len(test.labels)))
    values = {
        method: {metric: float(value[0]) for metric, value in of.draws(once).items()} for method, of in figures.items()
    }
    blocks: dict[str, list[dict[str, FloatArray]]] = {method: [] for method in figures}
    for weights in cluster_weights(test.keys[test.entity], resamples, seed):
        for method, of in figures.items():
            blocks[method].append(of.draws(weights))
    draws = {
        method: {metric: np.concatenate([part[metric] for part in parts]) for metric in parts[0]}
        for method, parts in blocks.items()
    }
    return BinaryEvaluation(test, values, draws)


def lift_table(labels: FloatArray, probability: FloatArray) -> pd.DataFrame:
    """Cumulative share of positives found by share of rows, in steps of five per cent, for the lift figure.

    Returns:
        rows_share, captured_share, lift.
    """
    order = np.argsort(-probability, kind="stable")
    found = np.concatenate([[0.0], np.cumsum(labels[order])]) / max(labels.sum(), 1.0)
    shares = np.linspace(0.05, 1.0, 20)
    caught = np.interp(shares * len(labels), np.arange(len(labels) + 1), found)
    return pd.DataFrame({"rows_share": shares, "captured_share": caught, "lift": caught / shares})
