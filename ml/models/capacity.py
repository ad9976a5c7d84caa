"""Which capacity a booster gets: the smallest, unless held-back rows say that a larger one is better beyond noise.

Belongs here: that ladder, the optional search on top of it, and the booster fitted on all rows. Does not belong here:
LightGBM's parameters (`ml.models.boosted`), the search itself (`ml.search`), the choice between methods.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from ml.arrays import FloatArray, logistic
from ml.binary_metrics import log_loss_terms
from ml.models.boosted import BoostedModel, Capacity, fit_boosted
from ml.models.held_back import HeldBack, Part
from ml.search import Search, search_capacity

Objective = Literal["binary", "regression", "tweedie"]
TWEEDIE_POWER = 1.5
TRIALS = "search_trials"
TRIED = "capacities"


@dataclass(frozen=True)
class BoostedFit:
    """A booster of all rows, with what its twins said of held-back rows.

    Attributes:
        score: held-back scores, in the order of `HeldBack.rows`.
        tables: `capacities` (capacity, trees, loss, is_kept) and, after a search, `search_trials`.
    """

    model: BoostedModel
    score: FloatArray
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class _Twin:
    """Held-back scores of one capacity, their loss per row and the mean number of trees."""

    capacity: Capacity
    score: FloatArray
    loss: FloatArray
    trees: int


def fit_with_capacity(
    held: HeldBack, sizes: Sequence[Capacity], objective: Objective, seed: int, budget: Search | None = None
) -> BoostedFit:
    """Climb the ladder of capacities while the loss falls beyond noise, search if asked to, fit on all rows.

    Args:
        sizes: smallest first.
        budget: of a search that starts from the rung that was kept.
    """
    kept = _twin(held, sizes[0], objective, seed)
    tried = [kept]
    for size in sizes[1:]:
        tried.append(_twin(held, size, objective, seed))
        if not held.is_better(tried[-1].loss, kept.loss):
            break
        kept = tried[-1]
    tables = {}
    if budget is not None:
        kept, tables[TRIALS] = _searched(held, kept, objective, seed, budget)
        tried += [kept] if kept not in tried else []
    rows = [(t.capacity.name, t.trees, float(t.loss.mean()), t is kept) for t in tried]
    tables[TRIED] = pd.DataFrame(rows, columns=["capacity", "trees", "loss", "is_kept"])
    model, _ = fit_boosted(
        held.whole, held.frame.labels, held.whole_encoder,
        seed=seed, capacity=kept.capacity, objective=objective, rounds=kept.trees,
    )  # fmt: skip
    return BoostedFit(model, kept.score, tables)


def loss_terms(objective: Objective, label: FloatArray, score: FloatArray) -> FloatArray:
    """Loss per row: log loss, squared error, or the Tweedie deviance of power 1.5 (Jørgensen 1987).

    Args:
        score: log odds, the amount, or the log of the expected amount.
    """
    if objective == "binary":
        return log_loss_terms(label, logistic(score))
    if objective == "regression":
        return (label - score) ** 2
    mean, power = np.exp(np.clip(score, -30.0, 30.0)), TWEEDIE_POWER
    return 2 * (
        label ** (2 - power) / ((1 - power) * (2 - power))
        - label * mean ** (1 - power) / (1 - power)
        + mean ** (2 - power) / (2 - power)
    )


def _twin(held: HeldBack, capacity: Capacity, objective: Objective, seed: int) -> _Twin:
    trees: list[int] = []

    def fit_and_score(part: Part) -> FloatArray:
        twin, grown = fit_boosted(
            part.core, part.core_labels, part.encoder,
            seed=seed, capacity=capacity, objective=objective, held_back=(part.newer, part.newer_labels),
        )  # fmt: skip
        trees.append(grown)
        return twin.score(part.newer)

    score = held.scores(fit_and_score)
    return _Twin(capacity, score, loss_terms(objective, held.labels, score), round(float(np.mean(trees))))


def _searched(
    held: HeldBack, start: _Twin, objective: Objective, seed: int, budget: Search
) -> tuple[_Twin, pd.DataFrame]:
    """The searched capacity where it is better than the ladder's beyond noise."""

    def loss(capacity: Capacity) -> float:
        return float(_twin(held, capacity, objective, seed).loss.mean())

    found, trials = search_capacity(loss, start.capacity, budget, seed)
    best = _twin(held, found, objective, seed)
    return (best if held.is_better(best.loss, start.loss) else start), trials
