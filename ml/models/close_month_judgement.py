"""Whether deals close when the close-month distribution says: stated against observed shares, month by month.

Belongs here: the comparison on test deals, with hazards fitted on what was known before the first of them. Does not
belong here: the hazards (`ml.models.close_hazards`).
"""

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.bootstrap import bootstrap, interval, weighted_mean
from ml.models.close_hazards import MONTH_DAYS, CloseHazards, CloseMonth, fit_close_hazards

OUTCOMES = ("won", "lost")
COLUMNS = ("outcome", "month", "deals", "stated_share", "observed_share", "lower", "upper", "is_covered")


def judge_close_months(
    test: pd.DataFrame, months: pd.DataFrame, like: CloseHazards, entity: str = "deal_id"
) -> pd.DataFrame:
    """Stated and observed shares of test deals that are won, or lost, in each month after `as_of`.

    Args:
        test: entity, as_of, value (win probability) of the test rows.
        months: entity, as_of, month, won, lost, stage and age of all rows (`labels.close_month_labels`).
        like: names the columns and the horizon; its own hazards have seen the test deals and are not used.

    Returns:
        outcome, month, deals (whose month is over), stated_share, observed_share with its 95 % bounds (bootstrap by
        deal), is_covered (the stated share lies within them). Empty where nothing older is known.
    """
    months = months.assign(as_of=pd.to_datetime(months["as_of"]))
    known_from = months["as_of"] + pd.to_timedelta(months["month"] * MONTH_DAYS, unit="D")
    older = months[known_from.le(pd.Timestamp(test["as_of"].min())).to_numpy()]
    if older.empty:
        return pd.DataFrame(columns=COLUMNS)
    hazards = fit_close_hazards(older, like.stage_column, like.age_column, like.horizon_days)
    first = months[months["month"] == 1]
    keys = [entity, "as_of"]
    rows = test[[*keys, "value"]].merge(first, on=keys, how="inner", validate="one_to_one")
    stated = hazards.distribution(rows, rows["value"].to_numpy(dtype=np.float64))
    found = []
    for month in sorted(months["month"].unique()):
        of_month = months[months["month"] == month]
        is_over = rows["as_of"].le(of_month["as_of"].max()).to_numpy()
        if is_over.any():
            happened = rows.loc[is_over, keys].merge(of_month, on=keys, how="left")
            told = [one for one, over in zip(stated, is_over, strict=True) if over]
            found += [_row(outcome, int(month), happened, told, entity) for outcome in OUTCOMES]
    return pd.DataFrame(found, columns=COLUMNS)


def _row(
    outcome: str, month: int, happened: pd.DataFrame, told: list[list[CloseMonth]], entity: str
) -> tuple[object, ...]:
    observed: FloatArray = happened[outcome].fillna(0).to_numpy(dtype=np.float64)
    at = [deal[month - 1] for deal in told]
    share = float(np.mean([one["won"] if outcome == "won" else one["lost"] for one in at]))
    lower, upper = interval(bootstrap(weighted_mean(observed), happened[entity]))
    # A bootstrap of no event at all has no width; 3 / n is the 95 % bound then (Hanley & Lippman-Hand 1983).
    unseen = min(1.0, 3 / happened[entity].nunique())
    lower, upper = min(lower, 1 - unseen), max(upper, unseen)
    return outcome, month, len(observed), share, float(observed.mean()), lower, upper, lower <= share <= upper
