"""The methods every binary model is measured against, on the same test rows.

The base rate; one rule a person would use (rates by decile of one figure); and what a first proof of concept does, a
random forest on each entity's latest snapshot. The logistic regression is fitted by `ml.models.tabular`, where it is
the other candidate. Belongs here: fitting those on training rows and predicting test rows. Does not belong here:
metrics, gates, anything that is deployed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.binary_metrics import Ranking, auc
from ml.encoding import as_numbers, fit_encoder, training_matrix
from ml.shrinkage import estimate_prior
from ml.training_frames import TrainingFrame

BASE_RATE = "base_rate"
RULE = "rule"
FOREST = "random_forest_latest_snapshot"
TREES = 100
MOST_FOREST_ROWS = 50_000  # a hundred full trees on more rows take minutes
DECILES = 10


@dataclass(frozen=True)
class BaselinePredictions:
    """Predictions of the baselines for the test rows.

    Attributes:
        base_rate: share of positives among the training rows.
        predictions: method to probabilities, shape (test rows,).
        rule_feature: the figure the rule reads; None where the frame has none that varies.
    """

    base_rate: float
    predictions: dict[str, FloatArray]
    rule_feature: str | None


def predict_baselines(
    train: TrainingFrame, test: TrainingFrame, rule_features: Sequence[str], seed: int
) -> BaselinePredictions:
    """Fit all baselines on `train`, predict `test`.

    Args:
        rule_features: figures a person would look at first; the one that separates best on the training rows is
            used, and any numeric feature if none of them is present.
    """
    rate = float(train.labels.mean())
    predictions = {BASE_RATE: np.full(len(test.data), rate), FOREST: _forest(train, test, seed)}
    feature = _rule_feature(train, rule_features)
    if feature is not None:
        predictions[RULE] = _rule(train, test, feature)
    return BaselinePredictions(rate, predictions, feature)


def separation(score: FloatArray, labels: FloatArray) -> float:
    """AUC of a score in either direction; 0.5 where it is constant, unknown or there is one outcome only."""
    known = ~np.isnan(score)
    if not known.any():
        return 0.5
    ranking = Ranking.of(score[known])
    outcome = labels[known][None, :]
    found = float(auc(ranking.sums(outcome), ranking.sums(1 - outcome))[0])
    return max(found, 1 - found) if np.isfinite(found) else 0.5


def _rule_feature(train: TrainingFrame, preferred: Sequence[str]) -> str | None:
    numeric = [column.name for column in train.columns if column.kind == "numeric"]
    candidates = [name for name in preferred if name in train.data.columns] or numeric
    found = {name: separation(as_numbers(train.data[name]), train.labels) for name in candidates}
    return max(found, key=lambda name: found[name]) if found else None


def _rule(train: TrainingFrame, test: TrainingFrame, feature: str) -> FloatArray:
    """Smoothed rate by decile of the figure; missing is a group of its own."""
    known = as_numbers(train.data[feature])
    known = known[~np.isnan(known)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, DECILES + 1)[1:-1])) if known.size else np.empty(0)
    codes = [_deciles(as_numbers(frame.data[feature]), edges) for frame in (train, test)]
    positives = np.bincount(codes[0], train.labels, len(edges) + 2).astype(np.float64)
    rows = np.bincount(codes[0], minlength=len(edges) + 2).astype(np.float64)
    rates: FloatArray = estimate_prior(positives, rows).posterior_mean(positives, rows)[codes[1]]
    return rates


def _deciles(values: FloatArray, edges: FloatArray) -> IntArray:
    return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))


def _forest(train: TrainingFrame, test: TrainingFrame, seed: int) -> FloatArray:
    from sklearn.ensemble import RandomForestClassifier  # three seconds of import that only training needs

    newest = ~train.data.duplicated(train.entity, keep="last").to_numpy()
    if newest.sum() > MOST_FOREST_ROWS:
        dropped = np.random.default_rng(seed).permutation(np.flatnonzero(newest))[MOST_FOREST_ROWS:]
        newest[dropped] = False
    snapshot = train.part(newest)
    if len(np.unique(snapshot.labels)) < 2:
        return np.full(len(test.data), float(train.labels.mean()))
    fitted, unseen = forest_matrices(snapshot, test)
    forest = RandomForestClassifier(n_estimators=TREES, random_state=seed, n_jobs=1)
    forest.fit(fitted, snapshot.labels)
    return np.asarray(forest.predict_proba(unseen)[:, 1], dtype=np.float64)


def forest_matrices(train: TrainingFrame, test: TrainingFrame) -> tuple[FloatArray, FloatArray]:
    """Encoded rows of both, missing numbers filled with the median and missing categories with -1."""
    encoder = fit_encoder(train)
    filler = np.array([column.middle if column.form == "number" else -1.0 for column in encoder.columns])
    matrices = (training_matrix(encoder, train), encoder.transform(test.data))
    fitted, unseen = (np.where(np.isnan(matrix), filler, matrix) for matrix in matrices)
    return fitted, unseen
