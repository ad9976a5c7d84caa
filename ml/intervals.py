"""Intervals around a probability, and whether they cover.

A single customer either churns or not, so an interval "for the probability" is a statement about rows that look
alike: among rows with this score, the long-run share of positives lies between `lower` and `upper`. Its width comes
from how many independent held-back rows had a similar score: a beta posterior around the calibrated probability,
with the effective number of rows (divided by the design effect of repeated entities and by the drift of the rate from
date to date). It also holds the rate that these rows had: a calibration of two parameters bends nowhere, and where it
states two per cent of rows of which none ever has the event, their own rate is the better witness. Coverage is checked
on the test rows, bin by bin, with the bin's own sampling error added. Belongs here: these bands and their coverage.
Does not belong here: gates, intervals of amounts.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.binary_metrics import BINS, bin_indicator

NOMINAL = 0.9
LEAST_ROWS = 1.0


@dataclass(frozen=True)
class ProbabilityBand:
    """Width of the interval along the probability.

    Attributes:
        knots: probabilities at which the band is known, ascending.
        strengths: effective number of held-back rows behind each.
        lowers, uppers: bounds of the 90 % interval at the knots.
    """

    knots: tuple[float, ...]
    strengths: tuple[float, ...]
    lowers: tuple[float, ...]
    uppers: tuple[float, ...]
    nominal: float = NOMINAL

    def bounds(self, probability: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Lower and upper bound per row; the probability itself always lies between."""
        lower = np.interp(probability, self.knots, self.lowers)
        upper = np.interp(probability, self.knots, self.uppers)
        return np.minimum(lower, probability), np.maximum(upper, probability)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ProbabilityBand":
        """The band of its plain data."""
        knots, strengths, lowers, uppers = (tuple(data[name]) for name in ("knots", "strengths", "lowers", "uppers"))
        return cls(knots, strengths, lowers, uppers, float(data["nominal"]))


def beta_bounds(mean: FloatArray, strength: FloatArray, level: float = NOMINAL) -> tuple[FloatArray, FloatArray]:
    """Central interval of a beta distribution worth `strength` rows (plus half a row of either outcome: Jeffreys).

    Where the rows hold less than half an event of an outcome, its probability may be 0: the bound is 0 or 1 there
    (Brown, Cai & DasGupta 2001, Statistical Science 16, section 4.1.1).
    """
    from scipy.special import betaincinv  # predicting does without scipy

    alpha, beta = mean * strength + 0.5, (1 - mean) * strength + 0.5
    tail = (1 - level) / 2
    lower, upper = betaincinv(alpha, beta, tail), betaincinv(alpha, beta, 1 - tail)
    return np.where(alpha < 1.0, 0.0, lower), np.where(beta < 1.0, 1.0, upper)


def design_effect(residual: FloatArray, entity: "pd.Series[Any]") -> float:
    """How many rows are worth one independent row: variance of entity sums over that of rows, at least 1 (Kish)."""
    if not len(residual):
        return 1.0
    sums = pd.Series(residual).groupby(entity.to_numpy()).sum().to_numpy()
    within = float((residual**2).sum())
    return max(1.0, float((sums**2).sum()) / within) if within > 0 else 1.0


def drift_variance(residual: FloatArray, as_of: "pd.Series[Any]", effect: float) -> float:
    """Variance of the mean residual from month to month beyond sampling (moments; DerSimonian & Laird 1986).

    Args:
        effect: the design effect of the residuals.
    """
    months = pd.to_datetime(as_of).dt.to_period("M").to_numpy()
    by_month = pd.DataFrame({"residual": residual}).groupby(months)["residual"].agg(["mean", "size"])
    if len(by_month) < 2:
        return 0.0
    weight = by_month["size"].to_numpy(dtype=np.float64) / (effect * max(float((residual**2).mean()), 1e-9))
    mean = by_month["mean"].to_numpy(dtype=np.float64)
    centre = (weight * mean).sum() / weight.sum()
    excess = float((weight * (mean - centre) ** 2).sum()) - (len(mean) - 1)
    return max(0.0, excess / float(weight.sum() - (weight**2).sum() / weight.sum()))


def fit_band(
    probability: FloatArray, label: FloatArray, entity: "pd.Series[Any]", as_of: "pd.Series[Any]"
) -> ProbabilityBand:
    """The band from held-back rows; at every probability it holds the rate these rows had there.

    Args:
        probability: calibrated probabilities of rows the model was not fitted on.
    """
    residual = label - probability
    effect = design_effect(residual, entity)
    drift = drift_variance(residual, as_of, effect)
    member = bin_indicator(probability)
    rows = member.sum(axis=0)
    centre, observed = (probability @ member) / rows, (label @ member) / rows
    spread = np.maximum(centre * (1 - centre), 1e-6)
    average = max(float(probability.mean() * (1 - probability.mean())), 1e-6)
    variance = spread * effect / rows + drift * (spread / average) ** 2
    strength = np.maximum(spread / variance, LEAST_ROWS)
    grid = np.unique(np.concatenate([np.linspace(0.001, 0.999, 200), centre]))
    strengths = np.interp(grid, centre, strength)
    lower, upper = beta_bounds(grid, strengths)
    seen = np.interp(grid, centre, observed)
    lower, upper = np.minimum(lower, seen), np.maximum(upper, seen)
    knots, widths, lowers, uppers = (tuple(part.tolist()) for part in (grid, strengths, lower, upper))
    return ProbabilityBand(knots, widths, lowers, uppers)


def reliability_table(
    probability: FloatArray, label: FloatArray, entity: "pd.Series[Any]", band: ProbabilityBand, bins: int = BINS
) -> pd.DataFrame:
    """Stated and observed rate per bin, with the interval in which the observed rate should lie.

    Returns:
        bin, rows, stated_rate, observed_rate, lower, upper (band), expected_lower, expected_upper (band and the
        bin's own sampling error), is_covered.
    """
    member = bin_indicator(probability, bins)
    rows = member.sum(axis=0)
    stated, observed = (probability @ member) / rows, (label @ member) / rows
    effect = design_effect(label - probability, entity)
    strength = np.interp(stated, band.knots, band.strengths)
    expected_lower, expected_upper = beta_bounds(stated, 1.0 / (1.0 / strength + effect / rows), band.nominal)
    half_event = 0.5 * effect / rows  # rates come in whole events: none of 100 is no miss of 0.3 %
    expected_lower, expected_upper = expected_lower - half_event, expected_upper + half_event
    lower, upper = band.bounds(stated)
    expected_lower, expected_upper = np.minimum(expected_lower, lower), np.maximum(expected_upper, upper)
    return pd.DataFrame(
        {
            "bin": np.arange(len(rows)),
            "rows": rows.astype(np.int64),
            "stated_rate": stated,
            "observed_rate": observed,
            "lower": lower,
            "upper": upper,
            "expected_lower": np.maximum(expected_lower, 0.0),
            "expected_upper": np.minimum(expected_upper, 1.0),
            "is_covered": (observed >= expected_lower) & (observed <= expected_upper),
        }
    )


def coverage(table: pd.DataFrame) -> tuple[float, float]:
    """Share of rows whose bin is covered, and the effective number of bins (Kish: 1 / sum of squared weights)."""
    weights = table["rows"].to_numpy(dtype=np.float64) / table["rows"].sum()
    return float(weights @ table["is_covered"].to_numpy(dtype=np.float64)), float(1 / (weights**2).sum())
