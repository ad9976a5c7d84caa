"""Fitting the hazard, and the choice between its methods by customers that were held out.

Belongs here: cross-fitting by customer, the choice, the last fit. Does not belong here: what a fitted hazard says
(`ml.models.hazard`), follow-up (`ml.models.person_months`), judging through time (`ml.models.clv`).

Methods in order of simplicity: the base survival, a ridge logistic regression, a boosted model. A later one replaces
the one before only if customers it has not seen are foretold better by more than one standard error (decision 0003).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray, IntArray, logistic
from ml.binary_metrics import log_loss_terms
from ml.encoding import EncodedColumn, Encoder, fit_encoder, training_matrix
from ml.models import person_months
from ml.models.boosted import BoostedModel, fit_boosted
from ml.models.hazard import Design, Hazard, Method, base_log_odds
from ml.models.linear import LinearModel, fit_linear
from ml.models.renewals import renewals
from ml.models.survival import Survival
from ml.training_frames import TrainingFrame

FOLDS: Final = 3
LEAST_LEAVERS: Final = 30
RIDGES: Final = (0.05, 0.2)
LONG_TAIL: Final = 8.0
LABEL: Final = "has_left"
FOLLOW_UP_DAYS: Final = 31 * person_months.MOST_MONTHS
PERIOD_COLUMNS: Final = ("ahead", "log_ahead", "base", "term_ends", "term_runs_on")


@dataclass(frozen=True)
class _Data:
    """Person-months with everything the methods read."""

    design: Design
    encoder: Encoder
    matrix: FloatArray
    left: FloatArray
    base: FloatArray
    account: IntArray
    fold: IntArray


def fit(rows: pd.DataFrame, columns: Sequence[FeatureColumn], base: Survival, *, seed: int = 7) -> Hazard:
    """The hazard of rows that were watched.

    Args:
        rows: of `person_months.watched`, with segment and the features.
        columns: the features that may be used; those without any value here are left out.
        base: survival of all spells known at the origin.
    """
    leavers = int(rows.loc[rows["has_left"] > 0, "account_id"].nunique())
    known = tuple(column for column in columns if column.name in rows and rows[column.name].notna().any())
    if leavers < LEAST_LEAVERS or not known:
        return Hazard(base, choice=f"base kept: {leavers} customers left while their features were known")
    data = _data(rows, known, base)
    ridge, linear = _ridge(data)
    trees, boosted = _trees(data, seed)
    method, choice = _choose(data, {"logistic_regression": linear, "lightgbm": boosted})
    reach = int(rows["seen_months"].max())
    if method == "base":
        return Hazard(base, choice=choice)
    model: LinearModel | BoostedModel
    if method == "lightgbm":
        model, _ = fit_boosted(data.matrix, data.left, data.encoder, seed=seed, rounds=trees)
    else:
        model = fit_linear(data.matrix, data.left, data.encoder, ridge)
    return Hazard(base, method, model, data.design, reach, choice)


def _data(rows: pd.DataFrame, columns: tuple[FeatureColumn, ...], base: Survival) -> _Data:
    spread, reach = person_months.spread(rows), int(rows["seen_months"].max())
    frame = TrainingFrame(rows, "account_id", columns, LABEL, FOLLOW_UP_DAYS, 0, "")
    encoder = fit_encoder(frame)
    encoded = training_matrix(encoder, frame)
    design = Design(columns, encoder, _skewed(encoder, encoded))
    base_odds = base_log_odds(base, rows, reach)[spread.row, spread.ahead - 1]
    matrix = design.person_months(
        design.straightened(encoded)[spread.row], renewals(rows).take(spread.row), spread.ahead, base_odds, reach
    )
    accounts = rows["account_id"]
    codes, fold = pd.factorize(accounts)[0].astype(np.int64), person_months.folds(accounts, FOLDS)
    wide = Encoder((*encoder.columns, *(EncodedColumn(name, "number") for name in PERIOD_COLUMNS)))
    return _Data(design, wide, matrix, spread.left, base_odds, codes[spread.row], fold[spread.row])


def _skewed(encoder: Encoder, matrix: FloatArray) -> tuple[int, ...]:
    """Numbers that are never negative and whose largest values are far from the usual ones."""
    found = []
    for position, column in enumerate(encoder.columns):
        values = matrix[:, position][np.isfinite(matrix[:, position])]
        if column.form == "number" and len(values) and values.min() >= 0:
            middle, high = np.quantile(values, [0.5, 0.99])
            if high > LONG_TAIL * max(middle, 1.0):
                found.append(position)
    return tuple(found)


def _ridge(data: _Data) -> tuple[float, FloatArray]:
    """The best penalty, and the log odds it gives to each person-month by a model without that customer."""
    held = {ridge: np.empty(len(data.left)) for ridge in RIDGES}
    for part in range(FOLDS):
        out = data.fold == part
        for ridge, score in held.items():
            score[out] = fit_linear(data.matrix[~out], data.left[~out], data.encoder, ridge).score(data.matrix[out])
    best = min(RIDGES, key=lambda ridge: float(log_loss_terms(data.left, logistic(held[ridge])).mean()))
    return best, held[best]


def _trees(data: _Data, seed: int) -> tuple[int, FloatArray]:
    """The usual number of trees at which the held-out customers were foretold best, and their log odds."""
    held, trees = np.empty(len(data.left)), []
    for part in range(FOLDS):
        out = data.fold == part
        model, rounds = fit_boosted(
            data.matrix[~out],
            data.left[~out],
            data.encoder,
            seed=seed,
            held_back=(data.matrix[out], data.left[out]),
        )
        held[out] = model.score(data.matrix[out])
        trees.append(rounds)
    return int(np.median(trees)), held


def _choose(data: _Data, held: dict[Method, FloatArray]) -> tuple[Method, str]:
    """The last method in order of simplicity that is better than the one kept so far by a standard error."""
    kept: Method = "base"
    losses = {kept: log_loss_terms(data.left, logistic(data.base))}
    parts = []
    for method, score in held.items():
        losses[method] = log_loss_terms(data.left, logistic(score))
        gain = np.bincount(data.account, losses[kept] - losses[method])
        error = float(np.sqrt(np.sum((gain - gain.mean()) ** 2)))
        parts.append(f"{method} against {kept} {gain.sum():+.1f} ± {error:.1f}")
        kept = method if gain.sum() > error else kept
    return kept, f"{kept} kept: log likelihood of held-out customers, {', '.join(parts)}".replace("_", " ")
