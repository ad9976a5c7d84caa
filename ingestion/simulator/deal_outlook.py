"""The true outlook of open deals: won or lost, and in which month, given all that can be seen of them on a day.

For a deal that has been open for a days, with T the days from opening to closing:

    P(outcome, T | seen) ~ P(outcome) P(account record | outcome) P(T | outcome) P(stage days seen | T, outcome), T > a

The stages lie at T x order statistics 2 to 4 of four uniforms, and a lost deal shows only some of them
(`deal_tables.deal_stage_events_table`), so the density of the days seen is a polynomial in 1 / T. Made on demand and
never written. Belongs here: that posterior and its table. Does not belong here: the lags and shares (`parameters`).
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.simulator import columns as col
from ingestion.simulator.block import Draft, World, block_sizes, draw_block, sales_tables, world_of
from ingestion.simulator.deal_tables import DEAL_STAGES, deal_ids
from ingestion.simulator.lead_oracle import lag_mass
from ingestion.simulator.leads import OPPORTUNITY, Leads
from ingestion.simulator.parameters import LeadTruth
from ingestion.simulator.settings import SimulatorSettings
from ingestion.simulator.timeline import NEVER, Floats, Ints, Timeline

MONTH_DAYS, MONTHS, HORIZON_MONTHS = 30, 12, 3
LONGEST = 16  # months of 30 days; what is open goes on for longer with a probability below 1e-4


def deal_outlook(settings: SimulatorSettings) -> pa.Table:
    """One row per deal and day of judgement: its opening, and every month's end while it is open.

    Returns:
        deal_id, as_of, p_win_90d, and p_won_by_month, p_lost_by_month: lists over the next twelve times 30 days.
    """
    world = world_of(settings)
    blocks = [draw_block(world, number, accounts) for number, accounts in enumerate(block_sizes(settings))]
    return pa.concat_tables([_of_block(world, draft) for draft in blocks]).combine_chunks()


def _of_block(world: World, draft: Draft) -> pa.Table:
    truth, calendar, leads = world.truth.lead, world.calendar, draft.leads
    number = np.flatnonzero(leads.entered[:, OPPORTUNITY] <= calendar.last_day)
    mine = leads.take(number)
    keys = deal_ids(draft.number, number)
    deal, day = _judged(calendar, mine)
    opened = mine.entered[deal, OPPORTUNITY]
    stages = _stage_days(calendar, keys, sales_tables(world, draft)["deal_stage_events"])[deal] - opened[:, None]
    won, lost = _outlook(truth, mine.log_odds[deal], mine.account[deal] >= 0, day - opened, stages)
    return pa.table(
        {
            "deal_id": keys.take(pa.array(deal)),
            "as_of": col.dates(calendar, day),
            "p_win_90d": pa.array(won[:, :HORIZON_MONTHS].sum(axis=1)),
            "p_won_by_month": pa.array(list(won), pa.list_(pa.float64())),
            "p_lost_by_month": pa.array(list(lost), pa.list_(pa.float64())),
        }
    )


def _judged(calendar: Timeline, deals: Leads) -> tuple[Ints, Ints]:
    """Deal and day of every judgement."""
    ends = calendar.month_starts[1:] - 1
    opened, closed = deals.entered[:, OPPORTUNITY], deals.closed_on
    deal, end = np.nonzero((ends >= opened[:, None]) & (ends < closed[:, None]) & (ends != opened[:, None]))
    at_opening = np.flatnonzero(closed > opened)
    return np.concatenate([at_opening, deal]), np.concatenate([opened[at_opening], ends[end]])


def _stage_days(calendar: Timeline, keys: pa.Array, events: pa.Table) -> Ints:
    """Day of entering each stage after the first, NEVER where it is not; shape (deals, 3)."""
    deal = pc.index_in(events["deal_id"], keys).to_numpy()
    stage = pc.index_in(events["stage"], pa.array(DEAL_STAGES)).to_numpy()
    day = pc.cast(pc.cast(events["entered_at"], pa.date32()), pa.int32()).to_numpy() - calendar.epoch_day
    days = np.full((len(keys), len(DEAL_STAGES)), NEVER)
    days[deal, stage] = day
    return days[:, 1:]


def _outlook(
    truth: LeadTruth, log_odds: Floats, has_account: np.ndarray, age: Ints, stages: Ints
) -> tuple[Floats, Floats]:
    """P(won) and P(lost) in each of the coming months, shape (rows, months).

    Args:
        stages: days from opening to each later stage; what lies after `age` is not seen.
    """
    length = age[:, None] + np.arange(1, MONTH_DAYS * LONGEST + 1)
    ever = 1 / (1 + np.exp(-log_odds))
    seen = _likelihoods(length, age, np.where(stages <= age[:, None], stages, NEVER))
    won = lag_mass(truth.lag_median_days[OPPORTUNITY], truth.lag_sigma[OPPORTUNITY])[length] * seen[-1]
    won *= np.where(has_account, ever, 0.0)[:, None]
    account = np.where(has_account, truth.lost_with_account_share, 1 - truth.lost_with_account_share)
    lost = lag_mass(truth.lost_median_days, truth.lost_sigma)[length] * (sum(seen) / len(seen))
    lost *= ((1 - ever) * truth.stuck_shares[OPPORTUNITY] * account)[:, None]
    total = (won + lost).sum(axis=1, keepdims=True)
    by_month = [part.reshape(len(age), LONGEST, MONTH_DAYS).sum(axis=2)[:, :MONTHS] / total for part in (won, lost)]
    return by_month[0], by_month[1]


def _likelihoods(length: Ints, age: Ints, stages: Ints) -> list[Floats]:
    """Density of the stage days seen, by number of later stages (0 to 3) that the deal would show; (rows, lengths).

    With s1 < s2 < s3 the order statistics 2 to 4 of four uniforms, density 24 s1; x = (age + 1) / T bounds the unseen:
    integrated over s2, s3 > x: 12 s1 (1 - x)^2, over s3 > x: 24 s1 (1 - x), and P(s1 > x) = (1 - x)^4 + 4 x (1 - x)^3.
    """
    x = (age[:, None] + 1) / length
    rest = 1 - x
    number = (stages < NEVER).sum(axis=1)[:, None]
    first, second = (np.where(stages[:, [at]] < NEVER, stages[:, [at]] + 0.5, 0.0) / length for at in (0, 1))
    unseen = np.where(number == 0, rest**3 * (1 + 3 * x), 0.0)
    one, two = np.where(number == 1, 12 * first / length, 0.0), np.where(number == 2, 24 * first / length**2, 0.0)
    three = np.where(number == 3, 24 * first / length**3, 0.0)
    return [
        np.where(number == 0, 1.0, np.zeros_like(x)),
        unseen + one * (1 - first) ** 2,
        unseen + one * rest**2 + two * (1 - second),
        unseen + one * rest**2 + two * rest + three,
    ]
