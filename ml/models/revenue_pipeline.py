"""New MRR from open deals and from deals won but not yet begun, as known at an origin.

Open deals are won in each coming month by the competing hazards of stage and age (`ml.models.close_hazards`), fitted on
the deal-months known then; a won deal becomes MRR after an observed delay, at the observed ratio of MRR to amount.
Belongs here: that chain, its mean and its Monte-Carlo distribution. Does not belong here: the win model of single deals
(`ml.models.win_probability`), deals still to be opened (`ml.models.revenue_arrivals`).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.models.close_hazards import MONTHS, CloseHazards, fit_close_hazards
from ml.models.revenue_arrivals import lag_shares

LONGEST_DELAY: Final = 6
STAGE, AGE = "stage", "age_days"
DRAWS: Final = 2000
SEED: Final = 7
RATIO_HALF_LIFE: Final = 12.0
SIZE_QUANTILES: Final = (1 / 3, 2 / 3)


@dataclass(frozen=True)
class Pipeline:
    """The open and the signed deals of an origin.

    Attributes:
        wins: P(a deal is won in the k-th coming month), shape (deals, MONTHS).
        mrr: MRR a deal brings if won, shape (deals,).
        delays: P(MRR begins v months after the win), shape (LONGEST_DELAY + 1,); adds up to less than 1.
        signed: expected new MRR per coming month from deals already won, shape (LONGEST_DELAY,).
    """

    wins: FloatArray
    mrr: FloatArray
    delays: FloatArray
    signed: FloatArray

    def expected(self, horizon: int) -> FloatArray:
        """Expected new MRR per coming month from the open deals; shape (horizon,)."""
        won = np.zeros(horizon)
        months = min(horizon, self.wins.shape[1])
        won[:months] = (self.mrr @ self.wins)[:months]
        return np.asarray(np.convolve(won, self.delays)[:horizon])

    def ceiling(self) -> float:
        """What the open deals would bring if all were won."""
        return float(self.mrr.sum() * self.delays.sum())

    def simulate(self, horizon: int, draws: int, seed: int) -> FloatArray:
        """New MRR per coming month in each of many futures, a deal won or lost as a whole; shape (draws, horizon)."""
        rng = np.random.default_rng(seed)
        month = _drawn(rng, np.cumsum(self.wins, axis=1), draws)
        delay = _drawn(rng, np.broadcast_to(np.cumsum(self.delays), (len(self.mrr), len(self.delays))), draws)
        begins = month + delay
        found = np.zeros((draws, horizon))
        draw, deal = np.nonzero((month < self.wins.shape[1]) & (delay < len(self.delays)) & (begins < horizon))
        np.add.at(found, (draw, begins[draw, deal]), self.mrr[deal])
        return found


def _drawn(rng: np.random.Generator, cumulative: FloatArray, draws: int) -> IntArray:
    """Category of each deal in each draw, the number of categories where none came; shape (draws, deals)."""
    chance = rng.random((draws, len(cumulative)))
    return np.asarray((chance[:, :, None] >= cumulative[None, :, :]).sum(axis=2), dtype=np.int64)


@dataclass(frozen=True)
class DealHistory:
    """Deals with what became of them.

    Attributes:
        known: month from which the deal was in the books; closed: month of its end, which was known from `closed_known`
            on; started: month in which its MRR began; all month ordinals, `NEVER` where it did not happen.
        amount: of the deal, nan where unknown; start_mrr: MRR at its start, 0 without one.
    """

    deal_id: "pd.Index[str]"
    account: IntArray
    created: IntArray
    known: IntArray
    is_won: FloatArray
    closed: IntArray
    closed_known: IntArray
    started: IntArray
    amount: FloatArray
    start_mrr: FloatArray

    def won_by(self, origin: int) -> BoolArray:
        """Deals known to be won at an origin."""
        return (self.is_won > 0) & (self.closed <= origin) & (self.closed_known <= origin)


def pipeline_of(history: DealHistory, open_deals: pd.DataFrame, origin: int, pays: IntArray) -> Pipeline:
    """The pipeline at an origin.

    Args:
        open_deals: deal_id, month (ordinal of the month end), stage, age_days, amount of the deals open then.
        pays: positions of the accounts that pay at the origin; their deals are expansion, which the base covers.
    """
    won = history.won_by(origin)
    delays = lag_shares(
        history.closed[won], np.maximum(history.started[won], history.closed[won]), origin, LONGEST_DELAY
    )
    ratio, usual = _ratio(history, won & (history.started <= origin), origin)
    now = open_deals[open_deals["month"] == origin]
    position = history.deal_id.get_indexer(pd.Index(now["deal_id"]))
    taken = np.isin(history.account[position], pays) & (position >= 0)
    now = now[~taken]
    amounts = now["amount"].to_numpy(np.float64)
    wins = np.zeros((0, MONTHS))
    if len(now):
        wins = _wins(history, open_deals, now, origin)
    signed = _signed(history, won, delays, (ratio, usual), origin, pays)
    return Pipeline(wins, np.where(np.isnan(amounts), usual, amounts) * ratio, delays, signed)


def _ratio(history: DealHistory, begun: BoolArray, origin: int) -> tuple[float, float]:
    """MRR per unit of a won deal's amount, and the mean amount; (0, 0) before any won deal began."""
    rows = begun & np.isfinite(history.amount)
    weights = 0.5 ** ((origin - history.started[rows]) / RATIO_HALF_LIFE)
    total = float(weights @ history.amount[rows])
    if total <= 0:
        return 0.0, 0.0
    return float(weights @ history.start_mrr[rows]) / total, total / float(weights.sum())


def _wins(history: DealHistory, open_deals: pd.DataFrame, now: pd.DataFrame, origin: int) -> FloatArray:
    """P(won) of each deal in each coming month; shape (deals, MONTHS).

    Large deals are not won as often as small ones, and money is what counts: a stage is split by thirds of the amount.
    """
    past = open_deals[open_deals["month"] < origin]
    bounds = np.asarray(past["amount"].astype(float).quantile(list(SIZE_QUANTILES)), dtype=np.float64)
    return _hazards(history, _by_size(past, bounds), origin).closing(_by_size(now, bounds))[0]


def _by_size(deals: pd.DataFrame, bounds: FloatArray) -> pd.DataFrame:
    third = np.searchsorted(bounds, deals["amount"].to_numpy(np.float64))
    return deals.assign(**{STAGE: deals[STAGE].astype(str) + " " + pd.Series(third, deals.index).astype(str)})


def _hazards(history: DealHistory, past: pd.DataFrame, origin: int) -> CloseHazards:
    """Competing hazards of the deal-months before the origin, with closings as far as they were known then."""
    position = history.deal_id.get_indexer(pd.Index(past["deal_id"]))
    closed = (history.closed[position] == past["month"].to_numpy() + 1) & (history.closed_known[position] <= origin)
    closed &= position >= 0
    won = history.is_won[position] > 0
    months = past[[STAGE, AGE]].assign(won=(closed & won).astype(int), lost=(closed & ~won).astype(int))
    return fit_close_hazards(months, STAGE, AGE, horizon_days=90)


def _signed(
    history: DealHistory,
    won: BoolArray,
    delays: FloatArray,
    size: tuple[float, float],
    origin: int,
    pays: IntArray,
) -> FloatArray:
    """Deals won in the last months whose MRR has not begun, by the delays still possible for them."""
    ratio, usual = size
    waiting = won & (history.started > origin) & (history.closed > origin - LONGEST_DELAY)
    waiting &= ~np.isin(history.account, pays)
    found = np.zeros(LONGEST_DELAY)
    for deal in np.flatnonzero(waiting):
        age = origin - int(history.closed[deal])
        ahead = delays[age + 1 :]
        left = max(1 - float(delays[: age + 1].sum()), 1e-9)
        amount = history.amount[deal] if np.isfinite(history.amount[deal]) else usual
        found[: len(ahead)] += amount * ratio * ahead / left
    return found


def pipeline_table(pipeline: Pipeline, months: pd.PeriodIndex) -> pd.DataFrame:
    """New MRR from open deals by coming month: month, expected, lower_80, upper_80, mean of the simulated futures."""
    futures = pipeline.simulate(len(months), DRAWS, SEED)
    low, high = np.quantile(futures, [0.1, 0.9], axis=0)
    return pd.DataFrame(
        {
            "month": months.to_timestamp(),
            "expected": pipeline.expected(len(months)),
            "simulated": futures.mean(axis=0),
            "lower_80": low,
            "upper_80": high,
        }
    )
