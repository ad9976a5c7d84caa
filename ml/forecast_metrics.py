"""How good forecasts were: WAPE, MASE, bias, MSIS and coverage, with intervals that draw whole origins.

Belongs here: metrics of backtest rows. Does not belong here: running a backtest (`ml.models.forecasting`).
Sources: MASE, Hyndman & Koehler (2006); MSIS, Gneiting & Raftery (2007) as scaled in the M4 competition (2018).
"""

from typing import Final

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.bootstrap import bootstrap, interval
from ml.gates import Difference

RESAMPLES: Final = 500


def scale_of(values: FloatArray, season: int = 12) -> float:
    """Mean absolute change against the same month a year before (or the month before, within the first year)."""
    lag = season if len(values) > season else 1
    return max(float(np.mean(np.abs(values[lag:] - values[:-lag]))), 1e-9) if len(values) > lag else 1.0


def point_metrics(origin: FloatArray, actual: FloatArray, predicted: FloatArray, scale: float) -> pd.DataFrame:
    """Metric, value, lower, upper for `wape`, `mase` and `bias` (share of the actual total)."""
    error, size = predicted - actual, max(float(np.mean(np.abs(actual))), 1e-9)
    parts = {"wape": np.abs(error) / size, "mase": np.abs(error) / scale, "bias": error / size}
    return pd.DataFrame([_row(name, values, origin) for name, values in parts.items()])


def interval_metrics(
    origin: FloatArray, actual: FloatArray, predicted: FloatArray, widths: FloatArray, level: float, scale: float
) -> pd.DataFrame:
    """Metric, value, lower, upper for `coverage_<level>` and `msis_<level>`."""
    error, name = np.abs(actual - predicted), round(level * 100)
    score = (2 * widths + 2 / (1 - level) * np.maximum(error - widths, 0)) / scale
    inside = (error <= widths).astype(np.float64)
    return pd.DataFrame([_row(f"coverage_{name}", inside, origin), _row(f"msis_{name}", score, origin)])


def mae_difference(origin: FloatArray, actual: FloatArray, model: FloatArray, baseline: FloatArray) -> Difference:
    """Mean absolute error of the baseline minus that of the model, as a share of the actual mean."""
    size = max(float(np.mean(np.abs(actual))), 1e-9)
    row = _row("wape", (np.abs(baseline - actual) - np.abs(model - actual)) / size, origin)
    return Difference("wape", float(row["value"]), float(row["lower"]), float(row["upper"]))


def _row(name: str, values: FloatArray, origin: FloatArray) -> dict[str, str | float]:
    lower, upper = interval(
        bootstrap(lambda weights: weights @ values / weights.sum(axis=1), pd.Series(origin), RESAMPLES)
    )
    return {"metric": name, "value": float(np.mean(values)), "lower": lower, "upper": upper}
