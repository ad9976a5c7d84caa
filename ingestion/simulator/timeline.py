"""Days and months of the simulated period, and the seeded streams of random numbers.

Belongs here: turning month and day numbers into one another, the daily density of the lead inflow, child seeds.
Does not belong here: anything drawn from them. Days are counted from `starts_on` (day 0), months likewise.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingestion.simulator.parameters import InflowTruth
from ingestion.simulator.settings import SimulatorSettings

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

NEVER = 10**6  # a day that does not come
FIRST_CONTRACT_DAY, LAST_CONTRACT_DAY = 2, 27  # never a month's edge, so that month ends are unambiguous

Purpose = Literal[
    "leads", "touchpoints", "deals", "customers", "contracts", "signals", "usage", "oracle", "faults", "futures"
]
PURPOSES: tuple[Purpose, ...] = (
    "leads",
    "touchpoints",
    "deals",
    "customers",
    "contracts",
    "signals",
    "usage",
    "oracle",
    "faults",
    "futures",
)


def stream(seed: int, block: int, purpose: Purpose) -> np.random.Generator:
    """The random numbers of one block for one purpose, independent of every other block and purpose."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(block, PURPOSES.index(purpose))))


@dataclass(frozen=True)
class Timeline:
    """Calendar of the simulated period.

    Attributes:
        month_starts: first day of each month, and of the month after the last; shape (months + 1,).
        month_of_day: month number of each day; shape (days,).
        epoch_day: days from 1970-01-01 to day 0.
    """

    months: int
    days: int
    month_starts: Ints
    month_of_day: Ints
    epoch_day: int
    inflow: Floats

    @property
    def last_day(self) -> int:
        """The last simulated day."""
        return self.days - 1

    def day_in_month(self, days: Ints) -> Ints:
        """Day of the month, from 1."""
        return days - self.month_starts[self.month_of_day[days]] + 1

    def contract_days(self, days: Ints) -> Ints:
        """The next day, from each day on, that lies within the contract days of a month; may be past the end."""
        inside = np.minimum(days, self.last_day)
        number = self.day_in_month(inside)
        next_month = self.month_starts[self.month_of_day[inside] + 1] + FIRST_CONTRACT_DAY - 1
        moved = np.where(number < FIRST_CONTRACT_DAY, inside + 1, inside)
        return np.where(days > self.last_day, NEVER, np.where(number > LAST_CONTRACT_DAY, next_month, moved))


def timeline(settings: SimulatorSettings, truth: InflowTruth) -> Timeline:
    """Calendar and lead inflow density of the simulated period."""
    first = np.datetime64(settings.starts_on, "M")
    starts = (first + np.arange(settings.months + 1)).astype("datetime64[D]")
    epoch_day = (settings.starts_on - date(1970, 1, 1)).days
    month_starts = starts.astype(np.int64) - epoch_day
    days = int(month_starts[-1])
    month_of_day = np.repeat(np.arange(settings.months), np.diff(month_starts))
    calendar_month = (settings.starts_on.month - 1 + month_of_day) % 12
    weekend = (np.arange(days) + settings.starts_on.weekday()) % 7 >= 5
    weight = truth.monthly_growth**month_of_day * np.array(truth.month_factors)[calendar_month]
    weight = weight * np.where(weekend, truth.weekend_factor, 1.0)
    return Timeline(settings.months, days, month_starts, month_of_day, epoch_day, weight / weight.sum())
