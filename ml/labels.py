"""Labels: what happened in (`as_of`, `as_of` + horizon], from the marts' facts.

A row whose horizon is not over has no label; it is left out, never labelled "no", even if the event already
happened (else the newest rows would hold positives only). Belongs here: the definitions of the three outcomes and
their maturity. Does not belong here: features, joins to features, SQL.
"""

from datetime import date

import numpy as np
import pandas as pd

CHURNED = "churned"
CONVERTED = "converted"
WON = "won"


def churn_labels(
    rows: pd.DataFrame, spells: pd.DataFrame, *, horizon_days: int, confirm_days: int, data_until: date
) -> pd.DataFrame:
    """Whether the customer spell that is active at `as_of` ends within the horizon.

    Args:
        rows: account_id, as_of.
        spells: account_id, started_on, ended_on (null: still a customer at `data_until`).
        confirm_days: days after an end until it is certain; the grace period (contractual) or 0 (transactional).

    Returns:
        account_id, as_of, churned (0/1), one row per matured input row with an active spell.
    """
    keys = _matured(rows, "account_id", horizon_days + confirm_days, data_until)
    facts = _dated(spells, "account_id", "started_on", "ended_on")
    joined = keys.merge(facts, on="account_id", how="inner", validate="many_to_many")
    is_active = joined["started_on"].le(joined["as_of"]) & ~joined["ended_on"].le(joined["as_of"])
    active = (
        joined[is_active].sort_values("started_on", kind="stable").drop_duplicates(["account_id", "as_of"], keep="last")
    )
    return _labelled(active, "account_id", CHURNED, _within(active, "ended_on", horizon_days))


def lead_labels(
    rows: pd.DataFrame,
    lifecycle: pd.DataFrame,
    *,
    horizon_days: int,
    data_until: date,
    leads_from: date | None = None,
) -> pd.DataFrame:
    """Whether the lead becomes a customer within the horizon; leads that are customers at `as_of` are left out.

    Args:
        rows: lead_id, as_of.
        lifecycle: lead_id, created_on, customer_on; one row per lead.
        leads_from: leads created before this day are left out.

    Returns:
        lead_id, as_of, converted (0/1).
    """
    keys = _matured(rows, "lead_id", horizon_days, data_until)
    facts = _dated(lifecycle, "lead_id", "created_on", "customer_on")
    joined = keys.merge(facts, on="lead_id", how="inner", validate="many_to_one")
    wanted = ~joined["customer_on"].le(joined["as_of"])
    if leads_from is not None:
        wanted &= joined["created_on"].ge(pd.Timestamp(leads_from))
    open_leads = joined[wanted]
    return _labelled(open_leads, "lead_id", CONVERTED, _within(open_leads, "customer_on", horizon_days))


def win_labels(rows: pd.DataFrame, deals: pd.DataFrame, *, horizon_days: int, data_until: date) -> pd.DataFrame:
    """Whether an open deal is won within the horizon, with the competing outcome beside it.

    Args:
        rows: deal_id, as_of.
        deals: deal_id, closed_on, outcome (open/won/lost); closed deals without a date say nothing and are left out.

    Returns:
        deal_id, as_of, won (0/1), lost (0/1), closed_in_days (null where it stays open within the horizon).
    """
    keys = _matured(rows, "deal_id", horizon_days, data_until)
    facts = _dated(deals, "deal_id", "closed_on").assign(outcome=deals["outcome"].to_numpy())
    known = facts[facts["outcome"].eq("open") | facts["closed_on"].notna()]
    joined = keys.merge(known, on="deal_id", how="inner", validate="many_to_one")
    still_open = joined[~joined["closed_on"].le(joined["as_of"])]
    closes = _within(still_open, "closed_on", horizon_days)
    labelled = _labelled(still_open, "deal_id", WON, closes & still_open["outcome"].eq("won"))
    days = (still_open["closed_on"] - still_open["as_of"]).dt.days.where(closes)
    lost = (closes & still_open["outcome"].eq("lost")).astype(np.int64)
    return labelled.assign(lost=lost.to_numpy(), closed_in_days=days.to_numpy(dtype=np.float64))


def close_month_labels(
    rows: pd.DataFrame, deals: pd.DataFrame, *, month_days: int, months: int, data_until: date
) -> pd.DataFrame:
    """Every month after `as_of` that a deal entered open and whose end is covered, and how it ended.

    Args:
        rows, deals: see `win_labels`.
        month_days: length of a month; months: how many to look ahead.

    Returns:
        deal_id, as_of, month (from 1), won, lost (0/1, within that month).
    """
    parts = []
    for month in range(1, months + 1):
        found = win_labels(rows, deals, horizon_days=month * month_days, data_until=data_until)
        entered = ~(found["closed_in_days"] <= (month - 1) * month_days)
        parts.append(found.loc[entered, ["deal_id", "as_of", WON, "lost"]].assign(month=month))
    return pd.concat(parts, ignore_index=True)


def _matured(rows: pd.DataFrame, entity: str, days: int, data_until: date) -> pd.DataFrame:
    """Keys whose label is certain by `data_until`."""
    keys = rows[[entity, "as_of"]].assign(as_of=pd.to_datetime(rows["as_of"]))
    return keys[keys["as_of"] + pd.Timedelta(days=days) <= pd.Timestamp(data_until)]


def _dated(facts: pd.DataFrame, entity: str, *dates: str) -> pd.DataFrame:
    """Entity and dates, the dates as timestamps."""
    return pd.DataFrame(
        {entity: facts[entity].to_numpy(), **{day: pd.to_datetime(facts[day]).to_numpy() for day in dates}}
    )


def _within(rows: pd.DataFrame, day: str, horizon_days: int) -> "pd.Series[bool]":
    """Whether `day` lies in (as_of, as_of + horizon]."""
    return rows[day].gt(rows["as_of"]) & rows[day].le(rows["as_of"] + pd.Timedelta(days=horizon_days))


def _labelled(rows: pd.DataFrame, entity: str, name: str, label: "pd.Series[bool]") -> pd.DataFrame:
    """Keys with the label as 0/1."""
    keys = rows[[entity, "as_of"]].reset_index(drop=True)
    return keys.assign(**{name: label.to_numpy(dtype=np.int64)})
