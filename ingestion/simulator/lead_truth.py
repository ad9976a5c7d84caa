"""Truth tables of leads and deals.

Belongs here: laying out the oracle's probabilities. Does not belong here: the oracle (`lead_oracle`).
"""

import numpy as np
import pyarrow as pa

from ingestion.simulator import columns as col
from ingestion.simulator.deal_tables import deal_ids
from ingestion.simulator.lead_oracle import AGES, LeadOracle
from ingestion.simulator.lead_tables import lead_ids
from ingestion.simulator.leads import OPPORTUNITY, Leads
from ingestion.simulator.parameters import LeadTruth
from ingestion.simulator.timeline import Timeline


def lead_truth(oracle: LeadOracle, calendar: Timeline, block: int, leads: Leads) -> pa.Table:
    """One row per lead and age at which it is not won: the probabilities known to a perfect observer.

    `p_convert_90d` knows interest and stages up to the age; `p_convert_90d_profile` is the best that can be said at
    creation from the profile alone; `p_convert` is the probability of ever converting, interest known.
    """
    tables = []
    at_creation, ever = oracle.at_creation(leads), oracle.ever(leads)
    for age in AGES:
        chance = oracle.at_age(leads, age)
        number = np.flatnonzero(~np.isnan(chance) & (leads.created + age <= calendar.last_day))
        table = {
            "lead_id": lead_ids(block, number),
            "age_days": pa.array(np.full(len(number), age)),
            "as_of": col.dates(calendar, leads.created[number] + age),
            "p_convert_90d": pa.array(chance[number]),
            "p_convert_90d_profile": pa.array(at_creation[number]),
            "p_convert": pa.array(ever[number]),
            "interest": pa.array(leads.interest[number]),
        }
        tables.append(pa.table(table))
    return pa.concat_tables(tables).combine_chunks()


def deal_truth(truth: LeadTruth, calendar: Timeline, block: int, leads: Leads) -> pa.Table:
    """One row per deal: the probability, on the day it is opened, that it will ever be won.

    P(won | opportunity) = p / (p + (1 - p) * share of lost leads that get as far as an opportunity).
    """
    number = np.flatnonzero(leads.entered[:, OPPORTUNITY] <= calendar.last_day)
    ever = 1 / (1 + np.exp(-leads.log_odds[number]))
    reached = ever + (1 - ever) * truth.stuck_shares[OPPORTUNITY]
    return pa.table({"deal_id": deal_ids(block, number), "p_win": pa.array(ever / reached)})
