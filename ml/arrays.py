"""Array types and the numerically safe logistic functions that several modules share.

Belongs here: type aliases and pure element-wise mathematics. Does not belong here: anything that knows of models,
labels or frames.
"""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

SMALLEST_PROBABILITY = 1e-6


def logistic(log_odds: FloatArray) -> FloatArray:
    """Probability of log odds, without overflow; element-wise, so a batch equals its rows."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(log_odds, -35.0, 35.0))), dtype=np.float64)


def log_odds(probability: FloatArray) -> FloatArray:
    """Log odds of a probability, kept finite at 0 and 1."""
    safe = np.clip(probability, SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
    return np.asarray(np.log(safe) - np.log1p(-safe), dtype=np.float64)
