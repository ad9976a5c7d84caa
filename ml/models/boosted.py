"""Shallow, regularised, deterministic LightGBM whose size follows the data.

Belongs here: parameters, early stopping, scores and additive contributions. Does not belong here: encoding,
calibration, choosing between models.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np

from ml.arrays import FloatArray
from ml.encoding import Encoder

MOST_ROUNDS = 400
PATIENCE = 30
LEARNING_RATE = 0.05


@dataclass(frozen=True)
class BoostedModel:
    """A fitted booster.

    Attributes:
        text: LightGBM's own text form, the only state; what is predicted is what is stored.
    """

    text: str

    @cached_property
    def booster(self) -> lgb.Booster:
        """The booster of the text."""
        return lgb.Booster(model_str=self.text)

    def score(self, matrix: FloatArray) -> FloatArray:
        """Log odds, shape (rows,)."""
        if not len(matrix):
            return np.empty(0)
        return np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=1), dtype=np.float64)

    def contributions(self, matrix: FloatArray) -> FloatArray:
        """Tree SHAP values per feature (Lundberg et al. 2020), shape (rows, features), in log odds."""
        if not len(matrix):
            return np.empty(matrix.shape)
        parts = self.booster.predict(matrix, pred_contrib=True, num_threads=1)
        return np.asarray(parts, dtype=np.float64)[:, :-1]


def parameters(rows: int, rarer: int, seed: int) -> dict[str, Any]:
    """LightGBM parameters for a training set.

    Args:
        rows: training rows.
        rarer: rows of the rarer outcome; about 30 of them carry one leaf.
    """
    leaves = int(np.clip(rarer // 30, 4, 15))
    return {
        "objective": "binary",
        "metric": "binary_logloss",
        "num_leaves": leaves,
        "max_depth": 4 if leaves > 8 else 3,
        "learning_rate": LEARNING_RATE,
        "min_data_in_leaf": int(np.clip(rows // 100, 10, 200)),
        "min_data_per_group": int(np.clip(rows // 100, 10, 100)),
        "lambda_l2": 5.0,
        "feature_fraction": 0.6,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "max_bin": 63,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "seed": seed,
        "verbosity": -1,
    }


def fit_boosted(
    matrix: FloatArray,
    label: FloatArray,
    encoder: Encoder,
    *,
    seed: int,
    rounds: int = MOST_ROUNDS,
    held_back: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[BoostedModel, int]:
    """Fit, with early stopping on newer rows if given.

    Args:
        held_back: encoded rows and labels of the validation slice.

    Returns:
        The model and its number of trees.
    """
    settings = parameters(len(label), int(min(label.sum(), len(label) - label.sum())), seed)
    categories = [position for position, column in enumerate(encoder.columns) if column.form == "code"]
    train = lgb.Dataset(matrix, label, categorical_feature=categories, params=settings, free_raw_data=False)
    if held_back is None:
        booster = lgb.train(settings, train, num_boost_round=rounds)
    else:
        newer = lgb.Dataset(held_back[0], held_back[1], reference=train, params=settings)
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        booster = lgb.train(settings, train, num_boost_round=rounds, valid_sets=[newer], callbacks=[stop])
    trees = max(1, booster.best_iteration if held_back is not None else rounds)
    return BoostedModel(booster.model_to_string(num_iteration=trees)), trees
