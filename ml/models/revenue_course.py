"""The course of revenue so far: seasonal factors and growth, each with an interval.

Belongs here: what the complete months themselves say. Does not belong here: what comes (`ml.models.revenue`).
"""

from typing import Final

import numpy as np
import pandas as pd
from scipy.stats import t as student

FACTOR_BOUND: Final = 1.96
LEAST_SEASONS: Final = 24
LEVEL: Final = 0.95
SPANS: Final = {"month": 1, "quarter": 3, "year": 12}
LEAST_CHANGES: Final = 3
CHANGES: Final = 12


def seasonality(total: pd.Series) -> pd.DataFrame:
    """Monthly and quarterly factors (1 = a month like the others) with 95 % intervals; empty below two years.

    Ratio to a centred 12-month mean, averaged by calendar month (classical decomposition).
    """
    columns = ["period", "number", "factor", "lower", "upper"]
    if len(total) < LEAST_SEASONS:
        return pd.DataFrame(columns=columns)
    trend = total.rolling(12).mean().rolling(2).mean().shift(-6)
    usable = trend > 0
    ratio = (total[usable] / trend[usable]).dropna()
    rows = []
    months = pd.PeriodIndex(ratio.index)
    for period, number in (("month", months.month), ("quarter", months.quarter)):
        found = ratio.groupby(number).agg(["mean", "std", "size"])
        spread_of_all = float((ratio - ratio.groupby(number).transform("mean")).std())
        doubt = FACTOR_BOUND * found["std"].fillna(spread_of_all) / np.sqrt(found["size"])
        factors = found["mean"] / found["mean"].mean()
        table = pd.DataFrame({"factor": factors, "lower": factors - doubt, "upper": factors + doubt})
        rows.append(table.rename_axis("number").reset_index().assign(period=period))
    return pd.concat(rows, ignore_index=True)[columns]


def growth(total: pd.Series) -> pd.DataFrame:
    """Growth per month, quarter and year at the pace of the last twelve months, with 95 % intervals.

    Mean monthly change of the logarithm, carried to the span; the interval is Student's for that mean, so that it says
    how well few and unsteady months show a pace. Empty with a month that was not positive or below three changes.

    Returns:
        span, rate (0.02 = 2 % per span), lower, upper, months (changes it was learned from).
    """
    columns = ["span", "rate", "lower", "upper", "months"]
    recent = total.to_numpy(np.float64)[-CHANGES - 1 :]
    if len(recent) <= LEAST_CHANGES or recent.min() <= 0:
        return pd.DataFrame(columns=columns)
    changes = np.diff(np.log(recent))
    doubt = float(student.ppf((1 + LEVEL) / 2, len(changes) - 1) * changes.std(ddof=1) / np.sqrt(len(changes)))
    mean = float(changes.mean())
    rows = [
        (span, *(float(np.expm1(pace * months)) for pace in (mean, mean - doubt, mean + doubt)), len(changes))
        for span, months in SPANS.items()
    ]
    return pd.DataFrame(rows, columns=columns)
