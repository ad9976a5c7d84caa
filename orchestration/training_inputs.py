"""What each model is trained on: features and facts from the warehouse, labelled by `ml.labels`.

Belongs here: which table, view, horizon and setting of the company goes into which model's training. Does not belong
here: the training, the registry, Dagster.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from companies.settings import Company
from feature_definitions import registry as views
from ml import labels
from ml.evaluation import TrainingOutcome
from ml.gates import has_same_schema
from ml.models import churn, clv, lead_score, revenue, win_probability
from ml.models.churn_contacts import ContactEconomics
from ml.models.close_hazards import MONTH_DAYS
from ml.models.clv_terms import Terms
from ml.models.revenue_bottom_up import BottomUp, Purchases, Subscriptions
from ml.training_frames import TrainingFrame, training_frame
from orchestration import frames


@dataclass(frozen=True)
class Trained:
    """A finished training with what identifies it.

    Attributes:
        params: the model's settings, as logged.
        example: feature rows that show the input's schema; None for a model that reads facts, not features.
    """

    outcome: TrainingOutcome[Any, Any]
    content_hash: str
    rows: int
    first_as_of: date | None
    last_as_of: date | None
    params: Mapping[str, Any]
    feature_versions: Mapping[str, int]
    example: pd.DataFrame | None


# Whatever class the model's champion has; each training knows its own.
Champion = Any
# A frozen dataclass of settings; each model has its own.
Params = Any
Trainer = Callable[[duckdb.DuckDBPyConnection, Company, Champion], Trained]


def train_churn(connection: duckdb.DuckDBPyConnection, company: Company, champion: Champion) -> Trained:
    """Churn of the customers of every month end."""
    params = churn_params(company)
    found = frames.features(connection, views.views_for("churn"))
    labelled = churn_labels(connection, company, _since(found, company.evaluation.customers_from))
    confirm = _confirm_days(company)
    frame = _frame("churn", found, labelled, "account_id", labels.CHURNED, params.horizon_days, confirm)
    return _trained("churn", churn.run_training(frame, params, champion), frame, params)


def churn_labels(connection: duckdb.DuckDBPyConnection, company: Company, rows: pd.DataFrame) -> pd.DataFrame:
    """Whether the customers of `rows` (account_id, as_of) left within the company's horizon."""
    return labels.churn_labels(
        rows,
        frames.facts(connection, "spells"),
        horizon_days=company.horizons.churn_days,
        confirm_days=_confirm_days(company),
        data_until=frames.data_until(connection),
    )


def _confirm_days(company: Company) -> int:
    """Days after the end of a contract until the grace period makes it certain; silence needs no confirmation."""
    return company.windows.grace_days if company.business_model == "contractual" else 0


def churn_params(company: Company) -> churn.ChurnParams:
    """Horizon, risk levels and the money at stake: MRR with a contract, a year's revenue without one."""
    levels = company.thresholds
    is_contractual = company.business_model == "contractual"
    money = company.economics
    return churn.ChurnParams(
        horizon_days=company.horizons.churn_days,
        risk_medium=levels.risk_medium,
        risk_high=levels.risk_high,
        risk_critical=levels.risk_critical,
        amount_column="mrr_amount" if is_contractual else "revenue_365d_amount",
        periods_per_year=12 if is_contractual else 1,
        economics=ContactEconomics(money.contact_cost, money.saved_share, money.gross_margin_ratio),
    )


def train_lead_score(connection: duckdb.DuckDBPyConnection, company: Company, champion: Champion) -> Trained:
    """Conversion of the leads at their scoring ages and month ends while open."""
    params = lead_score.LeadParams(
        horizon_days=company.horizons.lead_days,
        sql_min_score=company.thresholds.sql_min_score,
        judged_ages_days=company.evaluation.lead_ages_days,
    )
    found = frames.features(connection, views.views_for("lead_score"))
    labelled = labels.lead_labels(
        found,
        frames.facts(connection, "lifecycle"),
        horizon_days=params.horizon_days,
        data_until=frames.data_until(connection),
        leads_from=company.evaluation.leads_from,
    )
    frame = _frame("lead_score", found, labelled, "lead_id", labels.CONVERTED, params.horizon_days)
    return _trained("lead_score", lead_score.run_training(frame, params, champion), frame, params)


def train_win_probability(
    connection: duckdb.DuckDBPyConnection,
    company: Company,
    champion: Champion,
) -> Trained:
    """Outcome of the deals that were open."""
    params = win_probability.WinParams(horizon_days=company.horizons.win_days)
    found = frames.features(connection, views.views_for("win_probability"))
    facts, until = frames.facts(connection, "deals"), frames.data_until(connection)
    labelled = labels.win_labels(found, facts, horizon_days=params.horizon_days, data_until=until)
    frame = _frame("win_probability", found, labelled, "deal_id", labels.WON, params.horizon_days)
    monthly = labels.win_labels(found, facts, horizon_days=MONTH_DAYS, data_until=until)
    state = found[["deal_id", "as_of", params.stage_column, params.age_column]]
    months = state.assign(as_of=pd.to_datetime(state["as_of"])).merge(
        monthly, on=["deal_id", "as_of"], how="inner", validate="one_to_one"
    )
    return _trained("win_probability", win_probability.run_training(frame, months, params, champion), frame, params)


def train_clv(connection: duckdb.DuckDBPyConnection, company: Company, _champion: Champion) -> Trained:
    """Value of the customers of the last month end."""
    terms = clv_terms(company)
    sources, tables = clv_sources(connection, company)
    last = frames.last_as_of(connection)
    outcome = clv.run_training(sources, last, terms)
    return _from_facts(outcome, tables, terms, last)


def clv_terms(company: Company) -> Terms:
    """Margin, discount and horizon of the company."""
    money = company.economics
    return Terms(money.gross_margin_ratio, money.discount_rate_annual, company.horizons.clv_months)


def clv_sources(
    connection: duckdb.DuckDBPyConnection, company: Company
) -> tuple[clv.Transactional | clv.Contractual, list[pd.DataFrame]]:
    """What the business model's value is learned from, and the same tables for the content hash."""
    if company.business_model == "transactional":
        purchases = frames.facts(connection, "purchases")
        return clv.Transactional(purchases), [purchases]
    spells, movements, segments = (frames.facts(connection, name) for name in ("spells", "movements", "segments"))
    return clv.Contractual(spells, movements, segments), [spells, movements, segments]


def train_revenue(connection: duckdb.DuckDBPyConnection, company: Company, _champion: Champion) -> Trained:
    """Revenue from the last complete month on."""
    monthly = frames.facts(connection, "revenue")
    bottom_up, tables = _customers_view(connection, company)
    months = company.horizons.revenue_months
    outcome = revenue.run_training(monthly, bottom_up, months)
    return _from_facts(outcome, [monthly, *tables], RevenueParams(months), frames.last_as_of(connection))


def _customers_view(
    connection: duckdb.DuckDBPyConnection, company: Company
) -> tuple[BottomUp | None, list[pd.DataFrame]]:
    """Revenue seen from the customers; None without any customer history."""
    if company.business_model == "transactional":
        purchases = frames.facts(connection, "purchases")
        return (Purchases(purchases) if len(purchases) else None), [purchases]
    spells, movements = frames.facts(connection, "spells"), frames.facts(connection, "movements")
    return (Subscriptions(spells, movements) if len(movements) else None), [spells, movements]


@dataclass(frozen=True)
class RevenueParams:
    """What is logged of a revenue forecast."""

    horizon_months: int


TRAINERS: Mapping[str, Trainer] = {
    "churn": train_churn,
    "clv": train_clv,
    "lead_score": train_lead_score,
    "win_probability": train_win_probability,
    "revenue": train_revenue,
}


def _frame(
    model: str, found: pd.DataFrame, labelled: pd.DataFrame, entity: str, label: str, horizon: int, confirm: int = 0
) -> TrainingFrame:
    return training_frame(
        found,
        labelled,
        entity=entity,
        columns=views.columns_for(model),
        label=label,
        horizon_days=horizon,
        confirm_days=confirm,
    )


def _trained(model: str, outcome: TrainingOutcome[Any, Any], frame: TrainingFrame, params: Params) -> Trained:
    days = frame.data["as_of"]
    if outcome.candidate is not None:
        declared, read = (
            [column.signature for column in columns]
            for columns in (views.columns_for(model), outcome.candidate.columns)
        )
        outcome = outcome.judged_by(has_same_schema(declared, read))
    return Trained(
        outcome=outcome,
        content_hash=frame.content_hash,
        rows=len(frame.data),
        first_as_of=None if days.empty else days.min().date(),
        last_as_of=None if days.empty else days.max().date(),
        params=asdict(params),
        feature_versions={view.name: view.version for view in views.views_for(model)},
        example=frame.data[list(frame.feature_names)].head(),
    )


def _from_facts(
    outcome: TrainingOutcome[Any, Any],
    tables: list[pd.DataFrame],
    params: Params,
    last: date,
) -> Trained:
    digest = hashlib.sha256(last.isoformat().encode())
    for table in tables:
        digest.update(table.to_csv(index=False).encode())
    rows = sum(len(table) for table in tables)
    return Trained(outcome, digest.hexdigest(), rows, None, last, asdict(params), {}, None)


def _since(found: pd.DataFrame, first: date | None) -> pd.DataFrame:
    return found if first is None else found[pd.to_datetime(found["as_of"]) >= pd.Timestamp(first)]
