"""The true probability that a customer churns within 90 days of a month's end, given the state at that time.

Belongs here: integrating the hazards over what may still happen. Does not belong here: the hazards (`hazard`).
Contract days lie on the 2nd to 27th, so the 90 days after a month's end hold exactly the next three decisions:

    P(churn) = 1 - E[(1 - h(1)) (1 - h(2)) (1 - h(3))]

with the mean over future health, bad tickets and actions, taken by antithetic Monte-Carlo. No outcome is drawn, only
probabilities are averaged, so that the error of the mean is some thousandths.
"""

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.customers import Record
from ingestion.simulator.hazard import State, act, churn_probability, move_on
from ingestion.simulator.parameters import ChurnTruth
from ingestion.simulator.timeline import Floats, Ints, Timeline

PATHS = 32  # even: the second half mirrors the first
DECISIONS = 3


def churn_probabilities(truth: ChurnTruth, state: State, month: Ints, rng: np.random.Generator) -> tuple[Floats, ...]:
    """Probability of having churned after 1, 2 and 3 further months.

    Args:
        state: one row per customer and month, at the month's end.
        month: the month of each row.
    """
    survival = np.ones((PATHS, len(month)))
    churned = []
    for step in range(1, DECISIONS + 1):
        normal, uniform = _antithetic(len(month), rng)
        state, _ = act(truth, state, month + step, active=True, draws=np.stack([normal[0], uniform[0]]))
        survival = survival * (1 - churn_probability(truth, state, month + step))
        state = move_on(truth, state, np.stack([normal[1], uniform[1]]))
        churned.append(1 - survival.mean(axis=0))
    return tuple(churned)


def _antithetic(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Standard normals and uniforms, shape (2, PATHS, count), the second half of the paths mirroring the first."""
    normal = rng.standard_normal((2, PATHS // 2, count))
    uniform = rng.random((2, PATHS // 2, count))
    return np.concatenate([normal, -normal], axis=1), np.concatenate([uniform, 1 - uniform], axis=1)


def customer_truth(
    truth: ChurnTruth, calendar: Timeline, record: Record, accounts: pa.Array, rng: np.random.Generator
) -> pa.Table:
    """One row per customer and month end at which it is a customer, with the true probabilities and latent health."""
    tables = [
        _one_month(truth, calendar, record, accounts.take(pa.array(record.account)), month, rng)
        for month in range(calendar.months)
    ]
    return pa.concat_tables(tables).combine_chunks()


def _one_month(
    truth: ChurnTruth, calendar: Timeline, record: Record, accounts: pa.Array, month: int, rng: np.random.Generator
) -> pa.Table:
    """Truth of the customers at the end of one month."""
    customer = np.flatnonzero(record.active[month])
    state = record.states[month].take(customer)
    churned = churn_probabilities(truth, state, np.full(len(customer), month), rng)
    ends = np.full(len(customer), calendar.month_starts[month + 1] - 1)
    return pa.table(
        {
            "account_id": accounts.take(pa.array(customer)),
            "as_of": col.dates(calendar, ends),
            "p_churn_30d": pa.array(churned[0]),
            "p_churn_60d": pa.array(churned[1]),
            "p_churn_90d": pa.array(churned[2]),
            "health": pa.array(state.health),
        }
    )
