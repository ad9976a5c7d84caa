"""What drives a bottom-up forecast, and what another churn, win rate or lead flow would make of it.

The drivers are stored with the forecast, so that a scenario needs neither data nor training. A lever changes one driver
and nothing else; a lever of zero leaves every figure as it is, bit by bit. Belongs here: the parts of the view from
below, levers. Does not belong here: estimating drivers (`ml.models.revenue_bottom_up`), the named scenarios of a
company (`companies.scenarios`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from ml.arrays import FloatArray

BASE, EXPANSION, PIPELINE, NEW_BUSINESS = PARTS = ("base_retained", "expansion", "pipeline", "new_business")
NOTHING: Final = -1.0


@dataclass(frozen=True)
class Levers:
    """Relative changes: 0.1 is ten per cent more; -1 is the least.

    Attributes:
        churn: of the monthly rate at which revenue leaves, of present and of new customers.
        win: of the win rate of open and of future deals (signed deals are certain).
        leads: of the leads still to come; of all new business where a company has no leads.
    """

    churn: float = 0.0
    win: float = 0.0
    leads: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: a lever below -1.
        """
        low = [name for name, value in asdict(self).items() if not value >= NOTHING]
        if low:
            msg = f"a lever cannot take away more than everything: {', '.join(low)} is below -100 %"
            raise ValueError(msg)


NO_CHANGE: Final = Levers()


@dataclass(frozen=True)
class Drivers:
    """The parts of a bottom-up forecast; paths have shape (horizon,).

    Attributes:
        stock: revenue of the customers of the origin in a month, if none left.
        stays: share of it that has not left; growth: of what has not left, relative to now.
        signed: starts of deals already won; open_deals: starts expected from open deals; open_ceiling: if all are won.
        known_leads, coming: starts expected from leads known at the origin, and from leads (or new business) to come.
        other: starts that no lead or deal explains, as they continue.
        once: what a start pays in its own month and never again; keeps: what is left of a start v months after it.
        has_wins: whether new business passes through deals or leads that are won, so that the win rate moves it.
    """

    stock: float
    stays: FloatArray
    growth: FloatArray
    signed: FloatArray
    open_deals: FloatArray
    open_ceiling: float
    known_leads: FloatArray
    coming: FloatArray
    other: FloatArray
    once: float
    keeps: FloatArray
    has_wins: bool

    def parts(self, levers: Levers = NO_CHANGE) -> dict[str, FloatArray]:
        """Revenue of each coming month by part; their sum is the bottom-up forecast."""
        base = self.stock * _faded(self.stays, 1.0, levers.churn)
        keeps = _faded(self.keeps, float(self.keeps[0]) if len(self.keeps) else 0.0, levers.churn)
        won = 1 + levers.win
        reachable = float(self.open_deals.sum())
        open_factor = min(won, self.open_ceiling / reachable) if reachable > 0 else 1.0
        later = won if self.has_wins else 1.0
        from_leads = (self.known_leads + self.coming * (1 + levers.leads)) * later + self.other
        return {
            BASE: base,
            EXPANSION: base * (self.growth - 1),
            PIPELINE: self._built(self.signed + self.open_deals * open_factor, keeps),
            NEW_BUSINESS: self._built(from_leads, keeps),
        }

    def total(self, levers: Levers = NO_CHANGE) -> FloatArray:
        """The bottom-up forecast; shape (horizon,)."""
        return np.asarray(np.sum(list(self.parts(levers).values()), axis=0))

    def as_json(self) -> dict[str, Any]:
        """Plain lists and numbers; floats keep all their digits."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Drivers":
        """Read what `as_json` gave."""
        read: dict[str, Any] = {name: np.array(v) if isinstance(v, list) else v for name, v in data.items()}
        return cls(**read)

    def _built(self, starts: FloatArray, keeps: FloatArray) -> FloatArray:
        """What the starts of all months up to each month still bring in it."""
        return np.asarray(starts * self.once + np.convolve(starts, keeps)[: len(starts)])


def _faded(path: FloatArray, first: float, churn: float) -> FloatArray:
    """A path of what is left, with its monthly rates of loss multiplied by 1 + churn; a rise is no loss and stays."""
    if churn == 0 or not len(path):
        return path
    before = np.concatenate([[first], path[:-1]])
    kept = np.divide(path, before, out=np.ones(len(path)), where=before > 0)
    loss = 1 - kept
    return np.asarray(first * np.cumprod(1 - np.where(loss > 0, np.minimum(loss * (1 + churn), 1.0), loss)))
