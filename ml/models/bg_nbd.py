"""The BG/NBD model of repeat purchases: fitted by maximum likelihood, read through closed forms.

Belongs here: the likelihood, its gradient, the fit and the expectations and tail probabilities of Fader, Hardie & Lee,
"Counting Your Customers the Easy Way: An Alternative to the Pareto/NBD Model", Marketing Science 24 (2005) 275-284;
equation numbers are theirs. Does not belong here: money (`ml.models.gamma_gamma`), months, discounting, files.

While alive a customer buys by a Poisson process with rate lambda ~ Gamma(r, alpha); after each purchase the customer
is gone with probability p ~ Beta(a, b). All times have one unit, by convention weeks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import betainc, betaln, digamma, expit, gammaln, hyp2f1, ndtri

Array = npt.NDArray[np.float64]

STARTS: Final = ((0.5, 0.25, 0.8, 2.5), (1.0, 1.0, 1.0, 1.0), (0.2, 0.1, 0.3, 5.0))
LOG_BOUND: Final = 9.0
FEW_HISTORIES: Final = 1_500
AWAY_FROM_ONE: Final = 1e-6
STEP: Final = 1e-3
WIDEST: Final = 3.0  # standard error of the logarithm of a parameter that the purchases say nothing about


class NoConvergenceError(ValueError):
    """No start of the optimiser ended in finite parameters; the purchases do not identify the model."""


@dataclass(frozen=True)
class BgNbd:
    """Fitted parameters (rates per unit of time of the data) and the log-likelihood reached.

    Attributes:
        covariance: of the logarithms of (r, alpha, a, b), the inverse of the observed information; empty if unknown.
    """

    r: float
    alpha: float
    a: float
    b: float
    log_likelihood: float
    covariance: tuple[tuple[float, ...], ...] = ()

    def interval(self, statistic: Callable[["BgNbd"], Array], level: float) -> tuple[Array, Array]:
        """Bounds that the doubt about the parameters leaves to a statistic, by the delta method.

        Args:
            statistic: of a model, on a scale without bounds (a logarithm, log odds); shape (n,).

        Returns:
            Lower and upper bound on that scale, each of shape (n,); the value itself where there is no covariance.
        """
        value, logs = statistic(self), self.logs()
        if not self.covariance:
            return value, value
        slopes = [
            (statistic(_from_logs(logs + step)) - statistic(_from_logs(logs - step))) / (2 * STEP)
            for step in STEP * np.eye(len(logs))
        ]
        gradient = np.column_stack(slopes)
        error = np.sqrt(np.sum((gradient @ np.array(self.covariance)) * gradient, axis=1))
        width = float(ndtri((1 + level) / 2)) * error
        return value - width, value + width

    def logs(self) -> Array:
        """Logarithms of (r, alpha, a, b), the scale on which they are estimated."""
        return np.log([self.r, self.alpha, self.a, self.b])

    def probability_alive(self, x: Array, t_x: Array, age: Array) -> Array:
        """Probability that a customer with x repeat purchases, the last at t_x, is alive at `age`; shape (n,).

        Follows from the two terms of eq. 3 (Fader, Hardie & Lee 2008, "Computing P(alive)", eq. 3).
        """
        gone = _log_gone(self, x, t_x) - _log_alive(self, x, age)
        return np.asarray(np.where(x > 0, expit(-gone), 1.0))

    def expected_purchases(self, t: Array) -> Array:
        """E[X(t)], purchases of a new customer in (0, t]; shape of t (eq. 9)."""
        a = self._a_off_one()
        ratio = self.alpha / (self.alpha + t)
        series = hyp2f1(self.r, self.b, a + self.b - 1, t / (self.alpha + t))
        return np.asarray((a + self.b - 1) / (a - 1) * (1 - ratio**self.r * series))

    def expected_future_purchases(self, x: Array, t_x: Array, age: Array, t: Array | float) -> Array:
        """E[Y(t) | x, t_x, T], purchases in (T, T + t] given the history; shape (n,), at least 0 (eq. 10)."""
        a = self._a_off_one()
        after = self.alpha + age + t
        series = hyp2f1(self.r + x, self.b + x, a + self.b + x - 1, t / after)
        shrink = ((self.alpha + age) / after) ** (self.r + x)
        if_alive = (a + self.b + x - 1) / (a - 1) * (1 - shrink * series)
        return np.asarray(np.maximum(0.0, if_alive * self.probability_alive(x, t_x, age)))

    def tail_probability(self, x: Array, t_x: Array, age: Array, t: float, most: int) -> Array:
        """P(Y(t) > k | x, t_x, T) for k = 0..most; shape (n, most + 1).

        Given alive, lambda and p are independent a posteriori, and Y(t) is the smaller of a Poisson(lambda t) count
        and a geometric lifetime; mixing each over its posterior gives a negative binomial and a beta-geometric tail.
        """
        k = np.arange(most + 1, dtype=float)[None, :]
        shape, rest = self.r + x[:, None], self.b + x[:, None]
        counts = betainc(k + 1, shape, (t / (self.alpha + age + t))[:, None])
        survives = np.exp(betaln(self.a, rest + k) - betaln(self.a, rest))
        return np.asarray(self.probability_alive(x, t_x, age)[:, None] * counts * survives)

    def _a_off_one(self) -> float:
        """The closed forms are 0/0 at a = 1; a step of a millionth changes nothing else."""
        return self.a + AWAY_FROM_ONE if abs(self.a - 1) < AWAY_FROM_ONE else self.a


def from_json(plain: Mapping[str, Any]) -> BgNbd:
    """The model of its plain data (`dataclasses.asdict`)."""
    return BgNbd(**{**plain, "covariance": tuple(tuple(row) for row in plain.get("covariance", ()))})


def fit(x: Array, t_x: Array, age: Array) -> BgNbd:
    """Maximum likelihood over customers.

    Args:
        x: repeat purchases (count), t_x: age at the last purchase (0 where x = 0), age: time since the first purchase;
            each of shape (n,), same unit of time.

    Raises:
        NoConvergenceError: nothing to learn from (no customer, no time) or no start converged.
    """
    if len(x) == 0 or float(np.max(age)) <= 0:
        msg = "BG/NBD needs customers observed for some time after their first purchase"
        raise NoConvergenceError(msg)
    scale = float(np.max(age))
    rows, counts = np.unique(np.column_stack([x, t_x / scale, age / scale]), axis=0, return_counts=True)
    value, logs = _best(rows, counts.astype(float))
    if not np.isfinite(value):
        msg = f"BG/NBD did not converge on {len(x)} customers with {int(np.sum(x))} repeat purchases"
        raise NoConvergenceError(msg)
    r, alpha, a, b = (float(value) for value in np.exp(logs))
    log_likelihood = -value - float(np.sum(x)) * float(np.log(scale))
    doubt = _covariance(logs, rows, counts.astype(float))
    return BgNbd(r=r, alpha=alpha * scale, a=a, b=b, log_likelihood=log_likelihood, covariance=doubt)


def _best(rows: Array, counts: Array) -> tuple[float, Array]:
    """The best of several starts; on many distinct histories they run on a thinned table and the best is finished."""
    every = 1 + len(rows) // FEW_HISTORIES
    solutions = [_solve(np.log(start), rows[::every], counts[::every]) for start in STARTS]
    found = min(solutions, key=lambda solution: solution[0])
    return found if every == 1 or not np.isfinite(found[0]) else _solve(found[1], rows, counts)


def _solve(start: Array, rows: Array, counts: Array) -> tuple[float, Array]:
    bounds = [(-LOG_BOUND, LOG_BOUND)] * len(start)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7}
    found = minimize(_negative, start, args=(rows, counts), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return float(found.fun) * float(counts.sum()), np.asarray(found.x)


def _covariance(logs: Array, rows: Array, counts: Array) -> tuple[tuple[float, ...], ...]:
    """Inverse of the Hessian of the negative log-likelihood, by central differences of its gradient."""
    slopes = [
        (_negative(logs + step, rows, counts)[1] - _negative(logs - step, rows, counts)[1]) / (2 * STEP)
        for step in STEP * np.eye(len(logs))
    ]
    information = float(counts.sum()) * (np.array(slopes) + np.array(slopes).T) / 2
    values, vectors = np.linalg.eigh(information)
    found = (vectors / np.maximum(values, WIDEST**-2)) @ vectors.T
    return tuple(tuple(float(value) for value in row) for row in found)


def _from_logs(logs: Array) -> BgNbd:
    r, alpha, a, b = (float(value) for value in np.exp(logs))
    return BgNbd(r=r, alpha=alpha, a=a, b=b, log_likelihood=0.0)


def _negative(logs: Array, rows: Array, counts: Array) -> tuple[float, Array]:
    """Mean negative log-likelihood (eq. 6, 7) and its gradient by the logarithms of (r, alpha, a, b)."""
    r, alpha, a, b = np.exp(logs)
    x, t_x, age = rows.T
    model = BgNbd(r, alpha, a, b, 0.0)
    alive = _log_alive(model, x, age)
    gone = np.where(x > 0, _log_gone(model, x, t_x), -np.inf)
    common = gammaln(r + x) - gammaln(r) + r * logs[1] + betaln(a, b + x) - betaln(a, b)
    weight = np.where(x > 0, expit(gone - alive), 0.0)
    log_age, log_last = np.log(alpha + age), np.log(alpha + t_x)
    by_r = digamma(r + x) - digamma(r) + logs[1] - (1 - weight) * log_age - weight * log_last
    by_alpha = r / alpha - (r + x) * ((1 - weight) / (alpha + age) + weight / (alpha + t_x))
    both = digamma(a + b) - digamma(a + b + x)
    by_a = both + weight / a
    by_b = both + digamma(b + x) - digamma(b) - weight / np.where(x > 0, b + x - 1, 1.0)
    total = counts.sum()
    gradient = np.array([np.dot(counts, part) for part in (by_r, by_alpha, by_a, by_b)]) * np.exp(logs)
    return -float(np.dot(counts, common + np.logaddexp(alive, gone))) / total, -gradient / total


def _log_alive(model: BgNbd, x: Array, age: Array) -> Array:
    return np.asarray(-(model.r + x) * np.log(model.alpha + age))


def _log_gone(model: BgNbd, x: Array, t_x: Array) -> Array:
    """Log weight of having left at the last purchase; meaningful where x > 0 only."""
    left = np.log(model.a) - np.log(np.where(x > 0, model.b + x - 1, 1.0))
    return np.asarray(left - (model.r + x) * np.log(model.alpha + t_x))
