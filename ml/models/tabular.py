"""The binary learner that churn, lead score and win probability share.

Two methods are fitted: a shallow boosted model and a ridge logistic regression. The newest slice of the training rows
sets the number of trees and the ridge, calibrates, gives the interval and chooses: the boosted model is kept only if
its AUC there is higher by more than one standard error, else the simpler one. Then the kept settings are fitted on
all training rows. Belongs here: that procedure and the fitted, storable classifier. Does not belong here: baselines,
test metrics and gates (`ml.models.binary_training`), or what a particular label means.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray, logistic
from ml.binary_metrics import Ranking, auc, log_loss_terms
from ml.bootstrap import bootstrap
from ml.calibration import Calibrator, fit_calibrator
from ml.encoding import Encoder, fit_encoder, training_matrix
from ml.explanations import driver_importance, explain
from ml.intervals import ProbabilityBand, fit_band
from ml.models.boosted import BoostedModel, fit_boosted
from ml.models.linear import LinearModel, fit_linear
from ml.splits import newest_slice
from ml.training_frames import TrainingFrame

Method = Literal["lightgbm", "logistic_regression"]
LINEAR: Method = "logistic_regression"
BOOSTED: Method = "lightgbm"
RIDGES = (0.001, 0.01, 0.1)
_RESAMPLES = 200


class FeatureMismatchError(ValueError):
    """The rows to predict lack a feature that the model was trained with."""


@dataclass(frozen=True)
class TabularParams:
    """Settings of the learner.

    Attributes:
        seed: of bagging and of the choice between the methods.
    """

    seed: int = 7


@dataclass(frozen=True)
class FittedClassifier:
    """A calibrated classifier with intervals and reasons.

    Attributes:
        trained_until: the newest `as_of` among its training rows (ISO date).
        rows, positives: size of its training set.
    """

    method: Method
    columns: tuple[FeatureColumn, ...]
    encoder: Encoder
    model: LinearModel | BoostedModel
    calibrator: Calibrator
    band: ProbabilityBand
    trained_until: str
    rows: int
    positives: int

    def predict(self, features: pd.DataFrame, *, with_reasons: bool = True) -> pd.DataFrame:
        """One prediction per row, with the index of `features`; a row's figures do not depend on the batch.

        Returns:
            value (calibrated probability), lower, upper (90 % interval for the rate among like rows) and, if asked
            for, reasons (list of `ml.explanations.Reason`).

        Raises:
            FeatureMismatchError: a feature is missing.
        """
        missing = [column.name for column in self.columns if column.name not in features.columns]
        if missing:
            msg = f"rows to predict lack {', '.join(missing)}; rebuild the feature tables or train anew"
            raise FeatureMismatchError(msg)
        matrix = self.encoder.transform(features)
        value = self.calibrator.apply(self.model.score(matrix))
        lower, upper = self.band.bounds(value)
        found = pd.DataFrame({"value": value, "lower": lower, "upper": upper}, index=features.index)
        if with_reasons:
            reasons = explain(features, self.model.contributions(matrix), self.columns, self.encoder)
            found["reasons"] = pd.Series(reasons, index=features.index, dtype=object)
        return found

    def drivers(self, features: pd.DataFrame) -> pd.DataFrame:
        """What moves the scores of these rows; see `ml.explanations.driver_importance`."""
        return driver_importance(self.model.contributions(self.encoder.transform(features)), self.columns)

    def save(self, folder: Path) -> None:
        """Write `classifier.json` and, for a boosted model, `booster.txt`."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {
            "method": self.method,
            "columns": [asdict(column) for column in self.columns],
            "encoder": self.encoder.to_json(),
            "calibrator": self.calibrator.to_json(),
            "band": self.band.to_json(),
            "trained_until": self.trained_until,
            "rows": self.rows,
            "positives": self.positives,
        }
        if isinstance(self.model, LinearModel):
            plain["linear"] = self.model.to_json()
        else:
            (folder / "booster.txt").write_text(self.model.text, encoding="utf-8")
        (folder / "classifier.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FittedClassifier":
        """Read what `save` wrote."""
        plain = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        model: LinearModel | BoostedModel = (
            LinearModel.from_json(plain["linear"])
            if plain["method"] == LINEAR
            else BoostedModel((folder / "booster.txt").read_text(encoding="utf-8"))
        )
        return cls(
            method=plain["method"],
            columns=tuple(FeatureColumn(**column) for column in plain["columns"]),
            encoder=Encoder.from_json(plain["encoder"]),
            model=model,
            calibrator=Calibrator.from_json(plain["calibrator"]),
            band=ProbabilityBand.from_json(plain["band"]),
            trained_until=plain["trained_until"],
            rows=plain["rows"],
            positives=plain["positives"],
        )


@dataclass(frozen=True)
class TrainedPair:
    """Both methods, and which one the validation slice keeps.

    Attributes:
        choice: a sentence with the figures behind the choice.
    """

    fitted: Mapping[Method, FittedClassifier]
    kept: Method
    choice: str


@dataclass(frozen=True)
class _Slices:
    """Encoded core and validation rows, and the encoded whole."""

    encoder: Encoder
    core: FloatArray
    core_labels: FloatArray
    newer: FloatArray
    newer_frame: TrainingFrame
    whole_encoder: Encoder
    whole: FloatArray


def train(frame: TrainingFrame, params: TabularParams) -> FittedClassifier:
    """Fit both methods and return the kept one."""
    pair = train_both(frame, params)
    return pair.fitted[pair.kept]


def train_both(frame: TrainingFrame, params: TabularParams) -> TrainedPair:
    """Fit both methods on a frame that holds both outcomes on at least two dates.

    Raises:
        ValueError: the frame has one date or one outcome only.
    """
    slices = _slices(frame)
    scores: dict[Method, FloatArray] = {}
    fitted: dict[Method, FittedClassifier] = {}
    for method in (LINEAR, BOOSTED):
        model, scores[method] = _fit(method, slices, frame.labels, params.seed)
        fitted[method] = _finish(method, model, scores[method], slices, frame)
    kept, choice = _choose(scores, slices.newer_frame, params.seed)
    return TrainedPair(fitted, kept, choice)


def _slices(frame: TrainingFrame) -> _Slices:
    split = newest_slice(frame.data["as_of"], frame.data[frame.label], frame.data[frame.entity], frame.gap_days)
    if split is None or len(np.unique(frame.labels[split.core])) < 2:
        msg = "training rows need two dates or more, and both outcomes on the older ones; use the fallback instead"
        raise ValueError(msg)
    core, newer = frame.take(split.core), frame.take(split.validation)
    encoder, whole_encoder = fit_encoder(core), fit_encoder(frame)
    return _Slices(
        encoder,
        training_matrix(encoder, core),
        core.labels,
        encoder.transform(newer.data),
        newer,
        whole_encoder,
        training_matrix(whole_encoder, frame),
    )


def _fit(
    method: Method, slices: _Slices, labels: FloatArray, seed: int
) -> tuple[LinearModel | BoostedModel, FloatArray]:
    """The model fitted on all rows, and the held-back scores of its twin fitted on the core."""
    newer_labels = slices.newer_frame.labels
    if method == BOOSTED:
        twin, trees = fit_boosted(
            slices.core, slices.core_labels, slices.encoder, seed=seed, held_back=(slices.newer, newer_labels)
        )
        whole, _ = fit_boosted(slices.whole, labels, slices.whole_encoder, seed=seed, rounds=trees)
        return whole, twin.score(slices.newer)
    scores = {
        ridge: fit_linear(slices.core, slices.core_labels, slices.encoder, ridge).score(slices.newer)
        for ridge in RIDGES
    }
    best = min(RIDGES, key=lambda ridge: float(log_loss_terms(newer_labels, logistic(scores[ridge])).mean()))
    return fit_linear(slices.whole, labels, slices.whole_encoder, best), scores[best]


def _finish(
    method: Method, model: LinearModel | BoostedModel, score: FloatArray, slices: _Slices, frame: TrainingFrame
) -> FittedClassifier:
    """Calibrate and add the interval, both from the held-back scores."""
    newer = slices.newer_frame
    calibrator = fit_calibrator(score, newer.labels)
    band = fit_band(calibrator.apply(score), newer.labels, newer.data[newer.entity], newer.data["as_of"])
    return FittedClassifier(
        method,
        frame.columns,
        slices.whole_encoder,
        model,
        calibrator,
        band,
        pd.to_datetime(frame.data["as_of"]).max().date().isoformat(),
        len(frame.data),
        int(frame.labels.sum()),
    )


def _choose(scores: Mapping[Method, FloatArray], newer: TrainingFrame, seed: int) -> tuple[Method, str]:
    """The boosted model if it is better by more than one standard error, else the linear one."""

    def difference(weights: FloatArray) -> FloatArray:
        return _auc(scores[BOOSTED], newer.labels, weights) - _auc(scores[LINEAR], newer.labels, weights)

    value = float(difference(np.ones((1, len(newer.labels))))[0])
    error = float(np.nanstd(bootstrap(difference, newer.data[newer.entity], _RESAMPLES, seed)))
    kept = BOOSTED if value > error else LINEAR
    return kept, (
        f"{kept.replace('_', ' ')} kept: on the newest training dates the boosted model's AUC is {value:+.3f} "
        f"against the linear model's, standard error {error:.3f}"
    )


def _auc(score: FloatArray, labels: FloatArray, weights: FloatArray) -> FloatArray:
    ranking = Ranking.of(score)
    return auc(ranking.sums(weights * labels), ranking.sums(weights * (1 - labels)))
