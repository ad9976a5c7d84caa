"""What a training's gates said, as asset checks of the model.

Belongs here: the translation of gates into checks. A leak stops what follows; a model that is merely not good enough
does not, because then the shrunken baseline is served and says so. The gates themselves are `ml.gates` and
`ml.leakage`.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from ml.evaluation import TrainingReport
    from ml.registrations import Registration

# Check -> the gates it gathers, by their names in the report.
GATES = {
    "does_not_leak": ("no_leaking_feature", "shuffled_labels_teach_nothing"),
    "beats_baseline": ("beats_best_baseline", "beats_base_rate"),
    "is_calibrated": ("is_calibrated", "total_is_close"),
    "covers_as_stated": ("interval_coverage",),
    "is_not_worse_than_champion": ("not_worse_than_champion",),
    "reads_what_the_views_declare": ("has_same_schema",),
}
BLOCKING = ("does_not_leak",)
DESCRIPTIONS = {
    "does_not_leak": "No single feature gives the label away, and shuffled labels teach nothing.",
    "beats_baseline": "On rows newer than its training the model is better than the best baseline beyond noise.",
    "is_calibrated": "What the model states on average is what then happened.",
    "covers_as_stated": "The intervals hold the share of outcomes that they promise.",
    "is_not_worse_than_champion": "On the same rows the candidate is not worse than the deployed model.",
    "reads_what_the_views_declare": "The model's inputs are those of its feature views, by name, kind and order.",
    "can_be_served": "A champion exists: a validated model, or the shrunken baseline that says what it is.",
}


def specs(model: str) -> list[dg.AssetCheckSpec]:
    """The checks of one model."""
    return [
        dg.AssetCheckSpec(
            check,
            asset=["models", model],
            blocking=check in (*BLOCKING, "can_be_served"),
            description=description,
        )
        for check, description in DESCRIPTIONS.items()
    ]


def results(report: "TrainingReport", registration: "Registration") -> Iterator[dg.AssetCheckResult]:
    """One result per check; a model that could not be judged does not beat its baseline, and says what is missing."""
    for check, gates in GATES.items():
        reached = [gate for gate in report.gates if gate.name in gates]
        is_blocking = check in BLOCKING
        is_owed = check == "beats_baseline"
        passed = all(gate.passed for gate in reached) if reached else not is_owed
        reasons = [gate.reason for gate in reached] or [_not_reached(report, is_owed=is_owed)]
        yield dg.AssetCheckResult(
            check_name=check,
            passed=passed,
            severity=dg.AssetCheckSeverity.ERROR if is_blocking else dg.AssetCheckSeverity.WARN,
            metadata={
                "reasons": "\n".join(reasons),
                **{gate.name: gate.value for gate in reached if gate.value is not None and math.isfinite(gate.value)},
            },
        )
    champion = registration.champion
    yield dg.AssetCheckResult(
        check_name="can_be_served",
        passed=champion is not None,
        metadata={"champion": f"version {champion.version} ({champion.status})" if champion else "none"},
    )


def _not_reached(report: "TrainingReport", *, is_owed: bool) -> str:
    return f"not judged: {' '.join(report.reasons)}" if is_owed else "not applicable to this training"
