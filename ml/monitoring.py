"""A deployed model over time: what its past statements were worth once the outcome was known, and whether to retrain.

Belongs here: figures of matured statements beside those promised at training, and the rule that turns drift,
performance, new outcomes and age into one advice. Does not belong here: the distances (`ml.drift`), which statements
may be judged and where they lie (`orchestration.learning.watching`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import pandas as pd

from ml.binary_evaluation import BinaryTest, evaluate
from ml.bootstrap import interval
from ml.drift import Shift
from ml.gates import LARGEST_CALIBRATION_ERROR

Advice = Literal["retrain", "watch", "none"]
# Metric -> whether more is better.
JUDGED: Final[Mapping[str, bool]] = {"auc": True, "pr_auc": True, "brier_skill": True, "ece": False}
LEAST_OUTCOMES: Final = 5
NAMED: Final = 3
_SERVED = "served"


@dataclass(frozen=True)
class Figure:
    """One metric of matured statements beside what the training promised.

    Attributes:
        value, lower, upper: realised, with its 95 % bootstrap interval by entity.
        promised, promised_lower, promised_upper: of the training's own test rows; None where it was not judged.
        is_worse: worse than promised by more than the noise of both.
    """

    metric: str
    value: float
    lower: float
    upper: float
    promised: float | None
    promised_lower: float | None
    promised_upper: float | None
    rows: int
    positives: int

    @property
    def is_worse(self) -> bool:
        """Whether the difference lies on the bad side of its 95 % interval (independent samples)."""
        if self.promised is None or self.promised_lower is None or self.promised_upper is None:
            return False
        gained = self.value - self.promised
        if JUDGED[self.metric]:
            return gained + float(np.hypot(self.upper - self.value, self.promised - self.promised_lower)) < 0
        return gained - float(np.hypot(self.value - self.lower, self.promised_upper - self.promised)) > 0


@dataclass(frozen=True)
class Limits:
    """When a person is told to retrain.

    Attributes:
        new_outcomes_share: newly matured rows in relation to those trained on.
        max_age_days: days since the newest row it learned from.
    """

    new_outcomes_share: float = 0.25
    max_age_days: int = 365


@dataclass(frozen=True)
class Evidence:
    """What is known of a deployed model on one day.

    Attributes:
        is_fallback: no learned model is served.
        trained_rows, new_outcomes: rows learned from, and rows whose outcome became known since.
        learned_until: the newest as_of it learned from; None: from none.
        figures: of all matured statements; empty before the first.
        features, score: shifts against the training rows; score None where nothing was scored.
    """

    is_fallback: bool
    trained_rows: int
    new_outcomes: int
    learned_until: date | None
    figures: Sequence[Figure]
    features: Sequence[Shift]
    score: Shift | None


def realised(
    statements: pd.DataFrame, entity: str, promised: Mapping[str, tuple[float, float | None, float | None]], rate: float
) -> tuple[Figure, ...]:
    """Figures of statements whose outcome is known; none below five rows of either outcome.

    Args:
        statements: entity, as_of, value (stated probability), label (0/1).
        promised: metric to (value, lower, upper) of the training's test rows.
        rate: share of positives there, the reference of the Brier skill.
    """
    label = statements["label"].to_numpy(dtype=np.float64)
    positives = int(label.sum())
    if min(positives, len(label) - positives) < LEAST_OUTCOMES:
        return ()
    value = statements["value"].to_numpy(dtype=np.float64)
    found = evaluate(BinaryTest(statements[[entity, "as_of"]], entity, label, {_SERVED: value}, rate))
    figures = []
    for metric in JUDGED:
        lower, upper = interval(found.draws[_SERVED][metric])
        told, at_least, at_most = promised.get(metric, (None, None, None))
        if metric == "ece" and at_most is not None:
            # Few rows show a calibration error even where every probability is true.
            at_most = max(at_most, found.noise_of_calibration(_SERVED), LARGEST_CALIBRATION_ERROR)
        value_now = found.values[_SERVED][metric]
        figures.append(Figure(metric, value_now, lower, upper, told, at_least, at_most, len(label), positives))
    return tuple(figures)


def advise(evidence: Evidence, today: date, limits: Limits) -> tuple[Advice, tuple[str, ...]]:
    """What to do about a model, and why, the gravest reason first."""
    retrain = [*_worse(evidence.figures), *_score(evidence.score), *_outcomes(evidence, limits)]
    retrain += _age(evidence, today, limits)
    watch = _features(evidence.features)
    if retrain:
        return "retrain", (*retrain, *watch)
    return ("watch", watch) if watch else ("none", ("nothing speaks for another training",))


def _worse(figures: Sequence[Figure]) -> list[str]:
    return [
        f"{figure.metric} of {figure.rows:,} matured statements is {figure.value:.3f} "
        f"[{figure.lower:.3f}, {figure.upper:.3f}], promised were {figure.promised:.3f}"
        for figure in figures
        if figure.is_worse
    ]


def _score(score: Shift | None) -> list[str]:
    if score is None or not score.is_shifted:
        return []
    return [f"the scores have shifted: PSI {score.psi:.2f} (limit {score.limit:.2f})"]


def _outcomes(evidence: Evidence, limits: Limits) -> list[str]:
    enough = max(1.0, limits.new_outcomes_share * evidence.trained_rows)
    if evidence.new_outcomes < enough:
        return []
    served = "; none is learned yet" if evidence.is_fallback else ""
    return [
        f"{evidence.new_outcomes:,} outcomes became known since ({evidence.trained_rows:,} were learned from){served}"
    ]


def _age(evidence: Evidence, today: date, limits: Limits) -> list[str]:
    if evidence.is_fallback or evidence.learned_until is None:
        return []
    days = (today - evidence.learned_until).days
    if days <= limits.max_age_days:
        return []
    return [f"the newest row it learned from is {days} days old (limit {limits.max_age_days})"]


def _features(shifts: Sequence[Shift]) -> tuple[str, ...]:
    shifted = [shift for shift in shifts if shift.is_shifted]
    if not shifted:
        return ()
    named = ", ".join(f"{shift.name} (PSI {shift.psi:.2f})" for shift in shifted[:NAMED])
    return (f"{len(shifted)} of {len(shifts)} features have shifted, most of all {named}",)
