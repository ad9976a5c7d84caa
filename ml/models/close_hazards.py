"""When an open deal closes: discrete-time competing risks of winning and losing, by stage, age and months ahead.

In the k-th month after a day a deal that is still open is won with hazard h_w(k), lost with h_l(k), or stays open
(Prentice et al. 1978; Allison 1982). Both depend on the stage and on a band of the age on that day, and are learned
from what deals in that state did in their k-th month: a deal moves on through the stages meanwhile, so hazards of a
stage held for months would put too much into the first. A cell's hazard is shrunken towards its stage's, that towards
the month's overall one, and that towards the month before. The win probability scales the wins and leaves their timing
as it is (mixture of risks, Larson & Dinse 1985). Belongs here: fitting those hazards and turning them into a
distribution over months. Does not belong here: the win probability.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from ml.arrays import FloatArray, IntArray, log_odds, logistic
from ml.encoding import as_numbers, as_texts
from ml.shrinkage import BetaPrior, estimate_prior

MONTH_DAYS = 30
MONTHS = 12
BANDS = 4
_CARRIED_ROWS = 20.0  # what a month's overall hazard counts in the estimate of the next


class CloseMonth(TypedDict):
    """Probability that the deal is won, or lost, in the `month`-th month after `as_of` (1 = the next 30 days)."""

    month: int
    won: float
    lost: float


Table = tuple[tuple[tuple[float, ...], ...], ...]


@dataclass(frozen=True)
class CloseHazards:
    """Monthly hazards.

    Attributes:
        stages: known stages; the last row of the hazards is for any other.
        edges: inner bounds of the age bands, days.
        won, lost: hazards, shape (months, stages + 1, bands); months beyond the last keep its hazards.
    """

    stage_column: str
    age_column: str
    horizon_days: int
    stages: tuple[str, ...]
    edges: tuple[float, ...]
    won: Table
    lost: Table

    def distribution(self, deals: pd.DataFrame, probability: FloatArray) -> list[list[CloseMonth]]:
        """Close-month distribution per deal; the wins within the horizon add up to `probability`."""
        wins, losses = _run(*self._hazards(deals))
        within = max(1, round(self.horizon_days / MONTH_DAYS))
        soon, all_wins = wins[:, :within].sum(axis=1), wins.sum(axis=1)
        later = (all_wins - soon) / (1 - soon)  # of those not won within the horizon
        later = np.where(later > 0, logistic(log_odds(later) + log_odds(probability) - log_odds(soon)), 0.0)
        found = wins * (probability / soon)[:, None]
        rest = wins[:, within:].sum(axis=1)
        found[:, within:] = wins[:, within:] * _ratio((1 - probability) * later, rest)[:, None]
        losses = losses * ((1 - found.sum(axis=1)) / (1 - all_wins))[:, None]
        return [
            [CloseMonth(month=at + 1, won=float(win[at]), lost=float(loss[at])) for at in range(MONTHS)]
            for win, loss in zip(found, losses, strict=True)
        ]

    def closing(self, deals: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """P(won) and P(lost) in each coming month by the hazards alone; shapes (deals, MONTHS)."""
        return _run(*self._hazards(deals))

    def _hazards(self, deals: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """Hazards of each coming month, shape (deals, months)."""
        stage = _stages(deals, self.stage_column, self.stages)[:, None]
        band = np.searchsorted(np.asarray(self.edges), _ages(deals, self.age_column), side="right")[:, None]
        month = np.minimum(np.arange(MONTHS), len(self.won) - 1)
        return np.asarray(self.won)[month, stage, band], np.asarray(self.lost)[month, stage, band]

    def save(self, folder: Path) -> None:
        """Write `close_hazards.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "close_hazards.json").write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "CloseHazards":
        """Read what `save` wrote."""
        plain: dict[str, Any] = json.loads((folder / "close_hazards.json").read_text(encoding="utf-8"))
        tables = {name: _table(np.asarray(plain[name])) for name in ("won", "lost")}
        return cls(**{**plain, **tables, "stages": tuple(plain["stages"]), "edges": tuple(plain["edges"])})


def fit_close_hazards(months: pd.DataFrame, stage_column: str, age_column: str, horizon_days: int) -> CloseHazards:
    """Fit on months of deals; any number of rows, none included.

    Args:
        months: stage and age column on a day (either may be absent), month (1 = the 30 days after it, all 1 if absent),
            won and lost within that month (0/1); one row per month that the deal entered open.
    """
    stages = tuple(sorted(as_texts(months[stage_column]).unique().tolist())) if stage_column in months.columns else ()
    age = _ages(months, age_column)
    edges = np.unique(np.quantile(age, np.linspace(0, 1, BANDS + 1)[1:-1])) if len(age) else np.empty(0)
    number = months["month"].to_numpy(np.int64) - 1 if "month" in months.columns else np.zeros(len(months), np.int64)
    shape = (max(1, min(MONTHS, int(number.max(initial=0)) + 1)), len(stages) + 1, len(edges) + 1)
    band = np.searchsorted(edges, age, side="right")
    cells = (number * shape[1] + _stages(months, stage_column, stages)) * shape[2] + band
    tables = (_shrunken(cells, months[name].to_numpy(np.float64), shape) for name in ("won", "lost"))
    won, lost = (_table(table) for table in tables)
    return CloseHazards(stage_column, age_column, horizon_days, stages, tuple(edges.tolist()), won, lost)


def _shrunken(cells: IntArray, events: FloatArray, shape: tuple[int, int, int]) -> FloatArray:
    """Hazard per cell, shrunken towards its stage's, that towards the month's, that towards the month's before."""
    kept, size = cells < np.prod(shape), int(np.prod(shape))
    count = np.bincount(cells[kept], minlength=size).reshape(shape).astype(np.float64)
    found = np.bincount(cells[kept], events[kept], size).reshape(shape).astype(np.float64)
    overall, tables = estimate_prior(found[0].sum(axis=1), count[0].sum(axis=1)).mean, []
    for events_of, rows_of in zip(found, count, strict=True):
        overall = (events_of.sum() + overall * _CARRIED_ROWS) / (rows_of.sum() + _CARRIED_ROWS)
        across = estimate_prior(events_of.sum(axis=1), rows_of.sum(axis=1)).strength
        stage = BetaPrior(overall, across).posterior_mean(events_of.sum(axis=1), rows_of.sum(axis=1))
        strength = estimate_prior(events_of.ravel(), rows_of.ravel()).strength
        tables.append((events_of + stage[:, None] * strength) / (rows_of + strength))
    return np.asarray(tables, dtype=np.float64)


def _run(won: FloatArray, lost: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Probabilities of winning and losing in each month from the hazards."""
    stays = np.cumprod(1 - won - np.minimum(lost, 1 - won), axis=1)
    before = np.column_stack([np.ones(len(won)), stays[:, :-1]])
    return before * won, before * np.minimum(lost, 1 - won)


def _stages(deals: pd.DataFrame, column: str, stages: tuple[str, ...]) -> IntArray:
    if column not in deals.columns:
        return np.full(len(deals), len(stages), dtype=np.int64)
    found = pd.Index(stages, dtype=object).get_indexer(pd.Index(as_texts(deals[column]))).astype(np.int64)
    return np.where(found >= 0, found, len(stages))


def _ages(deals: pd.DataFrame, column: str) -> FloatArray:
    if column not in deals.columns:
        return np.zeros(len(deals))
    return np.nan_to_num(as_numbers(deals[column]))


def _ratio(top: FloatArray, bottom: FloatArray) -> FloatArray:
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def _table(table: FloatArray) -> Table:
    """Plain tuples; a table by stage and band only, as older models have it, holds for every month."""
    return tuple(tuple(tuple(row) for row in part) for part in table.reshape(-1, *table.shape[-2:]).tolist())
