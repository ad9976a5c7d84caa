"""One simulated company, held against its truth section by section.

Belongs here: training on the company's warehouse, joining what was said to the truth, calling the figures of
`benchmarks.against_truth`. Does not belong here: building the warehouse, pooling over companies, the page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import duckdb
import numpy as np
import pandas as pd

from benchmarks import against_truth
from feature_definitions import registry as views
from ingestion.simulator.deal_outlook import deal_outlook
from ingestion.simulator.futures import futures
from ingestion.simulator.settings import SimulatorSettings
from ml import labels
from ml.models import revenue
from ml.models.close_hazards import MONTH_DAYS, MONTHS, fit_close_hazards
from ml.models.win_probability import WinParams
from orchestration.learning import frames, training_inputs
from orchestration.resources import Deployment

PATHS: Final = 100
REVENUE_MONTHS: Final = 12
REVENUE_ORIGINS: Final = (23, 26, 29, 32, 35)  # months known, from 0; the last is the end of the data
TRUE_CHANCE: Final = {"churn": "p_churn_90d", "lead_score": "p_convert_90d", "win_probability": "p_win_90d"}

Figures = dict[str, float]


@dataclass(frozen=True)
class Judged:
    """A company whose warehouse is built, and what its models say.

    Attributes:
        statuses: model to the status of its training.
        said: binary model to its test rows: keys, as_of, label, value, lower, upper.
        value_model: the fitted model of customer value.
    """

    deployment: Deployment
    statuses: Mapping[str, str]
    said: Mapping[str, pd.DataFrame]
    value_model: Any

    @cached_property
    def settings(self) -> SimulatorSettings:
        """What the company was simulated with."""
        return SimulatorSettings.model_validate(self.deployment.company.source.simulator)

    @cached_property
    def outlook(self) -> pd.DataFrame:
        """The true outlook of deals."""
        return _dated(deal_outlook(self.settings).to_pandas())

    def truth(self, name: str) -> pd.DataFrame:
        """A table of the truth folder."""
        folder = self.deployment.state / "truth"
        return _dated(duckdb.sql(f"select * from '{folder}/{name}-*.parquet'").df())

    def with_truth(self, model: str) -> pd.DataFrame:
        """The model's test rows with the true probability beside the stated one."""
        said = _dated(self.said[model])
        if model == "win_probability":
            known = self.outlook
        else:
            known = self.truth("customer_truth" if model == "churn" else "lead_truth")
        key = next(name for name in ("account_id", "lead_id", "deal_id") if name in said)
        return said.merge(known, on=[key, "as_of"], how="inner", validate="one_to_one")


def trained(deployment: Deployment) -> Judged:
    """Train on the company's warehouse."""
    with deployment.warehouse(read_only=True) as connection:
        found = {
            model: train(connection, deployment.company, None).outcome
            for model, train in training_inputs.TRAINERS.items()
        }
    statuses: dict[str, str] = {model: outcome.status for model, outcome in found.items()}
    said = {model: found[model].report.tables["test_predictions"] for model in TRUE_CHANCE}
    return Judged(deployment, statuses, said, found["clv"].candidate)


def _dated(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(as_of=pd.to_datetime(rows["as_of"]).astype("datetime64[ns]")) if "as_of" in rows else rows


def probabilities(judged: Judged, model: str) -> Figures:
    """A binary model on its test rows."""
    return against_truth.probabilities(judged.with_truth(model), TRUE_CHANCE[model])


def close_months(judged: Judged) -> Figures:
    """The month in which deals are won, given that they are: hazards of what was known before the test rows.

    The interval is that of the month of winning, as the distribution states it.
    """
    params = WinParams()
    said = judged.with_truth("win_probability")
    with judged.deployment.warehouse(read_only=True) as connection:
        found = frames.features(connection, views.views_for("win_probability"))
        facts, until = frames.facts(connection, "deals"), frames.data_until(connection)
    state = _dated(found)[["deal_id", "as_of", params.stage_column, params.age_column]]
    until = min(pd.Timestamp(until), said["as_of"].min()).date()
    monthly = labels.close_month_labels(found, facts, month_days=MONTH_DAYS, months=MONTHS, data_until=until)
    older = state.merge(monthly, on=["deal_id", "as_of"], how="inner", validate="one_to_many")
    hazards = fit_close_hazards(older, params.stage_column, params.age_column, params.horizon_days)
    deals = said.merge(state, on=["deal_id", "as_of"], how="left", validate="one_to_one")
    months = hazards.distribution(deals, deals["value"].to_numpy(float))
    won = np.array([[month["won"] for month in deal] for deal in months])
    true = np.stack(deals["p_won_by_month"].to_list())
    open_for_winning = true.sum(axis=1) > 0.01
    return against_truth.close_months(_given(won)[open_for_winning], _given(true)[open_for_winning])


def _given(won: np.ndarray) -> np.ndarray:
    return np.asarray(won / np.maximum(won.sum(axis=1, keepdims=True), 1e-12))


def values(judged: Judged, paths: int = PATHS) -> Figures:
    """Customer value of the newest month end, over the whole horizon to come, against many futures."""
    company = judged.deployment.company
    terms = training_inputs.clv_terms(company)
    with judged.deployment.warehouse(read_only=True) as connection:
        sources, _ = training_inputs.clv_sources(connection, company)
    last = judged.settings.months - 1
    rows, ahead = sources.customers(end_of(judged, last).date()), futures(judged.settings, last, terms.months, paths)
    said = judged.value_model.predict(rows).set_index("account_id")
    known = pd.Index(ahead.accounts).intersection(said.index)
    column = pd.Index(ahead.accounts).get_indexer(known)
    brought = ahead.values(terms.discounts(terms.months) * terms.gross_margin_ratio)[:, column]
    said = said.loc[known].reset_index()
    found = against_truth.values(said, brought)
    stays = ahead.stays[column]
    return found | {
        "stays_12": float(said["survival_12_months"].mean()),
        "true_stays_12": float(stays[:, 11].mean()),
        "months": float(said["expected_months"].mean()),
        "true_months": float(stays.sum(axis=1).mean()),
    }


def revenue_paths(judged: Judged, origins: tuple[int, ...] = REVENUE_ORIGINS) -> list[Figures]:
    """The forecast of total MRR made at several months' ends, as it would have been made then, against many futures."""
    with judged.deployment.warehouse(read_only=True) as connection:
        monthly = frames.facts(connection, "revenue")
        from_below, _ = training_inputs.customers_view(connection, judged.deployment.company)
    found = []
    for origin in origins:
        end = end_of(judged, origin)
        known = monthly[pd.to_datetime(monthly["month_start"]) <= end]
        outcome = revenue.run_training(known, from_below, REVENUE_MONTHS)
        served = outcome.candidate if outcome.candidate and outcome.status == "validated" else outcome.fallback
        ahead = futures(judged.settings, origin, REVENUE_MONTHS, PATHS).total
        for name, forecast in (("served", served), ("model", outcome.candidate or served)):
            rows = forecast.rows
            view = revenue.COMBINED if revenue.COMBINED in set(rows["view"]) else revenue.TOP_DOWN
            total = rows[rows["region"].eq("all") & rows["segment"].eq("all") & rows["view"].eq(view)]
            figures = against_truth.paths(total.sort_values("month"), ahead)
            found.append({"origin": float(origin), "is_served": float(name == "served"), **figures})
    return found


def end_of(judged: Judged, month: int) -> pd.Timestamp:
    """Last day of a month of the company, counted from 0."""
    return pd.Timestamp(judged.settings.starts_on) + pd.offsets.MonthEnd(month + 1)
