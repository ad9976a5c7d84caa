"""Shrunken rates: a segment's rate pulled towards the overall one by as much as the segments really differ.

Empirical Bayes with a beta-binomial model, moments matched (Casella 1985, "An introduction to empirical Bayes data
analysis", The American Statistician 39). Belongs here: priors and posteriors of rates. Does not belong here: models.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray

WEAKEST, STRONGEST = 2.0, 2_000.0


@dataclass(frozen=True)
class BetaPrior:
    """A beta distribution by its mean and its strength (as many rows as it is worth)."""

    mean: float
    strength: float

    def posterior_mean(self, positives: FloatArray, rows: FloatArray) -> FloatArray:
        """Mean rate after seeing `positives` of `rows`; the prior's mean for no rows."""
        return np.asarray((positives + self.mean * self.strength) / (rows + self.strength), dtype=np.float64)


def estimate_prior(positives: FloatArray, rows: FloatArray) -> BetaPrior:
    """Prior of the rates of groups; the mean is Laplace-smoothed, so it is never 0 or 1.

    Args:
        positives, rows: per group, shape (groups,).
    """
    total = float(rows.sum())
    mean = (float(positives.sum()) + 0.5) / (total + 1.0)
    used = rows > 0
    if used.sum() < 2:
        return BetaPrior(mean, STRONGEST if total else WEAKEST)
    rates, sizes = positives[used] / rows[used], rows[used]
    excess = float((sizes * (rates - mean) ** 2).sum()) - mean * (1 - mean) * (used.sum() - 1)
    between = excess / (total - float((sizes**2).sum()) / total) if total > sizes.max() else 0.0
    strength = mean * (1 - mean) / between - 1.0 if between > 0 else STRONGEST
    return BetaPrior(mean, float(np.clip(strength, WEAKEST, STRONGEST)))
