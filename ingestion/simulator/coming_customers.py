"""Who may still become a customer after a day, given all that happened up to it: open leads, and leads to come.

Belongs here: drawing the rest of open leads' ways from its true distribution, and the leads of the days after. Does not
belong here: their life as customers (`futures`). Leads to come are a Poisson process at the company's own rate; the
drawn company differs in that its number of accounts is exact.
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from ingestion.simulator.block import Draft, World
from ingestion.simulator.contracts import Quotes, draw_quotes
from ingestion.simulator.lead_oracle import LONGEST
from ingestion.simulator.leads import CUSTOMER, OPPORTUNITY, Leads, independent_leads, lags
from ingestion.simulator.timeline import Floats, Ints, Timeline


@dataclass(frozen=True)
class Coming:
    """Leads that are won after the day, in some futures; one row per lead and future.

    Attributes:
        path: number of the future.
    """

    path: Ints
    leads: Leads
    quotes: Quotes


def coming_customers(
    world: World, calendar: Timeline, draft: Draft, day: int, paths: int, rng: np.random.Generator
) -> Coming:
    """Draw them.

    Args:
        world: of the block as it was drawn; its calendar gives the rate of the inflow.
        calendar: of the futures; starts as the world's does.
    """
    path, number, leads = _of_open_leads(world, draft.leads, day, paths, rng)
    new_path, new_leads = _of_new_leads(world, calendar, len(draft.leads), day, paths, rng)
    known = Quotes(*(getattr(draft.quotes, name)[number] for name in ("plan", "seats", "price_share")))
    asked = draw_quotes(world.truth.contract, new_leads, rng)
    quotes = Quotes(*(np.concatenate([getattr(known, name), getattr(asked, name)]) for name in vars(known)))
    joined = {name: np.concatenate([getattr(leads, name), getattr(new_leads, name)]) for name in vars(leads)}
    return Coming(np.concatenate([path, new_path]), Leads(**joined), quotes)


def _of_open_leads(
    world: World, leads: Leads, day: int, paths: int, rng: np.random.Generator
) -> tuple[Ints, Ints, Leads]:
    """Path, number and way of the open leads that are won: the outcome and the lag out of the stage given the wait."""
    is_open = (leads.created <= day) & (leads.entered[:, CUSTOMER] > day) & (leads.lost_on > day)
    number = np.flatnonzero(is_open)
    mine = leads.take(number)
    stage = (mine.entered <= day).sum(axis=1) - 1
    entered = mine.entered[np.arange(len(mine)), stage]
    waited = np.clip(day - entered, 0, LONGEST - 1)
    oracle = world.lead_oracle
    chance = oracle.still_ever(oracle.ever(mine), stage, waited, mine.account >= 0)
    path, row = np.nonzero(rng.random((paths, len(mine))) < chance)
    won_on = entered[row] + _days_to_win(world, stage[row], waited[row], rng)
    won = mine.take(row)
    days = won.entered.copy()
    days[:, CUSTOMER] = won_on
    return path, number[row], Leads(**{**vars(won), "entered": days})


def _days_to_win(world: World, stage: Ints, waited: Ints, rng: np.random.Generator) -> Ints:
    """Days from entering the present stage to winning, of leads that convert and have waited `waited` days in it."""
    truth = world.truth.lead
    medians, sigmas = np.array(truth.lag_median_days), np.array(truth.lag_sigma)
    passed: Floats = norm.cdf(np.log((waited + 1) / medians[stage]) / sigmas[stage])
    level = passed + (1 - passed) * rng.random(len(stage))
    found = np.floor(medians[stage] * np.exp(sigmas[stage] * norm.ppf(np.minimum(level, 1 - 1e-12))))
    days = np.maximum(found, waited + 1).astype(np.int64)
    for later in range(1, OPPORTUNITY + 1):
        days += np.where(later > stage, lags(medians[later], sigmas[later], len(stage), rng), 0)
    return np.asarray(days)


def _of_new_leads(
    world: World, calendar: Timeline, drawn: int, day: int, paths: int, rng: np.random.Generator
) -> tuple[Ints, Leads]:
    """Path and way of the leads created after the day that are won within the calendar."""
    after = np.where(np.arange(calendar.days) > day, calendar.inflow, 0.0)
    expected = drawn * after.sum() * world.calendar.inflow[0] / calendar.inflow[0]
    counts = rng.poisson(expected, paths)
    coming = Timeline(**{**vars(calendar), "inflow": after / after.sum()})
    leads = independent_leads(world.truth.lead, coming, int(counts.sum()), rng)
    won = np.flatnonzero(leads.entered[:, CUSTOMER] <= calendar.last_day)
    return np.repeat(np.arange(paths), counts)[won], leads.take(won)
