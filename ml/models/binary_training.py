"""One training of a binary model from frame to outcome: split, check, fit, compare, judge, refit.

Order: the fallback on all rows; an out-of-time split; the leak checks on the training rows; both candidates and all
baselines on the training rows; every figure and gate on the test rows; last, the kept method is fitted by the same
procedure on all matured rows, the newest included, and that is the candidate to deploy. Belongs here: that sequence.
Does not belong here: what a label means (the models' own modules), formulas, storage.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from feature_definitions.registry import require_before_contact
from ml.arrays import BoolArray, FloatArray
from ml.binary_evaluation import BinaryEvaluation, BinaryTest, evaluate, lift_table
from ml.binary_metrics import BINS
from ml.encoding import as_numbers, fit_encoder, training_matrix
from ml.evaluation import TrainingOutcome, TrainingReport, status_of
from ml.gate_results import GateResult
from ml.gates import beats_best_baseline, covers, is_calibrated, not_worse_than_champion
from ml.intervals import NOMINAL, coverage, reliability_table
from ml.leakage import no_feature_gives_the_label_away, separations, shuffled_labels_teach_nothing
from ml.models.baselines import BASE_RATE, BaselinePredictions, predict_baselines
from ml.models.boosted import fit_boosted
from ml.models.shrunken_rates import ShrunkenRates, fit_rates
from ml.models.tabular import LINEAR, FittedClassifier, Method, TabularParams, TrainedPair, train_both
from ml.splits import TimeSplit, newest_slice, out_of_time
from ml.training_frames import TrainingFrame

Outcome = TrainingOutcome[FittedClassifier, ShrunkenRates]
_SHUFFLE_TREES = 30
COVERAGE_ROWS, MOST_COVERAGE_BINS = 100, 40


@dataclass(frozen=True)
class BinaryTask:
    """What a model tells the shared training about itself.

    Attributes:
        model: registered name.
        positives: how people call the entities with label 1 ("churned customers").
        negatives: the others.
        happened: how people say that the label is 1 ("churned within 90 days").
        rule_features: figures a person would look at first, for the rule baseline.
        groupings: features by which the fallback groups, most wanted first.
        amount: column of the money at stake; None or absent: not reported.
        least_train, least_test: entities of either outcome below which no learned model is judged.
    """

    model: str
    positives: str
    negatives: str
    happened: str
    rule_features: tuple[str, ...]
    groupings: tuple[str, ...]
    amount: str | None = None
    least_train: int = 40
    least_test: int = 10
    learner: TabularParams = field(default_factory=TabularParams)


@dataclass(frozen=True)
class _Judged:
    """A fitted pair, its evaluation and the method that is kept in the end."""

    pair: TrainedPair
    kept: Method
    evaluation: BinaryEvaluation
    baselines: BaselinePredictions
    tables: dict[str, pd.DataFrame]


def train_binary(
    frame: TrainingFrame,
    task: BinaryTask,
    champion: FittedClassifier | None = None,
    judged: BoolArray | None = None,
) -> Outcome:
    """Run the whole training; never fails for want of data.

    Args:
        champion: the deployed model, to compare on rows it was not trained on.
        judged: rows that count as test rows; all of them if None. Training rows are never restricted.

    Raises:
        PostContactError: the frame shows a model that scores before the contact what is filled in after it.
    """
    require_before_contact(task.model, frame.data.columns, frame.columns)
    fallback = fit_rates(frame, task.groupings, task.happened)
    split = _split(frame, judged)
    missing = _too_little(frame, split, task) if split.reason else _missing(frame, split, task)
    if missing:
        report = TrainingReport(task.model, "insufficient_data", tuple(missing), None)
        return TrainingOutcome(report, None, fallback)
    train, test = frame.take(split.train), frame.take(split.test)
    leak_gates = _leak_gates(train, task.learner.seed)
    if not all(gate.passed for gate in leak_gates):
        status, reasons = status_of(leak_gates)
        tables = {"separations": separations(train).rename("auc").rename_axis("feature").reset_index()}
        report = TrainingReport(task.model, status, reasons, None, (), leak_gates, tables)
        return TrainingOutcome(report, None, fallback)
    verdict = _judge(train, test, task)
    gates = (*leak_gates, *_gates(verdict, test, champion))
    status, reasons = status_of(gates)
    notes = (verdict.pair.choice,) if verdict.kept == verdict.pair.kept else (verdict.pair.choice, _SIMPLER)
    metrics = verdict.evaluation.rows(task.model, verdict.kept)
    report = TrainingReport(task.model, status, (*reasons, *notes), verdict.kept, metrics, gates, verdict.tables)
    return TrainingOutcome(report, train_both(frame, task.learner).fitted[verdict.kept], fallback)


_NO_UNSEEN_ROWS = "not applicable: the champion was trained on all rows that have an outcome"
_SIMPLER = "logistic regression kept: on the test rows the boosted model is not better beyond noise, and simpler wins"


def _split(frame: TrainingFrame, judged: BoolArray | None) -> TimeSplit:
    """The out-of-time split whose test rows, and the date on which they start, come from the judged rows."""
    if judged is None or not judged.any():
        return out_of_time(frame.data["as_of"], frame.data[frame.label], frame.gap_days)
    split = out_of_time(frame.data.loc[judged, "as_of"], frame.data.loc[judged, frame.label], frame.gap_days)
    if split.test_from is None:
        return replace(split, train=np.zeros(len(judged), dtype=bool), test=np.zeros(len(judged), dtype=bool))
    days, start = pd.to_datetime(frame.data["as_of"]), pd.Timestamp(split.test_from)
    train = (days + pd.Timedelta(days=frame.gap_days) <= start).to_numpy()
    return replace(split, train=train, test=judged & (days >= start).to_numpy())


def _too_little(frame: TrainingFrame, split: TimeSplit, task: BinaryTask) -> list[str]:
    """Why no split exists, and how many entities of which outcome are lacking in all."""
    least = task.least_train + task.least_test
    found = [split.reason or ""]
    for outcome, name in ((1, task.positives), (0, task.negatives)):
        known = frame.data.loc[frame.labels == outcome, frame.entity].nunique()
        if known < least:
            found.append(f"needs about {least - known} more {name} (has {known} of {least})")
    return found


def _missing(frame: TrainingFrame, split: TimeSplit, task: BinaryTask) -> list[str]:
    """Sentences that say how many more entities of which outcome are needed."""
    found = []
    parts = (
        ("before the test dates", split.train, task.least_train),
        ("on the test dates", split.test, task.least_test),
    )
    for where, mask, least in parts:
        for outcome, name in ((1, task.positives), (0, task.negatives)):
            rows = frame.data[mask & (frame.labels == outcome)]
            lacking = least - rows[frame.entity].nunique()
            if lacking > 0:
                found.append(f"needs about {lacking} more {name} {where} (has {least - lacking} of {least})")
    older = frame.take(split.train)
    if not found and not _can_hold_back(older):
        found.append("needs training rows on more dates: the newest ones are held back for calibration")
    return found


def _can_hold_back(train: TrainingFrame) -> bool:
    split = newest_slice(train.data["as_of"], train.data[train.label], train.data[train.entity], train.gap_days)
    return split is not None and len(np.unique(train.labels[split.core])) > 1


def _leak_gates(train: TrainingFrame, seed: int) -> tuple[GateResult, ...]:
    single = no_feature_gives_the_label_away(train)
    split = newest_slice(train.data["as_of"], train.data[train.label], train.data[train.entity], train.gap_days)
    if not single.passed or split is None:
        return (single,)

    def score(older: TrainingFrame, newer: TrainingFrame) -> FloatArray:
        encoder = fit_encoder(older)
        matrix = training_matrix(encoder, older)
        model, _ = fit_boosted(matrix, older.labels, encoder, seed=seed, rounds=_SHUFFLE_TREES)
        return model.score(encoder.transform(newer.data))

    newest: BoolArray = split.validation
    return single, shuffled_labels_teach_nothing(train, score, ~newest, seed)


def _judge(train: TrainingFrame, test: TrainingFrame, task: BinaryTask) -> _Judged:
    pair = train_both(train, task.learner)
    baselines = predict_baselines(train, test, task.rule_features, task.learner.seed)
    predictions = {name: fitted.predict(test.data, with_reasons=False) for name, fitted in pair.fitted.items()}
    columns: dict[str, FloatArray] = {name: found["value"].to_numpy() for name, found in predictions.items()}
    columns |= baselines.predictions
    amount = np.nan_to_num(as_numbers(test.data[task.amount])) if task.amount in test.data.columns else None
    keys = test.data[[test.entity, "as_of"]]
    evaluation = evaluate(BinaryTest(keys, test.entity, test.labels, columns, baselines.base_rate, amount))
    kept = pair.kept
    if kept != LINEAR and evaluation.difference(kept, LINEAR).lower <= 0:
        kept = LINEAR
    fitted = pair.fitted[kept]
    value = predictions[kept]["value"].to_numpy()
    bins = int(np.clip(len(value) // COVERAGE_ROWS, BINS, MOST_COVERAGE_BINS))
    tables = {
        "coverage": reliability_table(value, test.labels, test.data[test.entity], fitted.band, bins),
        "reliability": reliability_table(value, test.labels, test.data[test.entity], fitted.band),
        "lift": lift_table(test.labels, value),
        "drivers": fitted.drivers(test.data),
        "contributions": fitted.contribution_points(test.data),
        "test_predictions": pd.concat([keys.assign(label=test.labels), predictions[kept]], axis=1),
        **pair.tables,
    }
    return _Judged(pair, kept, evaluation, baselines, tables)


def _gates(judged: _Judged, test: TrainingFrame, champion: FittedClassifier | None) -> tuple[GateResult, ...]:
    evaluation, kept = judged.evaluation, judged.kept
    others = [
        name for name in evaluation.values if name != kept and not (kept == LINEAR and name in judged.pair.fitted)
    ]
    best = evaluation.best(others)
    share, bins = coverage(judged.tables["coverage"])
    return (
        beats_best_baseline({best: evaluation.difference(kept, best)}, best),
        beats_best_baseline(
            {BASE_RATE: evaluation.difference(kept, BASE_RATE, "brier_skill")}, BASE_RATE, name="beats_base_rate"
        ),
        is_calibrated(evaluation.values[kept]["ece"], _calibration_noise(judged)),
        covers(share, NOMINAL, bins, is_floor=True),
        _against_champion(judged, test, champion),
    )


def _calibration_noise(judged: _Judged) -> float:
    """What sampling alone does to the calibration error: of the test rows, and of the rows that set the calibration."""
    value = judged.evaluation.test.predictions[judged.kept]
    band = judged.pair.fitted[judged.kept].band
    spread = np.sqrt(value * (1 - value) / np.interp(value, band.knots, band.strengths))
    return judged.evaluation.noise_of_calibration(judged.kept, spread)


def _against_champion(judged: _Judged, test: TrainingFrame, champion: FittedClassifier | None) -> GateResult:
    """Compare with the champion on test rows newer than its training rows."""
    if champion is None:
        return not_worse_than_champion(None)
    unseen = pd.to_datetime(test.data["as_of"]).gt(pd.Timestamp(champion.trained_until)).to_numpy()
    if len(np.unique(test.labels[unseen])) < 2:
        return not_worse_than_champion(None, _NO_UNSEEN_ROWS)
    if missing := [column.name for column in champion.columns if column.name not in test.data.columns]:
        return not_worse_than_champion(
            None, f"not applicable: the champion reads {', '.join(missing)}, no longer built"
        )
    rows = test.take(unseen)
    ours = judged.pair.fitted[judged.kept].predict(rows.data, with_reasons=False)["value"].to_numpy()
    theirs = champion.predict(rows.data, with_reasons=False)["value"].to_numpy()
    both = replace(judged.evaluation.test, keys=rows.data, labels=rows.labels, amount=None)
    found = evaluate(replace(both, predictions={"challenger": ours, "champion": theirs}))
    return not_worse_than_champion(found.difference("challenger", "champion"))
