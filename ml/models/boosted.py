"""Regularised, deterministic LightGBM in several capacities; which one, the held-back rows decide.

Belongs here: the capacities, parameters, early stopping, scores and additive contributions. Does not belong here:
encoding, calibration, choosing between capacities or models (`ml.models.tabular`, `ml.models.amounts`).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import lightgbm as lgb
import numpy as np

from ml.arrays import FloatArray
from ml.encoding import Encoder

PATIENCE = 30
EVENTS_PER_LEAF = 30
LEAST_EVENTS_TO_GROW = 200


@dataclass(frozen=True)
class Capacity:
    """How much a booster may learn.

    Attributes:
        leaves: most leaves of a tree.
        depth: deepest tree; -1 for no bound.
        least_leaf_rows: fewest rows of a leaf.
        feature_share, row_share: drawn anew for every tree.
        rounds: most trees; early stopping ends sooner.
    """

    name: str
    leaves: int
    depth: int
    least_leaf_rows: int
    learning_rate: float = 0.05
    l2: float = 5.0
    feature_share: float = 0.6
    row_share: float = 0.8
    bins: int = 63
    rounds: int = 400


def capacities(rows: int, rarer: int) -> tuple[Capacity, ...]:
    """Capacities to try on a training set, smallest first.

    About 30 events carry one leaf of the smallest; the larger ones need `LEAST_EVENTS_TO_GROW` events to be tried.

    Args:
        rows: training rows.
        rarer: rows of the rarer outcome; for amounts, rows.
    """
    leaves = int(np.clip(rarer // EVENTS_PER_LEAF, 4, 15))
    shallow = Capacity("shallow", leaves, 4 if leaves > 8 else 3, int(np.clip(rows // 100, 10, 200)))
    if rarer < LEAST_EVENTS_TO_GROW:
        return (shallow,)
    return (
        shallow,
        Capacity("medium", 15, 6, 20, l2=2.0, bins=255, rounds=1_000),
        Capacity("deep", 63, -1, 20, l2=1.0, bins=255, rounds=2_000),
    )


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


def parameters(capacity: Capacity, rows: int, seed: int, objective: str = "binary") -> dict[str, Any]:
    """LightGBM parameters.

    Args:
        rows: training rows.
        objective: `binary`, `regression` or `tweedie`, in LightGBM's words.
    """
    return {
        "objective": objective,
        "metric": "binary_logloss" if objective == "binary" else objective,
        "num_leaves": capacity.leaves,
        "max_depth": capacity.depth,
        "learning_rate": capacity.learning_rate,
        "min_data_in_leaf": capacity.least_leaf_rows,
        "min_data_per_group": int(np.clip(rows // 100, 10, 100)),
        "lambda_l2": capacity.l2,
        "feature_fraction": capacity.feature_share,
        "bagging_fraction": capacity.row_share,
        "bagging_freq": 1,
        "max_bin": capacity.bins,
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
    capacity: Capacity | None = None,
    objective: str = "binary",
    rounds: int | None = None,
    held_back: tuple[FloatArray, FloatArray] | None = None,
) -> tuple[BoostedModel, int]:
    """Fit, with early stopping on newer rows if given.

    Args:
        capacity: the smallest one of `capacities` if None.
        rounds: trees; the capacity's if None.
        held_back: encoded rows and labels of the validation slice.

    Returns:
        The model and its number of trees.
    """
    size = capacity or capacities(len(label), rarer(label))[0]
    most = rounds or size.rounds
    settings = parameters(size, len(label), seed, objective)
    categories = [position for position, column in enumerate(encoder.columns) if column.form == "code"]
    train = lgb.Dataset(matrix, label, categorical_feature=categories, params=settings, free_raw_data=False)
    if held_back is None:
        booster = lgb.train(settings, train, num_boost_round=most)
    else:
        newer = lgb.Dataset(held_back[0], held_back[1], reference=train, params=settings)
        stop = lgb.early_stopping(PATIENCE, verbose=False)
        booster = lgb.train(settings, train, num_boost_round=most, valid_sets=[newer], callbacks=[stop])
    trees = max(1, booster.best_iteration if held_back is not None else most)
    return BoostedModel(booster.model_to_string(num_iteration=trees)), trees


def rarer(label: FloatArray) -> int:
    """Rows of the rarer outcome; for amounts, all rows."""
    if np.isin(label, (0.0, 1.0)).all():
        return int(min(label.sum(), len(label) - label.sum()))
    return len(label)
