"""How long contracts last: the shifted-beta-geometric model, fitted by penalised maximum likelihood.

Belongs here: survival in whole months with right-censored spells, pooled and by segment. Does not belong here: money
(`ml.models.clv_contractual`), covariates (`ml.models.hazard`).

Source: Fader & Hardie, "How to Project Customer Retention", Journal of Interactive Marketing 21 (2007) 76-90, eq. 5-6:
each customer churns per period with probability theta ~ Beta(alpha, beta), so S(t) = B(alpha, beta + t) / B(alpha,
beta). Parameters are the mean churn mu = alpha / (alpha + beta) and the precision alpha + beta, on logit and log
scale; a weak normal prior keeps small data finite, and segments have the pooled estimate as their prior, so a small
segment stays near it and a large one goes its own way.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaln

from ml.arrays import FloatArray

PRIOR_MEAN: Final = (-3.5, 2.5)  # 3 % monthly churn, worth about 12 observed months
PRIOR_SPREAD: Final = (2.0, 1.5)
SEGMENT_SPREAD: Final = (0.5, 0.5)
DRAWS: Final = 40
LOWEST: Final = np.array([-9.0, -1.0])
HIGHEST: Final = np.array([2.0, 7.0])
STEP: Final = 1e-3
DAYS_PER_MONTH: Final = 365.25 / 12


@dataclass(frozen=True)
class Survival:
    """Fitted shifted-beta-geometric survival.

    Attributes:
        pooled: (logit of mean monthly churn, log of precision).
        segments: the same by segment.
        draws: plausible values of `pooled`, from the normal approximation of its posterior; shape (draws, 2).
    """

    pooled: tuple[float, float]
    segments: Mapping[str, tuple[float, float]]
    draws: tuple[tuple[float, float], ...]

    def estimates(self, segment: "pd.Series[Any]") -> FloatArray:
        """The parameters of each row's segment, the pooled ones for an unknown segment; shape (n, 2)."""
        return np.array([self.segments.get(str(name), self.pooled) for name in segment]).reshape(-1, 2)

    def remaining(self, tenure: FloatArray, segment: "pd.Series[Any]", months: int) -> FloatArray:
        """P(active k months from now | active at `tenure` months) for k = 1..months; shape (n, months)."""
        return remaining(self.estimates(segment), tenure, months)

    def plausible_remaining(self, tenure: FloatArray, segment: "pd.Series[Any]", months: int) -> Iterator[FloatArray]:
        """The same for each plausible value of the parameters."""
        estimates = self.estimates(segment)
        for draw in self.draws:
            moved = estimates + np.array(draw) - np.array(self.pooled)
            yield remaining(np.clip(moved, LOWEST, HIGHEST), tenure, months)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> "Survival":
        """The survival of its plain data (`dataclasses.asdict`)."""
        return cls(
            (plain["pooled"][0], plain["pooled"][1]),
            {name: (mean, precision) for name, (mean, precision) in plain["segments"].items()},
            tuple((mean, precision) for mean, precision in plain["draws"]),
        )


def remaining(estimates: FloatArray, tenure: FloatArray, months: int) -> FloatArray:
    """S(n + k) / S(n) = B(alpha, beta + n + k) / B(alpha, beta + n), k = 1..months; shape (n, months)."""
    mean, precision = 1 / (1 + np.exp(-estimates[:, :1])), np.exp(estimates[:, 1:])
    alpha, now = mean * precision, (1 - mean) * precision + tenure[:, None]
    return np.asarray(np.exp(betaln(alpha, now + np.arange(1, months + 1)) - betaln(alpha, now)))


def spells_in_months(spells: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Length of every spell begun by `as_of`, as known then.

    Args:
        spells: account_id, started_on, ended_on (null while active).

    Returns:
        account_id, months (completed months, for an ended spell the month in which it ended counts), is_ended.
    """
    started, ended = pd.to_datetime(spells["started_on"]), pd.to_datetime(spells["ended_on"])
    begun = started <= as_of
    is_ended = ended.le(as_of)[begun]
    days = (ended.where(is_ended, as_of)[begun] - started[begun]).dt.days.clip(lower=0)
    months = np.where(is_ended, np.ceil(np.maximum(days, 1) / DAYS_PER_MONTH), np.floor(days / DAYS_PER_MONTH))
    return pd.DataFrame({"account_id": spells.loc[begun, "account_id"], "months": months, "is_ended": is_ended})


def fit(months: FloatArray, is_ended: FloatArray, segment: "pd.Series[Any]", seed: int = 0) -> Survival:
    """Posterior mode, pooled and by segment.

    Args:
        months: length of each spell (see `spells_in_months`), is_ended: 0/1, segment: its segment; shapes (n,).
    """
    pooled, spread = _mode(months, is_ended, PRIOR_MEAN, PRIOR_SPREAD)
    named = segment.astype(str).to_numpy()
    segments = {
        str(name): _mode(months[named == name], is_ended[named == name], pooled, SEGMENT_SPREAD)[0]
        for name in np.unique(named)
    }
    noise = np.random.default_rng(seed).multivariate_normal(pooled, spread, DRAWS, method="cholesky")
    draws = np.clip(noise, LOWEST, HIGHEST)
    return Survival(pooled, segments, tuple((float(mean), float(precision)) for mean, precision in draws))


def _mode(
    months: FloatArray, is_ended: FloatArray, centre: tuple[float, float], spread: tuple[float, float]
) -> tuple[tuple[float, float], FloatArray]:
    """Mode of the posterior and its covariance (inverse Hessian by central differences)."""
    rows, counts = np.unique(np.column_stack([months, is_ended]), axis=0, return_counts=True)

    def loss(point: FloatArray) -> float:
        penalty = 0.5 * float(np.sum(((point - centre) / spread) ** 2))
        return penalty - float(np.dot(counts, _log_likelihood(point, rows[:, 0], rows[:, 1])))

    found = minimize(loss, np.array(centre), method="L-BFGS-B", bounds=list(zip(LOWEST, HIGHEST, strict=True))).x
    return (float(found[0]), float(found[1])), _covariance(loss, found, np.array(spread))


def _log_likelihood(point: FloatArray, months: FloatArray, is_ended: FloatArray) -> FloatArray:
    """Log P(T = t) = log B(alpha + 1, beta + t - 1) / B(alpha, beta) for ended spells, log S(t) for censored ones."""
    mean, precision = 1 / (1 + np.exp(-point[0])), np.exp(point[1])
    alpha, beta = mean * precision, (1 - mean) * precision
    return np.asarray(betaln(alpha + is_ended, beta + months - is_ended) - betaln(alpha, beta))


def _covariance(loss: Any, point: FloatArray, widest: FloatArray) -> FloatArray:  # noqa: ANN401 - a function
    step = STEP * np.eye(2)
    hessian = np.array(
        [
            [
                sum(a * b * loss(point + a * step[i] + b * step[j]) for a in (1, -1) for b in (1, -1)) / (4 * STEP**2)
                for j in range(2)
            ]
            for i in range(2)
        ]
    )
    values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
    precise = np.maximum(values, 1 / widest.max() ** 2)
    return np.asarray((vectors / precise) @ vectors.T)
