"""The Gamma-Gamma model of what a purchase is worth: fitted by maximum likelihood.

Belongs here: likelihood, fit and expectations of Fader & Hardie, "The Gamma-Gamma Model of Monetary Value" (2013,
brucehardie.com/notes/025); equation numbers are theirs. Does not belong here: how often a customer buys
(`ml.models.bg_nbd`).

Amounts of one customer are Gamma(p, nu), nu ~ Gamma(q, v) across customers; amounts are independent of frequency.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import gammaln

from ml.models.bg_nbd import NoConvergenceError

Array = npt.NDArray[np.float64]

STARTS: Final = ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 1.5, 0.5))
LOG_BOUND: Final = 9.0
FEW_CUSTOMERS: Final = 1_500  # more are thinned while starts are compared, the best is finished on all
LEAST_Q: Final = 1.0 + 1e-3


@dataclass(frozen=True)
class GammaGamma:
    """Fitted parameters; v has the unit of the amounts, p and q have none."""

    p: float
    q: float
    v: float
    log_likelihood: float

    def population_mean(self) -> float:
        """E[amount of a purchase] over customers (eq. 3); q is held above 1, where the mean exists."""
        return self.p * self.v / (max(self.q, LEAST_Q) - 1)

    def expected_amount(self, purchases: Array, mean_amount: Array) -> Array:
        """E[M | x, m], a customer's mean amount shrunk to the population's; shape (n,) (eq. 5).

        Customers without an observed amount (purchases = 0) get the population mean.
        """
        q = max(self.q, LEAST_Q)
        known = np.where(purchases > 0, mean_amount, 0.0)
        weight = self.p * purchases
        return np.asarray((self.p * self.v + weight * known) / (weight + q - 1))


def fit(purchases: Array, mean_amount: Array) -> GammaGamma:
    """Maximum likelihood over customers with at least one counted purchase of a positive mean amount.

    Args:
        purchases: number of purchases behind the mean; mean_amount: their mean; both of shape (n,).

    Raises:
        NoConvergenceError: no customer qualifies, or no start converged.
    """
    usable = (purchases > 0) & (mean_amount > 0)
    x, amounts = purchases[usable], mean_amount[usable]
    if len(x) == 0:
        msg = "Gamma-Gamma needs customers with repeat purchases of a positive amount"
        raise NoConvergenceError(msg)
    scale = float(np.mean(amounts))
    every = 1 + len(x) // FEW_CUSTOMERS
    solutions = [_solve(np.log(start), x[::every], amounts[::every] / scale) for start in STARTS]
    value, logs = min(solutions, key=lambda solution: solution[0])
    if every > 1 and np.isfinite(value):
        value, logs = _solve(logs, x, amounts / scale)
    if not np.isfinite(value):
        msg = f"Gamma-Gamma did not converge on {len(x)} customers"
        raise NoConvergenceError(msg)
    p, q, v = (float(value) for value in np.exp(logs))
    return GammaGamma(p=p, q=q, v=v * scale, log_likelihood=-value * len(x) - len(x) * float(np.log(scale)))


def _solve(start: Array, x: Array, amounts: Array) -> tuple[float, Array]:
    bounds = [(-LOG_BOUND, LOG_BOUND)] * len(start)
    options = {"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7}
    found = minimize(_negative, start, args=(x, amounts), method="L-BFGS-B", bounds=bounds, options=options)
    return float(found.fun), np.asarray(found.x)


def _negative(logs: Array, x: Array, amounts: Array) -> float:
    """Mean negative logarithm of the density of the mean amount given x (eq. 1a)."""
    p, q, v = np.exp(logs)
    shape = p * x
    norm = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * logs[2]
    kernel = (shape - 1) * np.log(amounts) + shape * np.log(x) - (shape + q) * np.log(v + x * amounts)
    return -float(np.mean(norm + kernel))
