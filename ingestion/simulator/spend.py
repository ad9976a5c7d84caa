"""Marketing spend by month and channel.

Belongs here: the one table that is not made block by block. Does not belong here: leads.
Spend follows the expected, not the drawn, number of leads, so it is known without drawing any; it scales with the
number of accounts.
"""

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.parameters import LeadTruth
from ingestion.simulator.timeline import Timeline

COST_PER_LEAD = (20.0, 90.0, 70.0, 40.0, 180.0, 30.0, 60.0, 110.0)
LEADS_PER_ACCOUNT = 7.5
MORNING = 28_800


def spend_table(truth: LeadTruth, calendar: Timeline, accounts: int, rng: np.random.Generator) -> pa.Table:
    """One row per month and lead source, known on the month's last day."""
    channels = len(truth.source.levels)
    inflow = np.bincount(calendar.month_of_day, weights=calendar.inflow) * accounts * LEADS_PER_ACCOUNT
    amount = inflow[:, None] * np.array(truth.source.shares) * np.array(COST_PER_LEAD)
    amount = amount * np.exp(0.15 * rng.standard_normal(amount.shape))
    month, channel = (axis.ravel() for axis in np.indices(amount.shape))
    count = calendar.months * channels
    ends = calendar.month_starts[month + 1] - 1
    names = col.texts(truth.source.levels, channel)
    first = col.dates(calendar, calendar.month_starts[month])
    return pa.table(
        {
            "spend_id": col.joined(col.ids("M", month, 3), names),
            "month": first,
            "channel": names,
            "amount": col.money(col.cents(amount.ravel())),
            "currency": col.constant(col.CURRENCY, count),
            "modified_at": col.instants(calendar, ends, np.full(count, MORNING)),
        }
    )
