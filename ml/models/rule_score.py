"""The rule score: points that people agreed on, on their own scale of 0 to 200, beside the learned score.

Up to `mql_max_score` a lead is an MQL, from `sql_min_score` an SQL; some touchpoints (a booked consultation) make it
an SQL at once. The points are settings. Belongs here: adding points and the resulting stage, and how far rules and
model agree. Does not belong here: the points themselves, the learned model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.encoding import as_texts

HIGHEST = 200
ATTRIBUTES = ("seniority", "company_size", "lead_source")


@dataclass(frozen=True)
class RuleParams:
    """Points and bounds.

    Attributes:
        attribute_points: attribute of the lead to (value in lower case to points).
        touchpoint_points: kind to points, counted once per kind.
        sales_qualified_kinds: kinds that make a lead an SQL whatever its score.
    """

    attribute_points: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    touchpoint_points: Mapping[str, int] = field(default_factory=dict)
    sales_qualified_kinds: tuple[str, ...] = ("consultation_booked",)
    sql_min_score: int = 110


def rule_scores(leads: pd.DataFrame, touchpoints: pd.DataFrame, params: RuleParams) -> pd.DataFrame:
    """Score and stage of each lead.

    Args:
        leads: lead_id and any of seniority, company_size, lead_source; one row per lead.
        touchpoints: lead_id, kind; those known at scoring time.

    Returns:
        lead_id, rule_score (0 to 200), rule_stage ("mql" or "sql").
    """
    points = np.zeros(len(leads))
    for attribute in ATTRIBUTES:
        if attribute in leads.columns:
            worth = params.attribute_points.get(attribute, {})
            points += as_texts(leads[attribute]).str.lower().map(worth).fillna(0).to_numpy(dtype=np.float64)
    kinds = touchpoints[["lead_id", "kind"]].drop_duplicates()
    worth_kind = kinds.assign(points=kinds["kind"].map(params.touchpoint_points).fillna(0.0))
    per_lead = worth_kind.groupby("lead_id")["points"].sum()
    points += leads["lead_id"].map(per_lead).fillna(0.0).to_numpy(dtype=np.float64)
    score = np.clip(points, 0, HIGHEST)
    at_once = set(kinds.loc[kinds["kind"].isin(params.sales_qualified_kinds), "lead_id"])
    is_sql = (score >= params.sql_min_score) | leads["lead_id"].isin(at_once).to_numpy()
    return pd.DataFrame(
        {"lead_id": leads["lead_id"].to_numpy(), "rule_score": score, "rule_stage": np.where(is_sql, "sql", "mql")}
    )


def agreement(rule_score: FloatArray, probability: FloatArray, sql_min_score: int) -> dict[str, float]:
    """How far rules and model agree.

    Returns:
        rank_correlation (Spearman; nan where one of them is constant) and same_side_share: with as many leads
        called good by the model as the rules call SQL, the share of leads on the same side.
    """
    is_sql = rule_score >= sql_min_score
    ranks = pd.Series(probability).rank(ascending=False, method="first").to_numpy()
    same = float(((ranks <= is_sql.sum()) == is_sql).mean()) if len(ranks) else float("nan")
    both = pd.DataFrame({"rule": rule_score, "model": probability}).rank()
    varies = len(both) > 1 and (both.nunique() > 1).all()
    correlation = float(np.corrcoef(both["rule"], both["model"])[0, 1]) if varies else float("nan")
    return {"rank_correlation": correlation, "same_side_share": same}
