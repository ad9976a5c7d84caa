"""Churn: the probability that a customer leaves within the horizon (90 days) after `as_of`.

Label: the customer spell active at `as_of` ends in (as_of, as_of + horizon]; contractual ends count once the grace
period is over, transactional ones after the inactivity window (`ml.labels.churn_labels`). Features: the customer
views (contract, usage, support, sentiment, payments) as known at `as_of`. Method, baselines and gates:
`ml.models.binary_training`; card: `docs/model_cards/churn.md`. Belongs here: what churn adds to the shared training
(risk level, revenue at risk, actions, the last day to act). Does not belong here: features, IO, thresholds' values.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.encoding import as_numbers
from ml.models.binary_training import BinaryTask, Outcome, train_binary
from ml.models.churn_contacts import ContactEconomics, policies
from ml.models.shrunken_rates import ShrunkenRates
from ml.models.tabular import FittedClassifier, TabularParams
from ml.search import Search
from ml.training_frames import TrainingFrame

MODEL = "churn"
LEVELS = ("Low", "Medium", "High", "Critical")


@dataclass(frozen=True)
class ChurnParams:
    """Settings of the churn model.

    Attributes:
        risk_medium, risk_high, risk_critical: lower bounds of the risk levels.
        amount_column: feature with the money per period (contractual: monthly recurring revenue; a transactional
            company gives its yearly revenue and one period); absent: no revenue at risk is given.
        periods_per_year: periods of that amount in a year (12 for monthly recurring revenue).
        renewal_column: feature with the days to the next renewal, the last day to act; absent: no such day.
        rule_features: figures a person would look at first.
        groupings: features by which the fallback groups customers.
        search: budget of a search for a better capacity of the booster; None: no search.
        economics: what contacting a customer costs and brings.
        least_train, least_test: customers of either outcome below which no learned model is judged.
    """

    horizon_days: int = 90
    risk_medium: float = 0.3
    risk_high: float = 0.5
    risk_critical: float = 0.7
    amount_column: str = "mrr_amount"
    periods_per_year: int = 12
    renewal_column: str = "renewal_due_days"
    rule_features: tuple[str, ...] = ("usage_28d_trend_ratio", "last_usage_days", "recency_days", "recency_gap_ratio")
    groupings: tuple[str, ...] = ("plan", "industry", "region")
    economics: ContactEconomics = field(default_factory=ContactEconomics)
    least_train: int = 40
    least_test: int = 10
    seed: int = 7
    search: Search | None = None


def run_training(frame: TrainingFrame, params: ChurnParams, champion: FittedClassifier | None = None) -> Outcome:
    """Train, compare, judge; adds the table "policies" (whom it pays to contact) to the report."""
    task = BinaryTask(
        model=MODEL,
        positives="churned customers",
        negatives="customers who stayed",
        happened=f"leave within {params.horizon_days} days",
        rule_features=params.rule_features,
        groupings=params.groupings,
        amount=params.amount_column,
        least_train=params.least_train,
        least_test=params.least_test,
        learner=TabularParams(params.seed, search=params.search),
    )
    outcome = train_binary(frame, task, champion)
    test = outcome.report.tables.get("test_predictions")
    if test is None or params.amount_column not in frame.data.columns:
        return outcome
    keys = [frame.entity, "as_of"]
    amounts = test[keys].merge(frame.data[[*keys, params.amount_column]], on=keys, how="left", validate="one_to_one")
    yearly = as_numbers(amounts[params.amount_column]) * params.periods_per_year
    levels = {"Medium": params.risk_medium, "High": params.risk_high, "Critical": params.risk_critical}
    found = policies(test, frame.entity, yearly, levels, params.economics)
    return replace(outcome, report=outcome.report.with_tables({"policies": found}))


def score_customers(
    model: FittedClassifier | ShrunkenRates, features: pd.DataFrame, params: ChurnParams
) -> pd.DataFrame:
    """Predictions as they are stored and shown; the same for one customer and for all.

    Args:
        features: account_id, as_of and the feature columns.

    Returns:
        account_id, as_of, value, lower, upper, reasons, risk_level, revenue_at_risk (probability times a year's
        amount), break_even (probability above which a contact pays), pays_to_contact, actions (of the reasons that
        raise the risk), act_from (the first working day after `as_of`), act_by (the renewal day if it lies within the
        horizon, else null).
    """
    found = model.predict(features)
    keys = features[["account_id"]].assign(as_of=pd.to_datetime(features["as_of"]))
    value = found["value"].to_numpy(dtype=np.float64)
    yearly = _column(features, params.amount_column) * params.periods_per_year
    break_even = params.economics.break_even(yearly)
    extra = {
        "risk_level": risk_levels(value, params),
        "revenue_at_risk": yearly * value,
        "break_even": break_even,
        "pays_to_contact": value > break_even,
        "actions": pd.Series([_actions(reasons) for reasons in found["reasons"]], index=features.index, dtype=object),
        "act_from": keys["as_of"] + pd.offsets.BusinessDay(),
        "act_by": _act_by(keys["as_of"], _column(features, params.renewal_column), params.horizon_days),
    }
    return pd.concat([keys, found], axis=1).assign(**extra)


def risk_levels(value: FloatArray, params: ChurnParams) -> list[str]:
    """Level of each probability; a bound belongs to the level above it."""
    bounds = [params.risk_medium, params.risk_high, params.risk_critical]
    return [LEVELS[at] for at in np.searchsorted(bounds, value, side="right")]


def _actions(reasons: list[dict[str, object]]) -> list[object]:
    return list(dict.fromkeys(reason["action"] for reason in reasons if reason["action"]))


def _column(features: pd.DataFrame, name: str) -> FloatArray:
    return as_numbers(features[name]) if name in features.columns else np.full(len(features), np.nan)


def _act_by(as_of: "pd.Series[pd.Timestamp]", days: FloatArray, horizon_days: int) -> "pd.Series[pd.Timestamp]":
    """The renewal day, where it is near enough to matter."""
    near = np.where((days >= 0) & (days <= horizon_days), np.floor(days), np.nan)
    return as_of + pd.to_timedelta(pd.Series(near, index=as_of.index), unit="D")
