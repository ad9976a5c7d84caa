"""A small search for a booster's capacity: Optuna's TPE (Bergstra et al. 2011), seeded, within a budget.

The judge is the caller's loss on held-back training rows, never on test rows. Belongs here: the space, the budget and
the trials as plain data. Does not belong here: fitting, the rule by which a found capacity is kept
(`ml.models.capacity`), tracking (`ml.registry`).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from ml.models.boosted import Capacity

if TYPE_CHECKING:
    from optuna import Trial

FOUND = "searched"


@dataclass(frozen=True)
class Search:
    """Budget of a search; none is made unless a person asks for one.

    Attributes:
        trials: most capacities tried. The same trials on the same rows give the same result.
        seconds: no trial starts after that; a search that time ends depends on the machine, and its table says so by
            having fewer rows than `trials`.
    """

    trials: int = 30
    seconds: float = 60.0


def search_capacity(
    loss: Callable[[Capacity], float], start: Capacity, budget: Search, seed: int
) -> tuple[Capacity, pd.DataFrame]:
    """The capacity with the lowest loss, `start` among those tried.

    Args:
        loss: mean loss on held-back rows of a capacity.

    Returns:
        The capacity and one row per trial: trial, loss and the settings tried, in the order of trial.
    """
    import optuna  # two seconds of import that only a search needs

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=8))
    study.enqueue_trial(_as_suggested(start))
    tried: list[Capacity] = []

    def objective(trial: "Trial") -> float:
        tried.append(_suggest(trial, start))
        return loss(tried[-1])

    study.optimize(objective, n_trials=budget.trials, timeout=budget.seconds)
    rows = [
        {"trial": at, "loss": trial.value, **asdict(capacity)}
        for at, (trial, capacity) in enumerate(zip(study.trials, tried, strict=True))
    ]
    return tried[study.best_trial.number], pd.DataFrame(rows).drop(columns=["name"])


def _suggest(trial: "Trial", start: Capacity) -> Capacity:
    return replace(
        start,
        name=FOUND,
        leaves=trial.suggest_int("leaves", 4, 127, log=True),
        depth=-1,
        least_leaf_rows=trial.suggest_int("least_leaf_rows", 5, 300, log=True),
        learning_rate=trial.suggest_float("learning_rate", 0.01, 0.15, log=True),
        l2=trial.suggest_float("l2", 0.01, 50.0, log=True),
        feature_share=trial.suggest_float("feature_share", 0.3, 1.0),
        row_share=trial.suggest_float("row_share", 0.5, 1.0),
        rounds=2_000,
    )


def _as_suggested(start: Capacity) -> dict[str, float]:
    names = ("leaves", "least_leaf_rows", "learning_rate", "l2", "feature_share", "row_share")
    return {name: getattr(start, name) for name in names}
