"""What each model is trained on: features and facts from the warehouse, labelled by `ml.labels`.

Belongs here: which table, view, horizon and setting of the company goes into which model's training. Does not belong
here: the training, the registry, Dagster.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import duckdb
import pandas as pd

from companies.settings import Company
from feature_definitions import registry as views
from ml import labels
from ml.evaluation import TrainingOutcome
from ml.gates import has_same_schema
from ml.models import churn, clv, clv_histories, lead_score, revenue, win_probability
from ml.models.churn_contacts import ContactEconomics
from ml.models.close_hazards import MONTH_DAYS, MONTHS
from ml.models.clv_contractual import History
from ml.models.clv_terms import Terms
from ml.models.revenue_bottom_up import BottomUp, Purchases, Subscriptions
from ml.search import Search
from ml.training_frames import TrainingFrame, content_hash, training_frame
from orchestration.learning import frames, outcomes


@dataclass(frozen=True)
class Trained:
    """A finished training with what identifies it.

    Attributes:
        params: the model's settings, as logged.
        frame: the rows it learned from; None for a model that reads facts, not features.
        data_until: last day whose events its labels could see.
    """

    outcome: TrainingOutcome[Any, Any]
    content_hash: str
    rows: int
    first_as_of: date | None
    last_as_of: date | None
    params: Mapping[str, Any]
    feature_versions: Mapping[str, int]
    frame: TrainingFrame | None
    data_until: date


# Whatever class the model's champion has; each training knows its own.
Champion = Any
# A frozen dataclass of settings; each model has its own.
Params = Any
Trainer = Callable[[duckdb.DuckDBPyConnection, Company, Champion], Trained]
# Makes the rows of a training again, with labels that see events up to a day only.
Framer = Callable[[duckdb.DuckDBPyConnection, Company, date], TrainingFrame]


def frame_of(model: str, connection: duckdb.DuckDBPyConnection, company: Company, until: date) -> TrainingFrame:
    """Features and labels that a feature-reading model learns from.

    Args:
        until: last day whose events the labels see.
    """
    found = frames.of_model(connection, model)
    is_churn = model == "churn"
    rows = _since(found, company.evaluation.customers_from) if is_churn else found
    labeller, label = outcomes.LABELS[model]
    confirm = outcomes.confirm_days(company) if is_churn else 0
    return training_frame(
        found,
        labeller(connection, company, rows, until),
        entity=views.MODEL_ENTITIES[model].key,
        columns=views.columns_for(model),
        label=label,
        horizon_days=outcomes.gap_days(model, company) - confirm,
        confirm_days=confirm,
    )


FRAMERS: Mapping[str, Framer] = {model: partial(frame_of, model) for model in outcomes.LABELS}


def train_churn(connection: duckdb.DuckDBPyConnection, company: Company, champion: Champion) -> Trained:
    """Churn of the customers of every month end."""
    params, until = churn_params(company), frames.data_until(connection)
    frame = frame_of("churn", connection, company, until)
    return _trained("churn", churn.run_training(frame, params, champion), frame, params, until)


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
        search=_search(company),
        economics=ContactEconomics(money.contact_cost, money.saved_share, money.gross_margin_ratio),
    )


def _search(company: Company) -> Search | None:
    """The company's budget of a search; None where it asks for none."""
    return None if company.search is None else Search(company.search.trials, company.search.seconds)


def train_lead_score(connection: duckdb.DuckDBPyConnection, company: Company, champion: Champion) -> Trained:
    """Conversion of the leads at their scoring ages and month ends while open."""
    params = lead_score.LeadParams(
        horizon_days=company.horizons.lead_days,
        sql_min_score=company.thresholds.sql_min_score,
        judged_ages_days=company.evaluation.lead_ages_days,
        search=_search(company),
    )
    until = frames.data_until(connection)
    frame = frame_of("lead_score", connection, company, until)
    return _trained("lead_score", lead_score.run_training(frame, params, champion), frame, params, until)


def train_win_probability(
    connection: duckdb.DuckDBPyConnection,
    company: Company,
    champion: Champion,
) -> Trained:
    """Outcome of the deals that were open."""
    params = win_probability.WinParams(horizon_days=company.horizons.win_days, search=_search(company))
    until = frames.data_until(connection)
    frame = frame_of("win_probability", connection, company, until)
    found, facts = frames.of_model(connection, "win_probability"), frames.facts(connection, "deals")
    monthly = labels.close_month_labels(found, facts, month_days=MONTH_DAYS, months=MONTHS, data_until=until)
    state = found[["deal_id", "as_of", params.stage_column, params.age_column]]
    months = state.assign(as_of=pd.to_datetime(state["as_of"])).merge(
        monthly, on=["deal_id", "as_of"], how="inner", validate="one_to_many"
    )
    outcome = win_probability.run_training(frame, months, params, champion)
    return _trained("win_probability", outcome, frame, params, until)


def train_clv(connection: duckdb.DuckDBPyConnection, company: Company, _champion: Champion) -> Trained:
    """Value of the customers of the last month end."""
    terms = clv_terms(company)
    sources, tables = clv_sources(connection, company)
    last = frames.last_as_of(connection)
    outcome = clv.run_training(sources, last, terms)
    read = views.views_for("clv") if company.business_model == "contractual" else ()
    return replace(
        _from_facts(outcome, tables, terms, last), feature_versions={view.name: view.version for view in read}
    )


def clv_terms(company: Company) -> Terms:
    """Margin, discount and horizon of the company."""
    money = company.economics
    return Terms(money.gross_margin_ratio, money.discount_rate_annual, company.horizons.clv_months)


def clv_sources(
    connection: duckdb.DuckDBPyConnection, company: Company, as_of: date | None = None
) -> tuple[clv_histories.Transactional | clv_histories.Contractual, list[pd.DataFrame]]:
    """What the business model's value is learned from, and the same tables for the content hash.

    Args:
        as_of: features of this month end only, which is all that scoring reads.
    """
    if company.business_model == "transactional":
        purchases = frames.facts(connection, "purchases")
        return clv_histories.Transactional(purchases), [purchases]
    spells, movements, segments = (frames.facts(connection, name) for name in ("spells", "movements", "segments"))
    found = frames.features(connection, views.views_for("clv"), as_of)
    history = History(found, views.columns_for("clv"), outcomes.confirm_days(company))
    return clv_histories.Contractual(spells, movements, segments, history), [spells, movements, segments, found]


def train_revenue(connection: duckdb.DuckDBPyConnection, company: Company, _champion: Champion) -> Trained:
    """Revenue from the last complete month on."""
    monthly = frames.facts(connection, "revenue")
    bottom_up, tables = customers_view(connection, company)
    months = company.horizons.revenue_months
    outcome = revenue.run_training(monthly, bottom_up, months)
    return _from_facts(outcome, [monthly, *tables], RevenueParams(months), frames.last_as_of(connection))


def customers_view(
    connection: duckdb.DuckDBPyConnection, company: Company
) -> tuple[BottomUp | None, list[pd.DataFrame]]:
    """Revenue seen from the customers; None without any customer history."""
    if company.business_model == "transactional":
        purchases = frames.facts(connection, "purchases")
        return (Purchases(purchases) if len(purchases) else None), [purchases]
    names = ("movements", "accounts", "contracts", "leads", "deal_histories", "open_deals")
    movements, accounts, contracts, leads, deals, open_deals = (frames.facts(connection, name) for name in names)
    parts = accounts[["account_id", "region", "segment"]]
    tables = [movements, parts, contracts, leads, deals, open_deals]
    return (Subscriptions(movements, parts, contracts, leads, deals, open_deals) if len(movements) else None), tables


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


def _trained(
    model: str, outcome: TrainingOutcome[Any, Any], frame: TrainingFrame, params: Params, until: date
) -> Trained:
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
        frame=frame,
        data_until=until,
    )


def _from_facts(
    outcome: TrainingOutcome[Any, Any],
    tables: list[pd.DataFrame],
    params: Params,
    last: date,
) -> Trained:
    digest = hashlib.sha256(last.isoformat().encode())
    for table in tables:
        digest.update(content_hash(table, ()).encode())
    rows = sum(len(table) for table in tables)
    return Trained(outcome, digest.hexdigest(), rows, None, last, asdict(params), {}, None, last)


def _since(found: pd.DataFrame, first: date | None) -> pd.DataFrame:
    return found if first is None else found[pd.to_datetime(found["as_of"]) >= pd.Timestamp(first)]
