"""When an open deal closes: discrete-time competing risks of winning and losing, by stage and age.

Each month an open deal is won with hazard h_w, lost with h_l, or stays open (Prentice et al. 1978; Allison 1982). Both
depend on the stage and on a band of the deal's age; a cell's hazard is shrunken towards its stage's, and that towards
the overall one. The stage is held while the age runs on, so late months lean towards the present stage. Belongs here:
fitting those hazards and turning them into a distribution over months. Does not belong here: the win probability.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pandas as pd

from ml.arrays import FloatArray, IntArray
from ml.encoding import as_numbers, as_texts
from ml.shrinkage import estimate_prior

MONTH_DAYS = 30
MONTHS = 12
BANDS = 4
_HALVINGS = 40


class CloseMonth(TypedDict):
    """Probability that the deal is won, or lost, in the `month`-th month after `as_of` (1 = the next 30 days)."""

    month: int
    won: float
    lost: float


@dataclass(frozen=True)
class CloseHazards:
    """Monthly hazards.

    Attributes:
        stages: known stages; the last row of the hazards is for any other.
        edges: inner bounds of the age bands, days.
        won, lost: hazards, shape (stages + 1, bands).
    """

    stage_column: str
    age_column: str
    horizon_days: int
    stages: tuple[str, ...]
    edges: tuple[float, ...]
    won: tuple[tuple[float, ...], ...]
    lost: tuple[tuple[float, ...], ...]

    def distribution(self, deals: pd.DataFrame, probability: FloatArray) -> list[list[CloseMonth]]:
        """Close-month distribution per deal; the wins within the horizon add up to `probability` where they can."""
        won, lost = self._hazards(deals)
        within = max(1, round(self.horizon_days / MONTH_DAYS))
        low, high = np.full(len(deals), -12.0), np.full(len(deals), 12.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            reached = _run(*_tilt(won, lost, middle))[0][:, :within].sum(axis=1)
            low, high = np.where(reached < probability, middle, low), np.where(reached < probability, high, middle)
        wins, losses = _run(*_tilt(won, lost, (low + high) / 2))
        return [
            [CloseMonth(month=at + 1, won=float(win[at]), lost=float(loss[at])) for at in range(MONTHS)]
            for win, loss in zip(wins, losses, strict=True)
        ]

    def closing(self, deals: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """P(won) and P(lost) in each coming month by the hazards alone; shapes (deals, MONTHS)."""
        return _run(*self._hazards(deals))

    def _hazards(self, deals: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
        """Hazards of each coming month, shape (deals, months)."""
        stage = _stages(deals, self.stage_column, self.stages)
        age = _ages(deals, self.age_column)[:, None] + MONTH_DAYS * np.arange(MONTHS)
        band = np.searchsorted(np.asarray(self.edges), age, side="right")
        return np.asarray(self.won)[stage[:, None], band], np.asarray(self.lost)[stage[:, None], band]

    def save(self, folder: Path) -> None:
        """Write `close_hazards.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "close_hazards.json").write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "CloseHazards":
        """Read what `save` wrote."""
        plain: dict[str, Any] = json.loads((folder / "close_hazards.json").read_text(encoding="utf-8"))
        tables = {name: tuple(tuple(row) for row in plain[name]) for name in ("won", "lost")}
        return cls(**{**plain, **tables, "stages": tuple(plain["stages"]), "edges": tuple(plain["edges"])})


def fit_close_hazards(months: pd.DataFrame, stage_column: str, age_column: str, horizon_days: int) -> CloseHazards:
    """Fit on deal-months; any number of rows, none included.

    Args:
        months: stage and age column (either may be absent), won and lost within the next 30 days (0/1).
    """
    stages = tuple(sorted(as_texts(months[stage_column]).unique().tolist())) if stage_column in months.columns else ()
    age = _ages(months, age_column)
    edges = np.unique(np.quantile(age, np.linspace(0, 1, BANDS + 1)[1:-1])) if len(age) else np.empty(0)
    cells = _stages(months, stage_column, stages) * (len(edges) + 1) + np.searchsorted(edges, age, side="right")
    shape = (len(stages) + 1, len(edges) + 1)
    won, lost = (_shrunken(cells, months[name].to_numpy(dtype=np.float64), shape) for name in ("won", "lost"))
    return CloseHazards(stage_column, age_column, horizon_days, stages, tuple(edges.tolist()), _rows(won), _rows(lost))


def _shrunken(cells: IntArray, events: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Hazard per cell, shrunken towards its stage's, which is shrunken towards the overall one."""
    count = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    found = np.bincount(cells, events, shape[0] * shape[1]).reshape(shape).astype(np.float64)
    across = estimate_prior(found.sum(axis=1), count.sum(axis=1))
    stage = across.posterior_mean(found.sum(axis=1), count.sum(axis=1))
    strength = estimate_prior(found.ravel().astype(np.float64), count.ravel().astype(np.float64)).strength
    return np.asarray((found + stage[:, None] * strength) / (count + strength), dtype=np.float64)


def _tilt(won: FloatArray, lost: FloatArray, shift: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Add `shift` to the log odds of winning against not winning in every month; losing keeps its share of the rest."""
    odds = won / (1 - won) * np.exp(shift)[:, None]
    tilted = odds / (1 + odds)
    return tilted, lost / np.maximum(1 - won, 1e-9) * (1 - tilted)


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


def _rows(table: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in table.tolist())
