"""Churn: the probability that a customer leaves within the horizon (90 days) after `as_of`.

Label: the customer spell active at `as_of` ends in (as_of, as_of + horizon]; contractual ends count once the grace
period is over, transactional ones after the inactivity window (`ml.labels.churn_labels`). Features: the customer
views (contract, usage, support, sentiment, payments) as known at `as_of`. Method, baselines and gates:
`ml.models.binary_training`; card: `docs/model_cards/churn.md`. Belongs here: what churn adds to the shared training
(risk level, revenue at risk, actions, the last day to act). Does not belong here: features, IO, thresholds' values.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.encoding import as_numbers
from ml.models.binary_training import BinaryTask, Outcome, train_binary
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
    least_train: int = 40
    least_test: int = 10
    seed: int = 7
    search: Search | None = None


def run_training(frame: TrainingFrame, params: ChurnParams, champion: FittedClassifier | None = None) -> Outcome:
    """Train, compare, judge; see `ml.models.binary_training.train_binary`."""
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
    return train_binary(frame, task, champion)


def score_customers(
    model: FittedClassifier | ShrunkenRates, features: pd.DataFrame, params: ChurnParams
) -> pd.DataFrame:
    """Predictions as they are stored and shown; the same for one customer and for all.

    Args:
        features: account_id, as_of and the feature columns.

    Returns:
        account_id, as_of, value, lower, upper, reasons, risk_level, revenue_at_risk (probability times a year's
        amount; null without an amount), actions (of the reasons that raise the risk), act_by (the renewal day if it
        lies within the horizon, else null).
    """
    found = model.predict(features)
    keys = features[["account_id"]].assign(as_of=pd.to_datetime(features["as_of"]))
    value = found["value"].to_numpy(dtype=np.float64)
    extra = {
        "risk_level": risk_levels(value, params),
        "revenue_at_risk": _column(features, params.amount_column) * params.periods_per_year * value,
        "actions": pd.Series([_actions(reasons) for reasons in found["reasons"]], index=features.index, dtype=object),
        "act_by": _act_by(keys["as_of"], _column(features, params.renewal_column), params.horizon_days),
    }
    return pd.concat([keys, found], axis=1).assign(**extra)


def risk_levels(value: FloatArray, params: ChurnParams) -> list[str]:
    """Level of each probability; a bound belongs to the level above it."""
    bounds = [params.risk_medium, params.risk_high, params.risk_critical]
    return [LEVELS[at] for at in np.searchsorted(bounds, value, side="right")]


def break_even_probability(
    yearly_amount: float, *, contact_cost: float, saved_share: float, margin_ratio: float
) -> float:
    """The churn probability above which contacting a customer pays: cost / (share saved x margin x amount).

    Returns:
        At most 1; 1 where contacting never pays.
    """
    gain = saved_share * margin_ratio * yearly_amount
    return min(1.0, contact_cost / gain) if gain > 0 else 1.0


def _actions(reasons: list[dict[str, object]]) -> list[object]:
    return list(dict.fromkeys(reason["action"] for reason in reasons if reason["action"]))


def _column(features: pd.DataFrame, name: str) -> FloatArray:
    return as_numbers(features[name]) if name in features.columns else np.full(len(features), np.nan)


def _act_by(as_of: "pd.Series[pd.Timestamp]", days: FloatArray, horizon_days: int) -> "pd.Series[pd.Timestamp]":
    """The renewal day, where it is near enough to matter."""
    near = np.where((days >= 0) & (days <= horizon_days), np.floor(days), np.nan)
    return as_of + pd.to_timedelta(pd.Series(near, index=as_of.index), unit="D")
