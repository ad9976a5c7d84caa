"""The gates before promotion: pure functions from figures to a verdict with its sentence.

Belongs here: what must hold of a trained model, with the bound. Does not belong here: computing the figures, running
the gates, Dagster checks.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml.gate_results import GateResult as GateResult

LARGEST_CALIBRATION_ERROR = 0.03
COVERAGE_TOLERANCE = 0.05
NOISE_TAIL = 0.025


@dataclass(frozen=True)
class Difference:
    """A paired difference between two methods on the same rows, positive where the first is better.

    Attributes:
        metric: what was compared ("auc").
        lower, upper: bootstrap interval.
    """

    metric: str
    value: float
    lower: float
    upper: float


def beats_best_baseline(
    differences: Mapping[str, Difference], best: str, *, name: str = "beats_best_baseline"
) -> GateResult:
    """The model is better than the best baseline beyond sampling noise (lower bound of the difference > 0).

    Args:
        differences: model minus baseline, by baseline.
        best: the baseline with the best figure on the test rows.
    """
    found = differences[best]
    passed = found.lower > 0
    verdict = "better than" if passed else "not better than"
    reason = (
        f"{verdict} {best.replace('_', ' ')}: difference in {found.metric} {found.value:+.3f} "
        f"(95 % interval {found.lower:+.3f} to {found.upper:+.3f})"
    )
    return GateResult(name, passed, reason, found.lower, 0.0)


def is_calibrated(error: float, noise_bound: float) -> GateResult:
    """Calibration error at most 0.03, or no larger than a perfectly calibrated model would show on as few rows.

    Args:
        error: expected calibration error, 10 bins.
        noise_bound: 95 % quantile of that error if the stated probabilities were true.
    """
    bound = max(LARGEST_CALIBRATION_ERROR, noise_bound)
    passed = error <= bound
    verdict = "is within" if passed else "exceeds"
    reason = f"calibration error {error:.3f} {verdict} {bound:.3f} (sampling noise alone reaches {noise_bound:.3f})"
    return GateResult("is_calibrated", passed, reason, error, bound)


def covers(
    coverage: float, nominal: float, events: float, *, is_floor: bool = False, name: str = "interval_coverage"
) -> GateResult:
    """Realised coverage within five points of nominal, or within what chance makes of exact intervals.

    Chance is binomial, not normal: of ten 90 % intervals all ten hold in one case out of three.

    Args:
        is_floor: only too narrow intervals fail; for a check whose own noise makes exact intervals cover more than
            they promise (observed rates of small groups against the interval of a probability).
        events: how many independent cases the coverage was counted on (an effective number where weights differ).
    """
    cases = max(1, round(events))
    from scipy.stats import binom  # judging needs scipy, loading the asset graph does not

    by_chance = binom.ppf([NOISE_TAIL, 1 - NOISE_TAIL], cases, nominal) / cases
    low, high = min(nominal - COVERAGE_TOLERANCE, by_chance[0]), max(nominal + COVERAGE_TOLERANCE, by_chance[1])
    high = math.inf if is_floor else high
    passed = bool(low <= coverage <= high)
    verdict = "within" if passed else "outside"
    reason = (
        f"intervals of {nominal:.0%} cover {coverage:.0%} of what happened; {verdict} {low:.0%} to {min(high, 1):.0%}, "
        f"which {cases} independent cases allow"
    )
    return GateResult(name, passed, reason, coverage, float(low if coverage < nominal else min(high, 1)))


def not_worse_than_champion(difference: Difference | None, why_not: str = "") -> GateResult:
    """The challenger is not significantly worse than the champion on rows neither was trained on.

    Args:
        difference: challenger minus champion; None where the comparison does not apply.
        why_not: the sentence that says why it does not.
    """
    if difference is None:
        return GateResult("not_worse_than_champion", passed=True, reason=why_not or "not applicable: no champion yet")
    passed = difference.upper >= 0
    reason = (
        f"{'not worse' if passed else 'worse'} than the champion: difference in {difference.metric} "
        f"{difference.value:+.3f} (95 % interval {difference.lower:+.3f} to {difference.upper:+.3f})"
    )
    return GateResult("not_worse_than_champion", passed, reason, difference.upper, 0.0)


def has_same_schema(expected: Sequence[str], found: Sequence[str]) -> GateResult:
    """The model's input columns equal those of the feature view, in order.

    Args:
        expected, found: columns, each as text that tells all that must be equal (`FeatureColumn.signature`).
    """
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    passed = list(expected) == list(found)
    parts = [f"missing: {', '.join(missing)}" if missing else "", f"unknown: {', '.join(extra)}" if extra else ""]
    detail = "; ".join(part for part in parts if part) or "the order differs"
    reason = "input columns equal the feature view's" if passed else f"input columns differ from the view's ({detail})"
    return GateResult("has_same_schema", passed, reason)
