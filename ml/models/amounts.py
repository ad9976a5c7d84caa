"""The learner of amounts: what a row is worth, with an interval and reasons.

Ridge least squares, LightGBM on squared error and, for amounts that are never negative and either often zero or
heavy-tailed, LightGBM on the Tweedie likelihood (a compound of how often and how much; Jørgensen & de Souza 1994)
are fitted. Held-back training rows set sizes and choose: a booster only if its loss is lower than the ridge's by more
than one standard error. A log link, stopped early, keeps the ranks but not the total, so the Tweedie model is scaled to
the total of the held-back rows. The loss is the Tweedie deviance where Tweedie is a candidate, else the squared error;
both are least at the expected amount. Belongs here: that procedure and the fitted, storable model. Does not belong
here: baselines and gates (`ml.models.amount_training`), the value of customers over time (`ml.models.clv`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray
from ml.encoding import Encoder
from ml.explanations import driver_importance, explain
from ml.models.boosted import BoostedModel
from ml.models.capacity import Objective, fit_with_capacity, loss_terms
from ml.models.held_back import HeldBack, hold_back
from ml.models.linear import LinearModel, fit_least_squares
from ml.models.tabular import RIDGES, FeatureMismatchError, TabularParams
from ml.splits import Fold
from ml.training_frames import TrainingFrame
from ml.value_intervals import AmountBand, fit_amount_band

AmountMethod = Literal["ridge", "lightgbm", "lightgbm_tweedie"]
RIDGE: AmountMethod = "ridge"
SQUARED: AmountMethod = "lightgbm"
TWEEDIE: AmountMethod = "lightgbm_tweedie"
ZEROS, HEAVY = 0.05, 1.0
_LEAST_MEAN = 1e-3


@dataclass(frozen=True)
class FittedAmounts:
    """A model of amounts with intervals and reasons.

    Attributes:
        scale: amounts are learned in this unit (the mean absolute amount of the training rows).
        smallest: no prediction lies below; 0 for amounts that are never negative, else minus infinity.
        trained_until: the newest `as_of` among its training rows (ISO date).
    """

    method: AmountMethod
    columns: tuple[FeatureColumn, ...]
    encoder: Encoder
    model: LinearModel | BoostedModel
    scale: float
    smallest: float
    band: AmountBand
    trained_until: str
    rows: int

    def predict(self, features: pd.DataFrame, *, with_reasons: bool = True) -> pd.DataFrame:
        """One prediction per row, with the index of `features`; a row's figures do not depend on the batch.

        Returns:
            value (expected amount), lower, upper (90 % interval of the row's own amount) and, if asked for, reasons
            (contributions in the amount's unit; of a Tweedie model in log amount).

        Raises:
            FeatureMismatchError: a feature is missing.
        """
        missing = [column.name for column in self.columns if column.name not in features.columns]
        if missing:
            msg = f"rows to predict lack {', '.join(missing)}; rebuild the features or train anew"
            raise FeatureMismatchError(msg)
        matrix = self.encoder.transform(features)
        value = amounts_of(self.method, self.model.score(matrix), self.scale, self.smallest)
        lower, upper = self.band.bounds(value)
        found = pd.DataFrame({"value": value, "lower": lower, "upper": upper}, index=features.index)
        if with_reasons:
            reasons = explain(features, self._contributions(matrix), self.columns, self.encoder)
            found["reasons"] = pd.Series(reasons, index=features.index, dtype=object)
        return found

    def drivers(self, features: pd.DataFrame) -> pd.DataFrame:
        """What moves the predictions of these rows; see `ml.explanations.driver_importance`."""
        return driver_importance(self._contributions(self.encoder.transform(features)), self.columns)

    def _contributions(self, matrix: FloatArray) -> FloatArray:
        return self.model.contributions(matrix) * (1.0 if self.method == TWEEDIE else self.scale)

    def save(self, folder: Path) -> None:
        """Write `amounts.json` and, for a boosted model, `booster.txt`."""
        folder.mkdir(parents=True, exist_ok=True)
        plain = {name: getattr(self, name) for name in ("method", "scale", "smallest", "trained_until", "rows")}
        plain |= {
            "columns": [asdict(column) for column in self.columns],
            "encoder": self.encoder.to_json(),
            "band": self.band.to_json(),
        }
        if isinstance(self.model, LinearModel):
            plain["linear"] = self.model.to_json()
        else:
            (folder / "booster.txt").write_text(self.model.text, encoding="utf-8")
        (folder / "amounts.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "FittedAmounts":
        """Read what `save` wrote."""
        plain = json.loads((folder / "amounts.json").read_text(encoding="utf-8"))
        linear = plain.pop("linear", None)
        model: LinearModel | BoostedModel = (
            LinearModel.from_json(linear) if linear else BoostedModel((folder / "booster.txt").read_text("utf-8"))
        )
        parts = {
            "columns": tuple(FeatureColumn(**column) for column in plain["columns"]),
            "encoder": Encoder.from_json(plain["encoder"]),
            "band": AmountBand.from_json(plain["band"]),
        }
        return cls(**{**plain, **parts, "model": model})


@dataclass(frozen=True)
class TrainedAmounts:
    """All methods, and which one the held-back rows keep; `choice` is a sentence with the figures behind it."""

    fitted: Mapping[AmountMethod, FittedAmounts]
    kept: AmountMethod
    choice: str
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


def train_amounts(frame: TrainingFrame, params: TabularParams, folds: Sequence[Fold]) -> TrainedAmounts:
    """Fit every method that suits the amounts, and choose.

    Args:
        frame: its label is the amount.
        folds: rows to hold back.
    """
    amount = frame.labels
    scale = float(np.abs(amount).mean()) or 1.0
    smallest = 0.0 if amount.min() >= 0 else -np.inf
    ranks = np.asarray(pd.Series(amount).rank(pct=True), dtype=np.float64)
    held = hold_back(frame.with_labels(amount / scale), folds, rated=ranks)
    is_skewed = smallest == 0 and ((amount == 0).mean() > ZEROS or amount.std() > HEAVY * amount.mean())
    models: dict[AmountMethod, LinearModel | BoostedModel] = {}
    scores: dict[AmountMethod, FloatArray] = {}
    shifts: dict[AmountMethod, float] = {RIDGE: 0.0}
    models[RIDGE], scores[RIDGE] = _fit_ridge(held)
    tables: dict[str, pd.DataFrame] = {}
    objectives: dict[AmountMethod, Objective] = {SQUARED: "regression"}
    if is_skewed:
        objectives[TWEEDIE] = "tweedie"
    for method, objective in objectives.items():
        fit = fit_with_capacity(held, params.sizes_for(amount), objective, params.seed, params.search)
        models[method], shifts[method] = fit.model, _shift(fit.score, held.labels, objective)
        scores[method] = fit.score + shifts[method]
        tables |= {name if method == SQUARED else f"{name}_{method}": rows for name, rows in fit.tables.items()}
    kept, choice = _choose(held, scores, is_skewed=bool(is_skewed))
    fitted = {
        method: _finish(
            method,
            model,
            fit_amount_band(amounts_of(method, scores[method], scale, smallest), held.labels * scale, smallest),
            held,
            scale * float(np.exp(shifts[method])),
        )
        for method, model in models.items()
    }
    return TrainedAmounts(fitted, kept, choice, tables)


def constant_amount(frame: TrainingFrame) -> FittedAmounts:
    """The mean, with the interval of the amounts themselves: what can be said without learning."""
    amount = frame.labels if len(frame.labels) else np.zeros(1)
    mean, smallest = float(amount.mean()), 0.0 if amount.min() >= 0 else -np.inf
    model = LinearModel((), (), mean, 0)
    band = fit_amount_band(np.full(len(amount), mean), amount, smallest)
    return FittedAmounts(RIDGE, (), Encoder(()), model, 1.0, smallest, band, "", len(frame.labels))


def amounts_of(method: AmountMethod, score: FloatArray, scale: float, smallest: float) -> FloatArray:
    """Expected amounts of a model's scores."""
    amount = np.exp(np.clip(score, -30.0, 30.0)) if method == TWEEDIE else score
    return np.asarray(np.maximum(amount * scale, smallest), dtype=np.float64)


def _fit_ridge(held: HeldBack) -> tuple[LinearModel, FloatArray]:
    """The ridge of all rows with the best of a few penalties, and its twins' held-back scores."""

    def scores_of(ridge: float) -> FloatArray:
        return held.scores(
            lambda part: fit_least_squares(part.core, part.core_labels, part.encoder, ridge).score(part.newer)
        )

    scores = {ridge: scores_of(ridge) for ridge in RIDGES}
    best = min(RIDGES, key=lambda ridge: float(((scores[ridge] - held.labels) ** 2).mean()))
    return fit_least_squares(held.whole, held.frame.labels, held.whole_encoder, best), scores[best]


def _choose(held: HeldBack, scores: Mapping[AmountMethod, FloatArray], *, is_skewed: bool) -> tuple[AmountMethod, str]:
    def loss(method: AmountMethod) -> FloatArray:
        amount = amounts_of(method, scores[method], 1.0, _LEAST_MEAN if is_skewed else -np.inf)
        if is_skewed:
            return loss_terms("tweedie", held.labels, np.log(amount))
        return loss_terms("regression", held.labels, amount)

    losses = {method: loss(method) for method in scores}
    best = min(losses, key=lambda method: float(losses[method].mean()))
    kept = best if best != RIDGE and held.is_better(losses[best], losses[RIDGE]) else RIDGE
    name = "Tweedie deviance" if is_skewed else "mean squared error"
    figures = ", ".join(f"{method.replace('_', ' ')} {float(terms.mean()):.4g}" for method, terms in losses.items())
    return kept, f"{kept.replace('_', ' ')} kept: {name} on held-back training rows, scaled: {figures}"


def _shift(score: FloatArray, labels: FloatArray, objective: Objective) -> float:
    """What a log link lacks to reach the total of the held-back rows; nothing for scores that are amounts."""
    said = float(np.exp(np.clip(score, -30.0, 30.0)).sum())
    return float(np.log(labels.sum() / said)) if objective == "tweedie" and labels.sum() > 0 else 0.0


def _finish(
    method: AmountMethod, model: LinearModel | BoostedModel, band: AmountBand, held: HeldBack, scale: float
) -> FittedAmounts:
    frame = held.frame
    until = pd.to_datetime(frame.data["as_of"]).max().date().isoformat()
    return FittedAmounts(
        method, frame.columns, held.whole_encoder, model, scale, band.smallest, band, until, len(frame.data)
    )
