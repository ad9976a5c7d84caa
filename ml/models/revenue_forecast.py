"""A revenue forecast as a fitted object: its rows, drivers, seasonal factors and growth, readable and writable as JSON.

Belongs here: storing and reading the forecast. Does not belong here: making it (`ml.models.revenue`).
"""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from ml.models.revenue_drivers import Drivers

FILE: Final = "revenue.json"
DATES: Final = ("origin", "month")
TOP_DOWN, BOTTOM_UP, COMBINED = "top_down", "bottom_up", "combined"
# The views by which of them is the forecast, if it is there.
SERVED: Final = (COMBINED, TOP_DOWN, BOTTOM_UP)


@dataclass(frozen=True)
class RevenueForecast:
    """The forecast of one origin.

    Attributes:
        origin: last day of the last complete month; None when there was nothing to forecast from.
        rows: origin, month, region, segment ("all" for sums), view, value, lower_80, upper_80, lower_95, upper_95.
        seasonality: period ("month" or "quarter"), number, factor, lower, upper.
        growth: span ("month", "quarter", "year"), rate, lower, upper, months.
        weights: view to its weight in the combination; of a fallback, simple method to 1 (chosen) or 0.
        drivers: of the view from below, for scenarios; None without such a view.
    """

    origin: date | None
    rows: pd.DataFrame
    seasonality: pd.DataFrame
    growth: pd.DataFrame
    weights: dict[str, float]
    drivers: Drivers | None = None

    def served(self) -> pd.DataFrame:
        """The rows that are the forecast: of the combination, or of the only (of a fallback: the simple) view."""
        if self.rows.empty:
            return self.rows.copy()
        views = set(self.rows["view"])
        shown = next(view for view in SERVED if view in views)
        found: pd.DataFrame = self.rows[self.rows["view"] == shown].reset_index(drop=True)
        return found

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """The forecast rows; with a column `month` in `features` those of the months asked for, else all."""
        if "month" not in features or self.rows.empty:
            return self.rows.copy()
        asked = pd.to_datetime(features["month"]).dt.to_period("M")
        is_asked = pd.to_datetime(self.rows["month"]).dt.to_period("M").isin(asked)
        found: pd.DataFrame = self.rows[is_asked].reset_index(drop=True)
        return found

    def save(self, folder: Path) -> None:
        """Write everything as JSON; floats keep all their digits."""
        rows = self.rows.assign(**{name: self.rows[name].astype(str) for name in DATES if name in self.rows})
        data = {
            "origin": str(self.origin) if self.origin else None,
            "rows": rows.to_dict("list"),
            "seasonality": self.seasonality.to_dict("list"),
            "growth": self.growth.to_dict("list"),
            "weights": self.weights,
            "drivers": self.drivers.as_json() if self.drivers else None,
        }
        (folder / FILE).write_text(json.dumps(data), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "RevenueForecast":
        """Read what `save` wrote."""
        data = json.loads((folder / FILE).read_text(encoding="utf-8"))
        rows = pd.DataFrame(data["rows"])
        if not rows.empty:
            rows["month"] = pd.to_datetime(rows["month"]).astype("datetime64[ns]")
            rows["origin"] = pd.to_datetime(rows["origin"]).dt.date
        origin = date.fromisoformat(data["origin"]) if data["origin"] else None
        drivers = Drivers.from_json(data["drivers"]) if data["drivers"] else None
        seasonality, growth = pd.DataFrame(data["seasonality"]), pd.DataFrame(data["growth"])
        return cls(origin, rows, seasonality, growth, data["weights"], drivers)
