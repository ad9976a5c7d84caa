"""Metrics of probabilities, for many weightings of the rows at once.

Every function takes weights of shape (draws, rows) and returns one figure per draw, so the value (all weights one)
and its bootstrap draws come from the same code. Rows of equal score are treated as one block: their order is not
information. Belongs here: the formulas. Does not belong here: drawing weights, reports, gates.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import SMALLEST_PROBABILITY, FloatArray, IntArray

BINS = 10
SHARES = (0.05, 0.10, 0.20)


@dataclass(frozen=True)
class Ranking:
    """Rows ordered from the highest score to the lowest, with the start of each block of equal scores."""

    order: IntArray
    starts: IntArray

    @classmethod
    def of(cls, score: FloatArray) -> "Ranking":
        """The ranking of a score."""
        order: IntArray = np.argsort(-score, kind="stable")
        ranked = score[order]
        return cls(order, np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]))

    def sums(self, weights: FloatArray) -> FloatArray:
        """Weights summed per block, shape (draws, blocks)."""
        blocks: FloatArray = np.add.reduceat(weights[:, self.order], self.starts, axis=1)
        return blocks


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    """Division that gives nan where the denominator is zero."""
    unknown = np.full(np.broadcast(top, bottom).shape, np.nan)
    quotient: FloatArray = np.divide(top, bottom, out=unknown, where=bottom != 0)
    return quotient


def auc(positives: FloatArray, negatives: FloatArray) -> FloatArray:
    """Area under the ROC curve (Mann-Whitney with half credit for ties) from block sums; nan for one outcome."""
    below = negatives.sum(axis=1, keepdims=True) - np.cumsum(negatives, axis=1)
    wins = (positives * (below + 0.5 * negatives)).sum(axis=1)
    return _ratio(wins, positives.sum(axis=1) * negatives.sum(axis=1))


def average_precision(positives: FloatArray, negatives: FloatArray) -> FloatArray:
    """Area under the precision-recall curve as a step function, from block sums."""
    hits = np.cumsum(positives, axis=1)
    precision = _ratio(hits, hits + np.cumsum(negatives, axis=1))
    return _ratio(np.nansum(positives * precision, axis=1), positives.sum(axis=1))


def captured(amounts: FloatArray, rows: FloatArray, share: float) -> FloatArray:
    """Share of an amount found in the `share` of rows with the highest score; a cut block counts in proportion."""
    size = np.asarray(rows.sum(axis=1, keepdims=True))
    before = np.cumsum(rows, axis=1) - rows
    inside = np.clip(_ratio(share * size - before, rows), 0.0, 1.0)
    return _ratio(np.nansum(amounts * inside, axis=1), amounts.sum(axis=1))


def bin_indicator(probability: FloatArray, bins: int = BINS) -> FloatArray:
    """Membership of rows in bins of equal size by probability, shape (rows, bins); equal values share a bin."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    member = np.searchsorted(edges, probability, side="left")
    found = np.eye(len(edges) + 1)[member]
    return np.asarray(found[:, found.any(axis=0)], dtype=np.float64)


def calibration_error(weights: FloatArray, residual: FloatArray, member: FloatArray) -> FloatArray:
    """Expected calibration error: mean over bins of |observed - stated|, weighted by the bins' rows."""
    return np.asarray(np.abs((weights * residual) @ member).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)


def centred_residual(residual: FloatArray, member: FloatArray) -> FloatArray:
    """Residuals less their bin's mean: what is left if the stated probabilities were right.

    Its calibration error over bootstrap draws is the sampling noise of the calibration error.
    """
    count = np.maximum(member.sum(axis=0), 1.0)
    return np.asarray(residual - member @ ((residual @ member) / count), dtype=np.float64)


def log_loss_terms(label: FloatArray, probability: FloatArray) -> FloatArray:
    """Negative log likelihood per row."""
    safe = np.clip(probability, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return np.asarray(-(label * np.log(safe) + (1 - label) * np.log1p(-safe)), dtype=np.float64)


@dataclass(frozen=True)
class BinaryFigures:
    """All metrics of one set of predictions.

    Attributes:
        label: 0.0/1.0, shape (rows,).
        probability: the method's predictions, shape (rows,).
        reference: a constant's prediction, for the Brier skill (Brier 1950; skill = 1 - Brier / Brier of reference).
        amount: money at stake per row; None leaves the captured amount out.
    """

    label: FloatArray
    probability: FloatArray
    reference: float
    amount: FloatArray | None = None

    def draws(self, weights: FloatArray) -> dict[str, FloatArray]:
        """Metric to figures of shape (draws,)."""
        ranking = Ranking.of(self.probability)
        rows = ranking.sums(weights)
        positives = ranking.sums(weights * self.label)
        found = {"auc": auc(positives, rows - positives), "pr_auc": average_precision(positives, rows - positives)}
        found |= self._errors(weights)
        for share in SHARES:
            caught = captured(positives, rows, share)
            percent = f"{share:.0%}".rstrip("%")
            found[f"lift_at_{percent}"] = caught / share
            found[f"captured_positives_at_{percent}"] = caught
            if self.amount is not None:
                lost = ranking.sums(weights * self.label * self.amount)
                found[f"captured_amount_at_{percent}"] = captured(lost, rows, share)
        return found

    def _errors(self, weights: FloatArray) -> dict[str, FloatArray]:
        residual = self.label - self.probability
        size = weights.sum(axis=1)
        brier = weights @ residual**2 / size
        reference = weights @ (self.label - self.reference) ** 2 / size
        member = bin_indicator(self.probability)
        return {
            "brier": brier,
            "brier_skill": 1.0 - _ratio(brier, reference),
            "log_loss": weights @ log_loss_terms(self.label, self.probability) / size,
            "ece": calibration_error(weights, residual, member),
            "ece_noise": calibration_error(weights, centred_residual(residual, member), member),
        }
