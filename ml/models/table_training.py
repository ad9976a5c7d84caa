"""One training of a binary model on a table of unknown origin: check, fit fold by fold, compare, judge, fit on all.

Every fold trains the whole procedure anew on its own training rows (encoding, capacity, calibration, choice of the
method) and predicts its test rows, so the pooled figures are those of the procedure, named `model`; each method
stands beside it. Belongs here: that sequence and its gates. Does not belong here: amounts
(`ml.models.amount_training`), company models (`ml.models.binary_training`), reading the table (`ml.tables`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray
from ml.binary_evaluation import BinaryEvaluation, BinaryTest, evaluate, lift_table
from ml.binary_metrics import BINS
from ml.encoding import fit_encoder, training_matrix
from ml.evaluation import TrainingReport, status_of
from ml.gate_results import GateResult
from ml.gates import Difference, beats_best_baseline, covers, is_calibrated
from ml.intervals import NOMINAL, ProbabilityBand, coverage, reliability_table
from ml.leakage import no_feature_gives_the_label_away, separations, shuffled_labels_teach_nothing
from ml.models.baselines import BASE_RATE, FOREST, RULE, predict_baselines
from ml.models.boosted import fit_boosted
from ml.models.tabular import FittedClassifier, TabularParams, TrainedPair, train_both
from ml.splits import Fold, newest_slice
from ml.table_splits import Evaluation, inner_folds, stratified_folds
from ml.training_frames import TrainingFrame

MODEL = "model"
LEAST_OF_EITHER = 10
COVERAGE_ROWS, MOST_COVERAGE_BINS = 100, 40
_SHUFFLE_TREES = 30
_MOST_CELLS, _FEWEST_RESAMPLES, _MOST_RESAMPLES = 20_000_000, 100, 500


@dataclass(frozen=True)
class TableTask:
    """What a training on a table is told.

    Attributes:
        name: of the model in reports.
        allowed: features that may give the label away, because a person says that they are known in time.
        has_time: rows have dates, so the newest are held back; else rows are held back fold by fold.
    """

    name: str
    learner: TabularParams
    allowed: tuple[str, ...] = ()
    has_time: bool = False


def too_few(frame: TrainingFrame) -> list[str]:
    """Sentences that say how many entities of which outcome are lacking; empty for enough."""
    found = []
    for outcome, name in ((1, "positive"), (0, "negative")):
        known = frame.data.loc[frame.labels == outcome, frame.entity].nunique()
        if known < LEAST_OF_EITHER:
            found.append(f"needs about {LEAST_OF_EITHER - known} more {name} cases (has {known} of {LEAST_OF_EITHER})")
    return found


def refuse_leaks(frame: TrainingFrame, task: TableTask) -> tuple[GateResult, pd.DataFrame]:
    """The leak gate, and how far each feature alone separates the outcomes (feature, auc)."""
    gate = no_feature_gives_the_label_away(frame, task.allowed)
    return gate, separations(frame).rename("auc").rename_axis("feature").reset_index()


def train_table(
    frame: TrainingFrame, task: TableTask, evaluation: Evaluation
) -> tuple[TrainingReport, FittedClassifier]:
    """Judge fold by fold, then fit on all rows.

    Args:
        frame: rows with both outcomes, without leaks.
    """
    judged = _judge(frame, task, evaluation.folds)
    pair = train_both(frame, task.learner, held_back_folds(frame, task))
    fitted = pair.fitted[pair.kept]
    value = judged.test.predictions[MODEL]
    test_rows = np.concatenate([np.flatnonzero(fold.newer) for fold in evaluation.folds])
    tables = _tables(judged, fitted, frame.data.iloc[test_rows]) | dict(pair.tables)
    share, bins = coverage(tables["coverage"])
    gates = (
        shuffle_gate(frame, task.learner.seed),
        *_comparisons(judged),
        is_calibrated(judged.values[MODEL]["ece"], _calibration_noise(judged, value, fitted.band)),
        covers(share, NOMINAL, bins, is_floor=True),
    )
    status, reasons = status_of(gates)
    notes = (evaluation.says, pair.choice)
    metrics = judged.rows(task.name, MODEL)
    report = TrainingReport(task.name, status, (*reasons, *notes), pair.kept, metrics, gates, tables)
    return report, fitted


def held_back_folds(frame: TrainingFrame, task: TableTask) -> list[Fold] | None:
    """Rows held back from a fit: the newest (None), or without dates to tell them some of all."""
    if task.has_time and _newest_is_usable(frame):
        return None
    return inner_folds(frame, task.learner.seed, is_binary=True)


def _newest_is_usable(frame: TrainingFrame) -> bool:
    split = newest_slice(frame.data["as_of"], frame.data[frame.label], frame.data[frame.entity], frame.gap_days)
    return split is not None and all(len(np.unique(frame.labels[m])) == 2 for m in (split.core, split.validation))


def shuffle_gate(frame: TrainingFrame, seed: int) -> GateResult:
    """The learner taught with shuffled labels must predict such labels no better than chance."""

    def score(older: TrainingFrame, newer: TrainingFrame) -> FloatArray:
        encoder = fit_encoder(older)
        model, _ = fit_boosted(training_matrix(encoder, older), older.labels, encoder, seed=seed, rounds=_SHUFFLE_TREES)
        return model.score(encoder.transform(newer.data))

    core: BoolArray = stratified_folds(frame, 4, seed, is_binary=True)[0].core
    return shuffled_labels_teach_nothing(frame, score, core, seed)


def _judge(frame: TrainingFrame, task: TableTask, folds: Sequence[Fold]) -> BinaryEvaluation:
    """Predictions of every fold's test rows by what was trained on its other rows, pooled and measured."""
    parts: list[dict[str, FloatArray]] = []
    for fold in folds:
        train, test = frame.part(fold.core), frame.part(fold.newer)
        pair = train_both(train, task.learner, held_back_folds(train, task))
        parts.append(_predictions(pair, train, test, task.learner.seed))
    rows = np.concatenate([np.flatnonzero(fold.newer) for fold in folds])
    pooled = {method: np.concatenate([part[method] for part in parts]) for method in parts[0]}
    keys = frame.data[[frame.entity, "as_of"]].iloc[rows].reset_index(drop=True)
    rate = float(frame.labels.mean() if len(folds) > 1 else frame.labels[folds[0].core].mean())
    resamples = int(np.clip(_MOST_CELLS // len(rows), _FEWEST_RESAMPLES, _MOST_RESAMPLES))
    return evaluate(BinaryTest(keys, frame.entity, frame.labels[rows], pooled, rate), resamples)


def _predictions(pair: TrainedPair, train: TrainingFrame, test: TrainingFrame, seed: int) -> dict[str, FloatArray]:
    found: dict[str, FloatArray] = {
        str(method): fitted.predict(test.data, with_reasons=False)["value"].to_numpy()
        for method, fitted in pair.fitted.items()
    }
    baselines = predict_baselines(train, test, (), seed).predictions
    rule = baselines.get(RULE, baselines[BASE_RATE])  # without a number there is no rule
    return {MODEL: found[pair.kept], **found, BASE_RATE: baselines[BASE_RATE], RULE: rule, FOREST: baselines[FOREST]}


def _comparisons(judged: BinaryEvaluation) -> tuple[GateResult, ...]:
    """Better than what needs no learning; not worse, beyond noise, than any other learner."""
    simple = judged.best([BASE_RATE, RULE])
    others = [method for method in judged.values if method not in {MODEL, BASE_RATE, RULE}]
    best = judged.best(others)
    return (
        beats_best_baseline({simple: judged.difference(MODEL, simple)}, simple, name="beats_simple_baselines"),
        beats_best_baseline(
            {BASE_RATE: judged.difference(MODEL, BASE_RATE, "brier_skill")}, BASE_RATE, name="beats_base_rate"
        ),
        not_worse_than_others(judged.difference(MODEL, best), best),
    )


def not_worse_than_others(difference: Difference, best: str) -> GateResult:
    """The procedure is not worse than the best single method beyond sampling noise (upper bound >= 0)."""
    passed = difference.upper >= 0
    reason = (
        f"{'not worse' if passed else 'worse'} than {best.replace('_', ' ')}: difference in {difference.metric} "
        f"{difference.value:+.3f} (95 % interval {difference.lower:+.3f} to {difference.upper:+.3f})"
    )
    return GateResult("not_worse_than_other_learners", passed, reason, difference.upper, 0.0)


def _calibration_noise(judged: BinaryEvaluation, value: FloatArray, band: ProbabilityBand) -> float:
    """Calibration error that sampling reaches: of the test rows, and of the rows that set the calibration."""
    spread = np.sqrt(value * (1 - value) / np.interp(value, band.knots, band.strengths))
    return judged.noise_of_calibration(MODEL, spread)


def _tables(judged: BinaryEvaluation, fitted: FittedClassifier, rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    test, value = judged.test, judged.test.predictions[MODEL]
    entity = test.keys[test.entity]
    bins = int(np.clip(len(value) // COVERAGE_ROWS, BINS, MOST_COVERAGE_BINS))
    lower, upper = fitted.band.bounds(value)
    return {
        "coverage": reliability_table(value, test.labels, entity, fitted.band, bins),
        "reliability": reliability_table(value, test.labels, entity, fitted.band),
        "lift": lift_table(test.labels, value),
        "drivers": fitted.drivers(rows),
        "test_predictions": test.keys.assign(label=test.labels, value=value, lower=lower, upper=upper),
    }
