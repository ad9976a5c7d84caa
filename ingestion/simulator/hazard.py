"""The monthly churn decision: its log-odds and when it is due.

Belongs here: the equations, used alike by the simulation and by its oracle. Does not belong here: drawing.
All arguments are arrays that broadcast against one another; months are counted from 0.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ingestion.simulator.parameters import ChurnTruth
from ingestion.simulator.timeline import Flags, Floats, Ints

NO_ACTION = -1000  # month of an action that never was


@dataclass
class State:
    """What next month's decision of each customer depends on, as it stands at a month's end.

    Attributes:
        started: month in which the present spell started.
        annual: billed by the year.
        static: effect of region and size on the log-odds.
        level, health, health_before: mean, this month's and last month's latent health.
        shock_rate: chance of a bad ticket per month.
        shock: a bad ticket this month.
        acted: month of the last action or hold-out, NO_ACTION if none.
        treated: whether that was an action.
    """

    started: Ints
    annual: Flags
    static: Floats
    level: Floats
    health: Floats
    health_before: Floats
    shock_rate: Floats
    shock: Flags
    acted: Ints
    treated: Flags

    def take(self, index: Ints | Flags) -> "State":
        """The state of some customers."""
        return State(**{item.name: getattr(self, item.name)[index] for item in fields(self)})


def is_due(state: State, month: int | Ints) -> Flags:
    """Whether the customer can leave in `month`: monthly contracts always, annual ones at renewal."""
    tenure = month - state.started
    return np.asarray((tenure >= 1) & (~state.annual | (tenure % 12 == 0)))


def price_raised(truth: ChurnTruth, state: State, month: int | Ints) -> Flags:
    """Whether a price raise weighs on the decision of `month`.

    Monthly contracts feel it for some months after the raise, annual ones at the first renewal after it.
    """
    felt = np.zeros(np.broadcast_shapes(np.shape(month), state.started.shape), dtype=bool)
    for raised_in, _ in truth.price_raises:
        window = np.where(state.annual, 11, truth.price_window_months)
        since = month - raised_in
        first = np.where(state.annual, 0, 1)
        felt |= (state.started < raised_in) & (since >= first) & (since <= window)
    return felt


def churn_probability(truth: ChurnTruth, state: State, month: int | Ints) -> Floats:
    """Probability of leaving in `month`, given the state at the end of the month before; 0 when not due."""
    recent, older = truth.lag_weights
    health = recent * state.health + older * state.health_before
    early = ~state.annual & (month - state.started <= 3)
    helped = state.treated & (month - state.acted < truth.treatment_months)
    log_odds = (
        np.where(state.annual, truth.annual_base, truth.monthly_base)
        + state.static
        + truth.health_effect * health
        + truth.shock_effect * state.shock
        + truth.early_effect * early
        + truth.price_effect * price_raised(truth, state, month)
        + truth.treatment_effect * helped
    )
    return np.where(is_due(state, month), 1 / (1 + np.exp(-log_odds)), 0.0)


def act(
    truth: ChurnTruth, state: State, month: int | Ints, active: Flags | bool, draws: NDArray[np.float64]
) -> tuple[State, Flags]:
    """On the first day of `month` look at every customer's health and help, or hold out, those that look bad.

    Args:
        draws: shape (2, ...): a standard normal (error of the check) and a uniform (hold-out).

    Returns:
        The state with the actions entered, and which customers were picked.
    """
    looks_bad = state.health + truth.check_noise_sd * draws[0] < truth.check_threshold
    picked = looks_bad & active & (month - state.acted > truth.rest_months)
    acted = np.where(picked, month, state.acted)
    treated = np.where(picked, draws[1] >= truth.holdout_share, state.treated)
    return State(**{**vars(state), "acted": acted, "treated": treated}), picked


def move_on(truth: ChurnTruth, state: State, draws: NDArray[np.float64]) -> State:
    """Health and bad tickets of the month, seen at its end.

    Args:
        draws: shape (2, ...): a standard normal (health) and a uniform (bad ticket).
    """
    health = truth.rho * state.health + (1 - truth.rho) * state.level + truth.step_sd * draws[0]
    shock = draws[1] < state.shock_rate
    return State(**{**vars(state), "health_before": state.health, "health": health, "shock": shock})
