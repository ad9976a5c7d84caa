"""The binary learner that churn, lead score, win probability and tables of any origin share.

Two methods are fitted: a boosted model and a ridge logistic regression. Held-back training rows (the newest slice; on
a table without dates every row once, fold by fold) set the booster's capacity, the number of trees and the ridge,
calibrate, give the interval and choose: the boosted model is kept only if its AUC there is higher by more than one
standard error, else the simpler one; a blend of both, where it is asked for, only if its loss is lower still by more
than one. Then the kept settings are fitted on all training rows. Belongs here: that procedure and the fitted, storable
classifier. Does not belong here: baselines, test metrics and gates (`ml.models.binary_training`,
`ml.models.table_training`), or what a particular label means.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray, logistic
from ml.binary_metrics import Ranking, auc, log_loss_terms
from ml.bootstrap import bootstrap
from ml.calibration import Calibrator, fit_calibrator
from ml.encoding import Encoder
from ml.explanations import contribution_points, driver_importance, explain
from ml.intervals import ProbabilityBand, fit_band
from ml.models.blended import BlendedModel, best_weight, mixed
from ml.models.boosted import BoostedModel, Capacity, capacities, rarer
from ml.models.capacity import fit_with_capacity
from ml.models.held_back import HeldBack, hold_back
from ml.models.linear import LinearModel, fit_linear
from ml.search import Search
from ml.splits import Fold, newest_slice
from ml.training_frames import TrainingFrame

Method = Literal["lightgbm", "logistic_regression", "blend"]
LINEAR: Method = "logistic_regression"
BOOSTED: Method = "lightgbm"
BLEND: Method = "blend"
RIDGES = (0.001, 0.01, 0.1)
_RESAMPLES = 200
Model = LinearModel | BoostedModel | BlendedModel


class FeatureMismatchError(ValueError):
    """The rows to predict lack a feature that the model was trained with."""


@dataclass(frozen=True)
class TabularParams:
    """Settings of the learner.

    Attributes:
        seed: of bagging, of the search and of the choice between the methods.
        sizes: capacities of the booster to try, smallest first; None: those that fit the data
            (`ml.models.boosted.capacities`).
        search: budget of a search for a better capacity; None: no search.
        blends: whether a blend of both methods is a candidate.
    """

    seed: int = 7
    sizes: tuple[Capacity, ...] | None = None
    search: Search | None = None
    blends: bool = False

    def sizes_for(self, label: FloatArray) -> tuple[Capacity, ...]:
        """The capacities to try on training rows with this label."""
        return self.sizes or capacities(len(label), rarer(label))


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
    model: Model
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

    def contribution_points(self, features: pd.DataFrame) -> pd.DataFrame:
        """Contributions row by row; see `ml.explanations.contribution_points`."""
        matrix = self.encoder.transform(features)
        return contribution_points(self.model.contributions(matrix), matrix, self.columns)

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
        plain |= _stored(self.model, folder)
        (folder / "classifier.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FittedClassifier":
        """Read what `save` wrote."""
        plain = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        return cls(
            method=plain["method"],
            columns=tuple(FeatureColumn(**column) for column in plain["columns"]),
            encoder=Encoder.from_json(plain["encoder"]),
            model=_read(plain, folder),
            calibrator=Calibrator.from_json(plain["calibrator"]),
            band=ProbabilityBand.from_json(plain["band"]),
            trained_until=plain["trained_until"],
            rows=plain["rows"],
            positives=plain["positives"],
        )


def _stored(model: Model, folder: Path) -> dict[str, Any]:
    """What of a model goes into the JSON; a booster gets a file of its own."""
    if isinstance(model, LinearModel):
        return {"linear": model.to_json()}
    if isinstance(model, BlendedModel):
        return {"weight": model.weight} | _stored(model.linear, folder) | _stored(model.boosted, folder)
    (folder / "booster.txt").write_text(model.text, encoding="utf-8")
    return {}


def _read(plain: Mapping[str, Any], folder: Path) -> Model:
    if plain["method"] == LINEAR:
        return LinearModel.from_json(plain["linear"])
    boosted = BoostedModel((folder / "booster.txt").read_text(encoding="utf-8"))
    if plain["method"] == BOOSTED:
        return boosted
    return BlendedModel(LinearModel.from_json(plain["linear"]), boosted, plain["weight"])


@dataclass(frozen=True)
class TrainedPair:
    """The methods, and which one the held-back rows keep.

    Attributes:
        choice: a sentence with the figures behind the choice.
        tables: the capacities and search trials that were compared.
    """

    fitted: Mapping[Method, FittedClassifier]
    kept: Method
    choice: str
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def train(frame: TrainingFrame, params: TabularParams) -> FittedClassifier:
    """Fit both methods and return the kept one."""
    pair = train_both(frame, params)
    return pair.fitted[pair.kept]


def train_both(frame: TrainingFrame, params: TabularParams, folds: Sequence[Fold] | None = None) -> TrainedPair:
    """Fit both methods on a frame that holds both outcomes.

    Args:
        folds: rows to hold back; the newest slice if None.

    Raises:
        ValueError: the frame has one date or one outcome only, and no folds are given.
    """
    held = hold_back(frame, folds or newest_fold(frame))
    linear, linear_score = _fit_linear(held)
    boosted = fit_with_capacity(held, params.sizes_for(frame.labels), "binary", params.seed, params.search)
    scores: dict[Method, FloatArray] = {LINEAR: linear_score, BOOSTED: boosted.score}
    fitted: dict[Method, FittedClassifier] = {
        LINEAR: _finish(LINEAR, linear, linear_score, held),
        BOOSTED: _finish(BOOSTED, boosted.model, boosted.score, held),
    }
    kept, choice = _choose(scores, held, params.seed)
    if params.blends:
        weight = best_weight(linear_score, boosted.score, held.labels)
        blend_score = mixed(linear_score, boosted.score, weight)
        fitted[BLEND] = _finish(BLEND, BlendedModel(linear, boosted.model, weight), blend_score, held)
        if _is_lower(blend_score, scores[kept], held):
            kept, choice = BLEND, f"{choice}; a blend with {weight:.0%} of the booster is better still and kept"
    return TrainedPair(fitted, kept, choice, boosted.tables)


def _is_lower(score: FloatArray, other: FloatArray, held: HeldBack) -> bool:
    """Whether the log loss of a score, once calibrated, is lower by more than one standard error."""
    losses = [log_loss_terms(held.labels, fit_calibrator(one, held.labels).apply(one)) for one in (score, other)]
    return held.is_better(losses[0], losses[1])


def newest_fold(frame: TrainingFrame) -> list[Fold]:
    """The newest dates of a frame as its one fold.

    Raises:
        ValueError: one date only, or one outcome on the older dates.
    """
    split = newest_slice(frame.data["as_of"], frame.data[frame.label], frame.data[frame.entity], frame.gap_days)
    if split is None or len(np.unique(frame.labels[split.core])) < 2:
        msg = "training rows need two dates or more, and both outcomes on the older ones; use the fallback instead"
        raise ValueError(msg)
    return [Fold(split.core, split.validation)]


def _fit_linear(held: HeldBack) -> tuple[LinearModel, FloatArray]:
    """The linear model of all rows with the best of a few ridges, and its twins' held-back scores."""

    def scores_of(ridge: float) -> FloatArray:
        return held.scores(lambda part: fit_linear(part.core, part.core_labels, part.encoder, ridge).score(part.newer))

    scores = {ridge: scores_of(ridge) for ridge in RIDGES}
    best = min(RIDGES, key=lambda ridge: float(log_loss_terms(held.labels, logistic(scores[ridge])).mean()))
    return fit_linear(held.whole, held.frame.labels, held.whole_encoder, best), scores[best]


def _finish(method: Method, model: Model, score: FloatArray, held: HeldBack) -> FittedClassifier:
    """Calibrate and add the interval, both from the held-back scores."""
    frame = held.frame
    calibrator = fit_calibrator(score, held.labels)
    return FittedClassifier(
        method,
        frame.columns,
        held.whole_encoder,
        model,
        calibrator,
        fit_band(calibrator.apply(score), held.labels, held.entities, held.as_of),
        pd.to_datetime(frame.data["as_of"]).max().date().isoformat(),
        len(frame.data),
        int(frame.labels.sum()),
    )


def _choose(scores: Mapping[Method, FloatArray], held: HeldBack, seed: int) -> tuple[Method, str]:
    """The boosted model if it is better by more than one standard error, else the linear one."""

    def difference(weights: FloatArray) -> FloatArray:
        return _auc(scores[BOOSTED], held.labels, weights) - _auc(scores[LINEAR], held.labels, weights)

    value = float(difference(np.ones((1, len(held.labels))))[0])
    error = float(np.nanstd(bootstrap(difference, held.entities, _RESAMPLES, seed)))
    kept = BOOSTED if value > error else LINEAR
    where = "the newest training dates" if held.as_of.nunique() > 1 else "held-back training rows"
    return kept, (
        f"{kept.replace('_', ' ')} kept: on {where} the boosted model's AUC is {value:+.3f} "
        f"against the linear model's, standard error {error:.3f}"
    )


def _auc(score: FloatArray, labels: FloatArray, weights: FloatArray) -> FloatArray:
    ranking = Ranking.of(score)
    return auc(ranking.sums(weights * labels), ranking.sums(weights * (1 - labels)))
