"""One training of a model of amounts on a table: fit fold by fold, compare, judge, fit on all.

Belongs here: that sequence, its baselines (the mean, the mean by decile of one figure, a random forest) and gates. Does
not belong here: the learner (`ml.models.amounts`), probabilities (`ml.models.table_training`), reading the table.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.encoding import as_numbers
from ml.evaluation import MetricRow, TrainingReport, status_of
from ml.gate_results import GateResult
from ml.gates import beats_best_baseline, covers
from ml.intervals import NOMINAL
from ml.leakage import explained_shares, no_feature_gives_the_amount_away
from ml.models.amounts import FittedAmounts, TrainedAmounts, train_amounts
from ml.models.baselines import DECILES, MOST_FOREST_ROWS, TREES, forest_matrices
from ml.models.table_training import MODEL, TableTask, not_worse_than_others
from ml.splits import Fold, newest_slice
from ml.table_splits import Evaluation, inner_folds
from ml.training_frames import TrainingFrame
from ml.value_metrics import coverage_row, decile_table, metric_rows, rmse_difference, root_mean_squared_error, value_of

MEAN, RULE, FOREST = "mean", "rule", "random_forest"
LEAST_ROWS = 20
_FOREST_LEAF = 3


def too_few_amounts(frame: TrainingFrame) -> list[str]:
    """A sentence that says how many rows are lacking; empty for enough."""
    lacking = LEAST_ROWS - len(frame.data)
    found = [f"needs about {lacking} more rows (has {len(frame.data)} of {LEAST_ROWS})"] if lacking > 0 else []
    if not found and np.ptp(frame.labels) == 0:
        found.append("all amounts are equal; there is nothing to learn")
    return found


def refuse_amount_leaks(frame: TrainingFrame, task: TableTask) -> tuple[GateResult, pd.DataFrame]:
    """The leak gate, and how much of the amounts each feature explains alone (feature, explained_share)."""
    gate = no_feature_gives_the_amount_away(frame, task.allowed)
    return gate, explained_shares(frame).rename("explained_share").rename_axis("feature").reset_index()


def train_amount_table(
    frame: TrainingFrame, task: TableTask, evaluation: Evaluation
) -> tuple[TrainingReport, FittedAmounts]:
    """Judge fold by fold, then fit on all rows."""
    pooled, inside, bounds = _judge(frame, task, evaluation.folds)
    trained = train_amounts(frame, task.learner, _held_back(frame, task))
    fitted = trained.fitted[trained.kept]
    rows = np.concatenate([np.flatnonzero(fold.newer) for fold in evaluation.folds])
    actual, data = frame.labels[rows], frame.data.iloc[rows]
    gates = (*_comparisons(actual, pooled), covers(float(inside.mean()), NOMINAL, len(inside)))
    status, reasons = status_of(gates)
    first, last = data["as_of"].min().date(), data["as_of"].max().date()
    keys = data[[frame.entity, "as_of"]].reset_index(drop=True)
    tables = {
        "deciles": decile_table(actual, pooled[MODEL]),
        "drivers": fitted.drivers(data),
        "test_predictions": keys.assign(label=actual, value=pooled[MODEL], lower=bounds[0], upper=bounds[1]),
        **trained.tables,
    }
    metrics = _metrics(task.name, pooled, actual, inside, first, last)
    report = TrainingReport(
        task.name, status, (*reasons, evaluation.says, trained.choice), trained.kept, metrics, gates, tables
    )
    return report, fitted


def _held_back(frame: TrainingFrame, task: TableTask) -> list[Fold]:
    if task.has_time:
        halves = (frame.data[frame.label] > frame.data[frame.label].median()).astype(float)
        split = newest_slice(frame.data["as_of"], halves, frame.data[frame.entity], frame.gap_days)
        if split is not None and split.core.any() and split.validation.any():
            return [Fold(split.core, split.validation)]
    return inner_folds(frame, task.learner.seed, is_binary=False)


def _judge(
    frame: TrainingFrame, task: TableTask, folds: Sequence[Fold]
) -> tuple[dict[str, FloatArray], FloatArray, tuple[FloatArray, FloatArray]]:
    """Pooled predictions by method, whether the procedure's intervals held, and the intervals."""
    parts: list[dict[str, FloatArray]] = []
    lowers, uppers, inside = [], [], []
    for fold in folds:
        train, test = frame.part(fold.core), frame.part(fold.newer)
        trained = train_amounts(train, task.learner, _held_back(train, task))
        found = trained.fitted[trained.kept].predict(test.data, with_reasons=False)
        lower, upper = found["lower"].to_numpy(), found["upper"].to_numpy()
        inside.append(((test.labels >= lower) & (test.labels <= upper)).astype(np.float64))
        lowers.append(lower)
        uppers.append(upper)
        parts.append(_predictions(trained, train, test, task.learner.seed))
    pooled = {method: np.concatenate([part[method] for part in parts if method in part]) for method in parts[0]}
    rows = sum(len(part[MODEL]) for part in parts)
    whole = {method: values for method, values in pooled.items() if len(values) == rows}
    return whole, np.concatenate(inside), (np.concatenate(lowers), np.concatenate(uppers))


def _predictions(
    trained: TrainedAmounts, train: TrainingFrame, test: TrainingFrame, seed: int
) -> dict[str, FloatArray]:
    own: dict[str, FloatArray] = {
        str(method): fitted.predict(test.data, with_reasons=False)["value"].to_numpy()
        for method, fitted in trained.fitted.items()
    }
    mean = np.full(len(test.data), float(train.labels.mean()))
    rule = _rule(train, test)
    return {MODEL: own[trained.kept], **own, MEAN: mean, RULE: rule, FOREST: _forest(train, test, seed)}


def _rule(train: TrainingFrame, test: TrainingFrame) -> FloatArray:
    """Mean amount by decile of the figure whose ranks follow the amounts' best; missing is a group of its own."""
    numeric = [column.name for column in train.columns if column.kind == "numeric"]
    ranks = pd.Series(train.labels).rank()
    strength = {name: abs(train.data[name].rank().corr(ranks)) for name in numeric if train.data[name].nunique() > 1}
    if not strength:
        return np.full(len(test.data), float(train.labels.mean()))
    best = max(strength, key=lambda name: strength[name] if np.isfinite(strength[name]) else -1.0)
    values, unseen = as_numbers(train.data[best]), as_numbers(test.data[best])
    edges = np.unique(np.nanquantile(values, np.linspace(0, 1, DECILES + 1)[1:-1]))
    codes, asked = (
        np.where(np.isnan(known), len(edges) + 1, np.searchsorted(edges, known, side="left"))
        for known in (values, unseen)
    )
    sums = np.bincount(codes, train.labels, len(edges) + 2) + train.labels.mean()
    rates: FloatArray = (sums / (np.bincount(codes, minlength=len(edges) + 2) + 1.0))[asked]
    return rates


def _forest(train: TrainingFrame, test: TrainingFrame, seed: int) -> FloatArray:
    from sklearn.ensemble import RandomForestRegressor  # three seconds of import that only training needs

    chosen = np.zeros(len(train.data), dtype=bool)
    chosen[np.random.default_rng(seed).permutation(len(chosen))[:MOST_FOREST_ROWS]] = True
    part = train.part(chosen)
    ranked = part.with_labels(np.asarray(pd.Series(part.labels).rank(pct=True), dtype=np.float64))
    fitted, unseen = forest_matrices(ranked, test)
    forest = RandomForestRegressor(TREES, min_samples_leaf=_FOREST_LEAF, random_state=seed, n_jobs=1)
    return np.asarray(forest.fit(fitted, part.labels).predict(unseen), dtype=np.float64)


def _comparisons(actual: FloatArray, pooled: dict[str, FloatArray]) -> tuple[GateResult, ...]:
    """Better than what needs no learning; not worse, beyond noise, than any other learner."""

    def best_of(methods: list[str]) -> str:
        return min(methods, key=lambda method: value_of(root_mean_squared_error, actual, pooled[method]))

    simple = best_of([MEAN, RULE])
    other = best_of([method for method in pooled if method not in {MODEL, MEAN, RULE}])
    against = {method: rmse_difference(actual, pooled[MODEL], pooled[method]) for method in (simple, other)}
    return (
        beats_best_baseline({simple: against[simple]}, simple, name="beats_simple_baselines"),
        not_worse_than_others(against[other], other),
    )


def _metrics(
    name: str, pooled: dict[str, FloatArray], actual: FloatArray, inside: FloatArray, first: date, last: date
) -> tuple[MetricRow, ...]:
    rows = metric_rows(name, pooled, actual, MODEL, first, last)
    return (*rows, coverage_row(name, MODEL, inside, first, last))
