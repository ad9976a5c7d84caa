"""The true probability that a lead becomes a customer within the horizon, given its history up to an age.

Belongs here: the closed form. Does not belong here: drawing leads. With p the probability of ever converting,
s the stage at the age, a the days spent in it, g(s) the lag out of it, q the shares of last stages:

    P(convert in horizon | history) = p A(s, a) / (p S(s, a) + (1 - p) (q(s) R(s, a) + q(>s) S(s, a)))

S(s, a) = P(g(s) > a), A(s, a) = P(g(s) > a and g(s) + later lags <= a + horizon), R = 1, for an opportunity
P(lost lag > a). Earlier lags cancel because they do not depend on the outcome; a lost deal gives 0.
"""

import numpy as np
from scipy.stats import norm

from ingestion.simulator.leads import CUSTOMER, OPPORTUNITY, Leads, profile_log_odds
from ingestion.simulator.parameters import LeadTruth
from ingestion.simulator.timeline import Flags, Floats, Ints

HORIZON_DAYS = 90
AGES = (0, 7, 30)
LONGEST = 2000  # days; no lag of the stated distributions comes near


def lag_mass(median: float, sigma: float) -> Floats:
    """P(lag = d) for d = 0..LONGEST - 1, of a log-normal rounded down."""
    with np.errstate(divide="ignore"):
        edges = norm.cdf(np.log(np.arange(LONGEST + 1) / median) / sigma)
    return np.asarray(np.diff(edges), dtype=np.float64)


class LeadOracle:
    """Tables of S, A and R by stage and days in the stage, made once."""

    def __init__(self, truth: LeadTruth) -> None:
        self.truth = truth
        lags = [lag_mass(m, s) for m, s in zip(truth.lag_median_days, truth.lag_sigma, strict=True)]
        self._survival = np.stack([1 - np.cumsum(mass) for mass in lags])
        self._lost_survival = 1 - np.cumsum(lag_mass(truth.lost_median_days, truth.lost_sigma))
        self._arrival = np.stack([_arrival(lags[stage], lags[stage + 1 :]) for stage in range(len(lags))])

    def ever(self, leads: Leads) -> Floats:
        """Probability of ever converting, interest known."""
        return np.asarray(1 / (1 + np.exp(-leads.log_odds)), dtype=np.float64)

    def at_creation(self, leads: Leads) -> Floats:
        """P(convert within the horizon of creation) from the profile alone, interest integrated out."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(21)
        log_odds = profile_log_odds(self.truth, leads.codes)[:, None] + self.truth.interest_effect * nodes
        ever = (1 / (1 + np.exp(-log_odds))) @ (weights / weights.sum())
        within = np.cumsum(self._whole_lag())[HORIZON_DAYS]
        return np.asarray(ever * within, dtype=np.float64)

    def at_age(self, leads: Leads, age: int) -> Floats:
        """P(convert in (age, age + horizon]) given interest and the stages passed; NaN for leads already won."""
        today = leads.created + age
        stage = (leads.entered <= today[:, None]).sum(axis=1) - 1
        open_stage = np.minimum(stage, OPPORTUNITY)
        waited = today - np.take_along_axis(leads.entered, open_stage[:, None], axis=1)[:, 0]
        chance = self._chance(self.ever(leads), open_stage, np.clip(waited, 0, LONGEST - 1))
        chance = np.where(leads.lost_on <= today, 0.0, chance)
        return np.where(stage == CUSTOMER, np.nan, chance)

    def still_ever(self, ever: Floats, stage: Ints, waited: Ints, has_account: Flags) -> Floats:
        """Probability of ever converting, interest known, of open leads that have waited so many days in a stage.

        An account record tells of an opportunity: those without one are lost.
        """
        shares = np.array(self.truth.stuck_shares)
        later = np.append(np.cumsum(shares[::-1])[::-1][1:], 0.0)
        survival = self._survival[stage, waited]
        rest = np.where(stage == OPPORTUNITY, self._lost_survival[waited] * self.truth.lost_with_account_share, 1.0)
        stays = (1 - ever) * (shares[stage] * rest + later[stage] * survival)
        total = ever * survival + stays
        chance = np.divide(ever * survival, total, out=np.zeros_like(total), where=total > 0)
        return np.where((stage == OPPORTUNITY) & ~has_account, 0.0, chance)

    def _chance(self, ever: Floats, stage: Ints, waited: Ints) -> Floats:
        """The formula of the module's docstring."""
        shares = np.array(self.truth.stuck_shares)
        later = np.append(np.cumsum(shares[::-1])[::-1][1:], 0.0)
        survival = self._survival[stage, waited]
        rest = np.where(stage == OPPORTUNITY, self._lost_survival[waited], 1.0)
        stays = (1 - ever) * (shares[stage] * rest + later[stage] * survival)
        total = ever * survival + stays
        return np.divide(ever * self._arrival[stage, waited], total, out=np.zeros_like(total), where=total > 0)

    def _whole_lag(self) -> Floats:
        """P(lead→customer takes d days)."""
        whole = np.array([1.0])
        for median, sigma in zip(self.truth.lag_median_days, self.truth.lag_sigma, strict=True):
            whole = np.convolve(whole, lag_mass(median, sigma)[:400])
        return whole


def _arrival(lag: Floats, later: list[Floats]) -> Floats:
    """A(a) = sum over g in (a, a + horizon] of P(lag = g) * P(later lags <= a + horizon - g)."""
    rest = np.zeros(HORIZON_DAYS)
    rest[0] = 1.0
    for mass in later:
        rest = np.convolve(rest, mass[:HORIZON_DAYS])[:HORIZON_DAYS]
    reached = np.cumsum(rest)[::-1]
    padded = np.append(lag, np.zeros(HORIZON_DAYS + 1))
    windows = np.lib.stride_tricks.sliding_window_view(padded[1:], HORIZON_DAYS)[:LONGEST]
    return np.asarray(windows @ reached, dtype=np.float64)
