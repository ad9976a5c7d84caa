"""What a gate answers.

Belongs here: the one value type that gates, reports and asset checks share. Does not belong here: any rule.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class GateResult:
    """The outcome of one gate.

    Attributes:
        name: the fact that should hold ("beats_best_baseline").
        passed: whether it holds; a gate that does not apply passes and says so in its reason.
        reason: a sentence for people, with the figures.
        value, threshold: the figure judged and its bound; None where there is none.
        blocking: a failure keeps the model from promotion.
    """

    name: str
    passed: bool
    reason: str
    value: float | None = None
    threshold: float | None = None
    blocking: bool = True
