"""Draw the leads of one block: who they are, whether they convert, and when they pass each stage.

Belongs here: the lead process. Does not belong here: source tables (`lead_tables`) or probabilities (`lead_oracle`).
Leads are drawn one after another, in no order of time, until the block has its number of accounts; hence the number
of accounts is exact and every lead an independent draw.
"""

from dataclasses import dataclass, fields

import numpy as np

from ingestion.simulator.parameters import LeadTruth
from ingestion.simulator.timeline import NEVER, Flags, Floats, Ints, Timeline

STAGES = ("lead", "mql", "sql", "opportunity", "customer")
OPPORTUNITY, CUSTOMER = 3, 4
LEADS_PER_DRAW = 10  # leads drawn at once per account wanted
NOON = 43_200


@dataclass(frozen=True)
class Leads:
    """Leads of one block; every array has one row per lead.

    Attributes:
        codes: level of each factor (columns in the order of `LeadTruth.factors`).
        interest: latent, N(0, 1); seen only through touchpoints.
        log_odds: of ever converting, interest included.
        entered: day on which each stage is entered, NEVER where it is not; shape (leads, 5).
        lost_on: day on which the deal is lost, or NEVER.
        seconds: time of day at which the lead's events happen, UTC.
        account: number of the account within the block, -1 without one.
        consults: reaches SQL by booking a consultation.
    """

    codes: Ints
    interest: Floats
    log_odds: Floats
    entered: Ints
    lost_on: Ints
    seconds: Ints
    account: Ints
    consults: Flags

    def __len__(self) -> int:
        """Number of leads."""
        return len(self.interest)

    @property
    def created(self) -> Ints:
        """Day of creation."""
        return self.entered[:, 0]

    @property
    def closed_on(self) -> Ints:
        """Day on which the deal is won or lost, or NEVER."""
        return np.minimum(self.entered[:, CUSTOMER], self.lost_on)

    def take(self, index: Ints | Flags) -> "Leads":
        """Some of the leads."""
        return Leads(**{item.name: getattr(self, item.name)[index] for item in fields(self)})


def draw_leads(truth: LeadTruth, calendar: Timeline, accounts: int, rng: np.random.Generator) -> Leads:
    """Leads up to and including the one that brings the block's last account."""
    drawn: list[Leads] = []
    found = 0
    while found < accounts:
        batch = independent_leads(truth, calendar, accounts * LEADS_PER_DRAW, rng)
        has_account = batch.account >= 0
        numbered = np.where(has_account, found + np.cumsum(has_account) - 1, -1)
        batch = Leads(**{**vars(batch), "account": numbered})
        found += int(has_account.sum())
        drawn.append(batch)
    together = Leads(**{item.name: np.concatenate([getattr(b, item.name) for b in drawn]) for item in fields(Leads)})
    last = int(np.flatnonzero(together.account == accounts - 1)[0])
    return together.take(np.arange(last + 1))


def independent_leads(truth: LeadTruth, calendar: Timeline, count: int, rng: np.random.Generator) -> Leads:
    """Independent leads; `account` is 0 for a lead that gets an account record and -1 for the others."""
    codes = np.column_stack([rng.choice(len(f.levels), count, p=f.shares) for f in truth.factors.values()])
    interest = rng.standard_normal(count)
    log_odds = profile_log_odds(truth, codes) + truth.interest_effect * interest
    converts = rng.random(count) < 1 / (1 + np.exp(-log_odds))
    stuck = rng.choice(len(truth.stuck_shares), count, p=truth.stuck_shares)
    entered = _stage_days(truth, calendar, np.where(converts, CUSTOMER, stuck), rng)
    lost_lag = lags(truth.lost_median_days, truth.lost_sigma, count, rng)
    loses = ~converts & (stuck == OPPORTUNITY)
    keeps_account = rng.random(count) < truth.lost_with_account_share
    opened = entered[:, OPPORTUNITY] <= calendar.last_day
    return Leads(
        codes=codes,
        interest=interest,
        log_odds=log_odds,
        entered=entered,
        lost_on=np.where(loses, entered[:, OPPORTUNITY] + lost_lag, NEVER),
        seconds=NOON + rng.integers(-18_000, 14_400, count),
        account=np.where(opened & (converts | keeps_account), 0, -1),
        consults=rng.random(count) < truth.consultation_share,
    )


def profile_log_odds(truth: LeadTruth, codes: Ints) -> Floats:
    """Log-odds of ever converting from what is known at creation (interest 0)."""
    effects = [np.array(f.effects)[codes[:, i]] for i, f in enumerate(truth.factors.values())]
    return np.asarray(truth.intercept + np.sum(effects, axis=0), dtype=np.float64)


def _stage_days(truth: LeadTruth, calendar: Timeline, furthest: Ints, rng: np.random.Generator) -> Ints:
    """Day of entering each stage up to the furthest; NEVER beyond it."""
    count = len(furthest)
    created = np.searchsorted(np.cumsum(calendar.inflow)[:-1], rng.random(count), side="right")
    passed = [lags(m, s, count, rng) for m, s in zip(truth.lag_median_days, truth.lag_sigma, strict=True)]
    entered = np.cumsum(np.column_stack([created, *passed]), axis=1)
    return np.where(np.arange(len(STAGES)) <= furthest[:, None], entered, NEVER)


def lags(median: float, sigma: float, count: int, rng: np.random.Generator) -> Ints:
    """Log-normal lags rounded down to days."""
    return np.floor(median * np.exp(sigma * rng.standard_normal(count))).astype(np.int64)
