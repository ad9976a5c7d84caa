"""What a model says, held against the known truth of the simulated company: pure functions from arrays to figures.

Belongs here: the figures that `benchmarks.known_truth` reports and `tests/model` hold to their bounds. Does not belong
here: running the chain, reading the truth, bounds.
"""

from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import norm, spearmanr
from sklearn.metrics import roc_auc_score

from ml.arrays import FloatArray, log_odds
from ml.binary_metrics import BINS, bin_indicator

COVERAGE_ROWS, MOST_BINS = 100, 40
CLOSE_LEVEL: Final = 0.9
Z_95: Final = 1.96


def probabilities(rows: pd.DataFrame, truth: str) -> dict[str, float]:
    """Ranking, calibration and intervals of stated probabilities against the true ones.

    Args:
        rows: test rows with label, value, lower, upper and the true probability in the column `truth`.

    Returns:
        rows, auc, oracle_auc (of the true probabilities on the same rows), share_of_oracle; total (stated sum ÷ true
        sum); ece (over ten bins of equal size, mean |true - stated|: no outcome's noise in it); inside (share of rows
        whose group of like rows, about 100 of them, has its true rate within the group's stated interval);
        width (mean of the intervals).
    """
    value, true = rows["value"].to_numpy(float), rows[truth].to_numpy(float)
    ours, best = roc_auc_score(rows["label"], value), roc_auc_score(rows["label"], true)
    return {
        "rows": float(len(rows)),
        "auc": float(ours),
        "oracle_auc": float(best),
        "share_of_oracle": float(ours / best),
        "total": float(value.sum() / true.sum()),
        "ece": _distance(value, true),
        "inside": rate_coverage(value, true, rows["lower"].to_numpy(float), rows["upper"].to_numpy(float)),
        "width": float((rows["upper"] - rows["lower"]).mean()),
    }


def _distance(value: FloatArray, true: FloatArray) -> float:
    member = bin_indicator(value, BINS)
    return float(np.abs((true - value) @ member).sum() / len(value))


def rate_coverage(value: FloatArray, true: FloatArray, lower: FloatArray, upper: FloatArray) -> float:
    """Share of rows whose group of like rows has its true rate within the group's mean interval."""
    member = bin_indicator(value, int(np.clip(len(value) // COVERAGE_ROWS, BINS, MOST_BINS)))
    count = member.sum(axis=0)
    rate, low, high = ((part @ member) / count for part in (true, lower, upper))
    return float(count @ ((rate >= low) & (rate <= high)) / count.sum())


def close_months(stated: FloatArray, true: FloatArray) -> dict[str, float]:
    """Distribution over the month of an event against the true one.

    Args:
        stated, true: P(event in each coming month), shape (deals, months); the rest is "later or never".

    Returns:
        inside: true probability of the 90 % interval of the month (central, by stated quantiles); promised: its
        stated probability, above 0.9 because months are whole; distance: mean over deals of the largest difference
        of the two distribution functions; sooner: mean stated minus true probability of the first month.
    """
    reached, reached_true = np.cumsum(stated, axis=1), np.cumsum(true, axis=1)
    tail = (1 - CLOSE_LEVEL) / 2
    first = (reached < tail).sum(axis=1, keepdims=True)
    last = (reached < 1 - tail).sum(axis=1, keepdims=True)
    month = np.arange(stated.shape[1] + 1)
    within = (month >= first) & (month <= last)
    promised, inside = ((_with_rest(part) * within).sum(axis=1) for part in (stated, true))
    return {
        "inside": float(inside.mean()),
        "promised": float(promised.mean()),
        "distance": float(np.abs(reached - reached_true).max(axis=1).mean()),
        "sooner": float((stated - true)[:, 0].mean()),
    }


def _with_rest(part: FloatArray) -> FloatArray:
    return np.column_stack([part, 1 - part.sum(axis=1)])


def values(said: pd.DataFrame, futures: FloatArray) -> dict[str, float]:
    """Expected values and their intervals against many futures.

    Args:
        said: value, lower, upper per customer.
        futures: what each customer brought in each future, shape (paths, customers).

    Returns:
        customers; rank (Spearman with the true expected value); total (stated sum ÷ true sum); error (mean
        |stated - true expected| ÷ mean true); inside, below, above (shares of futures of customers).
    """
    expected = futures.mean(axis=0)
    value = said["value"].to_numpy(float)
    below, above = futures < said["lower"].to_numpy(float), futures > said["upper"].to_numpy(float)
    return {
        "customers": float(len(said)),
        "rank": float(spearmanr(value, expected).statistic),
        "total": float(value.sum() / expected.sum()),
        "error": float(np.abs(value - expected).mean() / expected.mean()),
        "inside": float(1 - (below | above).mean()),
        "below": float(below.mean()),
        "above": float(above.mean()),
    }


def paths(said: pd.DataFrame, futures: FloatArray) -> dict[str, float]:
    """A forecast by month and its 80 % and 95 % intervals against many futures.

    Args:
        said: value, lower_80, upper_80, lower_95, upper_95 of each coming month.
        futures: shape (paths, months).

    Returns:
        inside_80, inside_95 (shares of futures of months); bias (mean of stated ÷ true expected - 1) of the first and
        of the last month; width_80 (stated width ÷ that of the futures' own 80 % interval, mean of months).
    """
    expected, value = futures.mean(axis=0), said["value"].to_numpy(float)
    found = {"bias_first": float(value[0] / expected[0] - 1), "bias_last": float(value[-1] / expected[-1] - 1)}
    for level in (80, 95):
        low, high = said[f"lower_{level}"].to_numpy(float), said[f"upper_{level}"].to_numpy(float)
        found[f"inside_{level}"] = float(((futures >= low) & (futures <= high)).mean())
    low, high = np.quantile(futures, [0.1, 0.9], axis=0)
    found["width_80"] = float(((said["upper_80"] - said["lower_80"]).to_numpy(float) / (high - low)).mean())
    return found


def effects(features: FloatArray, value: FloatArray, true: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What each feature does to the stated and to the true log odds, in the same least-squares projection.

    Args:
        features: shape (rows, k); gaps are filled with the median.

    Returns:
        Coefficients per standard deviation of each feature, stated and true, shape (k,).
    """
    filled = np.where(np.isfinite(features), features, np.nanmedian(features, axis=0))
    scaled = (filled - filled.mean(axis=0)) / np.maximum(filled.std(axis=0), 1e-9)
    design = np.column_stack([np.ones(len(scaled)), scaled])
    both = np.column_stack([log_odds(value), log_odds(np.clip(true, 1e-3, 1 - 1e-3))])
    found = np.linalg.lstsq(design, both, rcond=None)[0][1:]
    return found[:, 0], found[:, 1]


def share(hits: float, rows: float) -> tuple[float, float, float]:
    """A share with its 95 % interval (Wilson 1927)."""
    rate, z = hits / rows, Z_95
    centre = (rate + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z * np.sqrt(rate * (1 - rate) / rows + z**2 / (4 * rows**2)) / (1 + z**2 / rows)
    return float(rate), max(0.0, float(centre - half)), min(1.0, float(centre + half))


def below_in_lag(days: float, median: float, sigma: float) -> float:
    """P(a log-normal lag is shorter than so many days)."""
    return float(norm.cdf(np.log(days / median) / sigma))
