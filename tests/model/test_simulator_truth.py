from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from ingestion.simulator.block import block_sizes, make_block, world_of
from ingestion.simulator.deal_outlook import deal_outlook
from ingestion.simulator.futures import futures
from ingestion.simulator.lead_oracle import LeadOracle
from ingestion.simulator.parameters import PARAMETERS
from ingestion.simulator.settings import SimulatorSettings
from tests.model.oracle import SimulatedCompany, churn_outcomes, lead_outcomes, simulated

SMALL = SimulatorSettings(seed=5, accounts=400, messiness=0)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """A clean company, large enough to recover its parameters."""
    return simulated(tmp_path_factory.mktemp("company"), SimulatorSettings(seed=5, accounts=3200, messiness=0))


def _z(outcomes: pd.Series, chances: pd.Series, overlap: int = 1) -> float:
    """Standardised difference of observed and expected; `overlap` rows share one outcome."""
    spread = np.sqrt(overlap * (chances * (1 - chances)).sum())
    return float((outcomes.sum() - chances.sum()) / spread)


def test_churn_oracle_is_calibrated(company: SimulatedCompany) -> None:
    """Observed churn equals the oracle's, over all rows and in each fifth of its probabilities."""
    rows = churn_outcomes(company)
    assert abs(_z(rows["churned"], rows["p_churn_90d"], overlap=3)) < 3.5
    fifths = pd.qcut(rows["p_churn_90d"].rank(method="first"), 5, labels=False)
    for _, part in rows[rows["p_churn_90d"] > 0].groupby(fifths):
        assert abs(_z(part["churned"], part["p_churn_90d"], overlap=3)) < 3.5


def test_no_customer_churns_when_the_oracle_says_never(company: SimulatedCompany) -> None:
    """Annual contracts outside their renewal have probability 0 and do not churn."""
    rows = churn_outcomes(company)
    never = rows[rows["p_churn_90d"] == 0]
    assert len(never) > 1000
    assert not never["churned"].any()


@pytest.mark.parametrize("age", [0, 7, 30])
def test_lead_oracle_is_calibrated(company: SimulatedCompany, age: int) -> None:
    """Observed conversions equal the oracle's at each age, over all rows and in each fifth."""
    rows = lead_outcomes(company)
    rows = rows[rows["age_days"] == age]
    assert abs(_z(rows["converted"], rows["p_convert_90d"])) < 3.5
    fifths = pd.qcut(rows["p_convert_90d"].rank(method="first"), 5, labels=False)
    for _, part in rows[rows["p_convert_90d"] > 0].groupby(fifths):
        assert abs(_z(part["converted"], part["p_convert_90d"])) < 3.5


@pytest.fixture(scope="module")
def outlook(company: SimulatedCompany) -> pd.DataFrame:
    """The true outlook of deals."""
    return deal_outlook(company.settings).to_pandas()


def test_deal_outlook_is_calibrated(company: SimulatedCompany, outlook: pd.DataFrame) -> None:
    """Wins within 90 days equal the stated chance in each fifth of it, and so do wins and losses of each month."""
    rows = deal_outcomes(company, outlook)
    fifths = pd.qcut(rows["p_win_90d"].rank(method="first"), 5, labels=False)
    for _, part in rows[rows["p_win_90d"] > 0].groupby(fifths):
        assert abs(_z(part["won"] & (part["wait"] <= 90), part["p_win_90d"], overlap=2)) < 3.5
    for outcome in ("won", "lost"):
        chances = np.stack(rows[f"p_{outcome}_by_month"].to_list())
        for month in range(3):
            hits = rows[outcome] & rows["wait"].between(30 * month + 1, 30 * month + 30)
            assert abs(_z(hits, pd.Series(chances[:, month]), overlap=2)) < 3.5


def test_a_deal_without_an_account_is_never_won(company: SimulatedCompany, outlook: pd.DataFrame) -> None:
    """Accounts are made for all deals that will be won, so a deal without one has no chance; all chances add up."""
    rows = outlook.merge(company.source("deals"), on="deal_id", how="inner", validate="many_to_one")
    assert (rows.loc[rows["account_id"].isna(), "p_win_90d"] == 0).all()
    total = np.stack(rows["p_won_by_month"].to_list()) + np.stack(rows["p_lost_by_month"].to_list())
    assert (total.sum(axis=1) <= 1 + 1e-9).all()
    assert (total.sum(axis=1) > 0.95).mean() > 0.9


def test_futures_leave_as_often_as_the_churn_oracle_says() -> None:
    """Customers are gone after three months of the futures with the oracle's probability, on average and one by one."""
    ahead = futures(SMALL, 35, 3, 200)
    truth = simulated_customers(SMALL, 35).set_index("account_id").loc[ahead.accounts, "p_churn_90d"].to_numpy()
    gone = 1 - ahead.stays[:, 2]
    noise = np.sqrt(np.maximum(truth * (1 - truth), 1e-4) / 200)
    assert len(ahead.accounts) > 100
    assert abs(gone.mean() - truth.mean()) < 0.006
    assert np.mean(np.abs(gone - truth) < 3 * noise + 0.01) > 0.97


def test_what_came_is_one_of_the_futures() -> None:
    """The MRR that the company really had a year later lies among the futures of its past, anywhere among them."""
    ranks = []
    for seed in range(12):
        settings = SimulatorSettings(seed=seed, accounts=200, messiness=0)
        ahead = futures(settings, 17, 12, 60)
        actual = futures(settings, 29, 1, 1).mrr.sum()
        ranks.append(float((ahead.total[:, 11] < actual).mean()))
        assert ahead.mrr.sum() > 0
    assert 0.25 < np.mean(ranks) < 0.75
    assert np.std(ranks) > 0.15


def test_futures_of_the_last_month_go_on_beyond_the_period() -> None:
    """From the end of the data on there are leads, new customers and churn as before; the same call gives the same."""
    ahead, again = futures(SMALL, 35, 6, 20), futures(SMALL, 35, 6, 20)
    assert ahead.total.shape == (20, 6)
    assert (np.diff(ahead.others.mean(axis=0)) > 0).all()
    assert (np.diff(ahead.stays.mean(axis=0)) < 0).all()
    np.testing.assert_array_equal(ahead.total, again.total)


def simulated_customers(settings: SimulatorSettings, month: int) -> pd.DataFrame:
    """The oracle's rows of one month end."""
    world = world_of(settings)
    parts = [
        make_block(world, number, accounts).truth["customer_truth"].to_pandas()
        for number, accounts in enumerate(block_sizes(settings))
    ]
    rows = pd.concat(parts)
    return rows[pd.to_datetime(rows["as_of"]) == pd.Timestamp(settings.starts_on) + pd.offsets.MonthEnd(month + 1)]


def deal_outcomes(company: SimulatedCompany, outlook: pd.DataFrame) -> pd.DataFrame:
    """The outlook of deals up to 90 days before the end, with won, lost and the days of waiting."""
    deals = company.source("deals")[["deal_id", "closed_at", "outcome"]]
    rows = outlook.merge(deals, on="deal_id", how="inner", validate="many_to_one")
    rows = rows[pd.to_datetime(rows["as_of"]) <= "2025-10-02"].reset_index(drop=True)
    wait = (rows["closed_at"].dt.normalize() - pd.to_datetime(rows["as_of"])).dt.days
    return rows.assign(wait=wait, won=rows["outcome"].eq("won"), lost=rows["outcome"].eq("lost"))


def test_profile_oracle_is_calibrated(company: SimulatedCompany) -> None:
    """The probability from the profile alone equals the observed conversion in each company size."""
    rows = lead_outcomes(company)
    rows = rows[rows["age_days"] == 0].merge(company.source("leads"), on="lead_id", validate="one_to_one")
    for _, part in rows.groupby("company_size"):
        assert abs(_z(part["converted"], part["p_convert_90d_profile"])) < 3.5


def test_difficulty_is_realistic(company: SimulatedCompany) -> None:
    """The best possible AUC is that of a good model on real data, neither a coin nor a certainty."""
    churn, leads = churn_outcomes(company), lead_outcomes(company)
    leads = leads[leads["age_days"] == 0]
    assert 0.78 < roc_auc_score(churn["churned"], churn["p_churn_90d"]) < 0.86
    assert 0.74 < roc_auc_score(leads["converted"], leads["p_convert_90d_profile"]) < 0.82
    assert 0.75 < roc_auc_score(leads["converted"], leads["p_convert_90d"]) < 0.83


def _design(leads: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Dummy columns of every level but the first, and their true effects relative to the first level."""
    columns, effects = [np.ones(len(leads))], [np.nan]
    plain = leads.assign(campaign=leads["campaign"].str.split(":").str[1])
    for name, factor in PARAMETERS.lead.factors.items():
        for level, effect in zip(factor.levels[1:], factor.effects[1:], strict=True):
            columns.append((plain[name] == level).to_numpy(dtype=float))
            effects.append(effect - factor.effects[0])
    return np.column_stack(columns), np.array(effects)


def test_lead_effects_are_recovered(company: SimulatedCompany) -> None:
    """A logistic regression on the profile and the interest recovers every effect within its sampling error."""
    truth = company.oracle.leads()
    truth = truth[truth["age_days"] == 0]
    leads = company.source("leads").merge(truth[["lead_id", "interest"]], on="lead_id", validate="one_to_one")
    old = leads[leads["created_at"] < "2025-03-01"]
    events = company.source("lead_stage_events")
    won = old["lead_id"].isin(events[events["stage"] == "customer"]["lead_id"]).to_numpy()
    design, effects = _design(old)
    design, effects = np.column_stack([design, old["interest"]]), np.append(effects, PARAMETERS.lead.interest_effect)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        odds = design @ weights
        chance = 1 / (1 + np.exp(-odds))
        return float(np.logaddexp(0, odds).sum() - odds[won].sum()), design.T @ (chance - won)

    fitted = minimize(loss, np.zeros(design.shape[1]), jac=True, method="BFGS").x
    chance = 1 / (1 + np.exp(-design @ fitted))
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ (design * (chance * (1 - chance))[:, None]))))
    z = ((fitted - effects) / errors)[1:]
    assert np.abs(z).max() < 3.8
    assert np.mean(np.abs(z) < 1.96) > 0.8


def test_lead_inflow_follows_the_stated_seasonality(company: SimulatedCompany) -> None:
    """Leads per month have the stated shares, within Poisson noise."""
    share = np.array(company.oracle.parameters()["lead_share_by_month"])
    months = company.source("leads")["created_at"].dt.to_period("M").value_counts().sort_index().to_numpy()
    z = (months - share * months.sum()) / np.sqrt(share * months.sum())
    assert len(months) == len(share)
    assert np.sum(z**2) < len(z) + 4 * np.sqrt(2 * len(z))


def test_treatment_lowers_churn(company: SimulatedCompany) -> None:
    """Accounts picked at random for a call churn less in the next three months than those held out."""
    actions = company.source("account_actions")
    actions = actions[actions["started_at"] < "2025-10-01"]
    ends = churn_ends(company)
    joined = actions.merge(ends, on="account_id", how="left", validate="many_to_many")
    wait = (joined["ended_on"] - joined["started_at"]).dt.days
    joined["left"] = (wait >= 0) & (wait < 88)
    rates = joined.groupby(["action_id", "holdout"])["left"].any().groupby("holdout").agg(["mean", "size"])
    held, treated = rates.loc[True], rates.loc[False]
    spread = np.sqrt(sum(row["mean"] * (1 - row["mean"]) / row["size"] for row in (held, treated)))
    assert (held["mean"] - treated["mean"]) / spread > 2


def churn_ends(company: SimulatedCompany) -> pd.DataFrame:
    """account_id and ended_on of every spell that ended."""
    periods = company.source("subscriptions")
    paid = periods[~periods["is_trial"]]
    ends = paid[paid["ended_on"].notna() & ~paid["subscription_id"].isin(set(paid["renewed_from"].dropna()))]
    return ends.assign(ended_on=pd.to_datetime(ends["ended_on"]))[["account_id", "ended_on"]]


def test_signals_follow_health(company: SimulatedCompany) -> None:
    """NPS rises, and usage of the month too, with the latent health at the month's end."""
    health = company.oracle.customers().assign(month=lambda t: pd.to_datetime(t["as_of"]).dt.to_period("M"))
    answers = company.source("survey_responses").assign(month=lambda t: t["responded_at"].dt.to_period("M"))
    joined = answers.merge(health, on=["account_id", "month"], validate="one_to_one")
    assert joined["score"].corr(joined["health"]) > 0.5
    usage = company.source("product_usage").assign(month=lambda t: pd.to_datetime(t["used_on"]).dt.to_period("M"))
    rows = usage.groupby(["account_id", "month"]).size().rename("rows").reset_index()
    joined = rows.merge(health, on=["account_id", "month"], validate="one_to_one")
    assert joined["rows"].corr(joined["health"]) > 0.4


def test_oracle_of_leads_falls_to_zero_with_waiting() -> None:
    """A lead that has spent long in the first stage converts ever less likely."""
    oracle = LeadOracle(PARAMETERS.lead)
    ever, stage = np.full(4, 0.2), np.zeros(4, dtype=np.int64)
    chances = oracle._chance(ever, stage, np.array([0, 10, 30, 90]))
    assert all(later < earlier for earlier, later in pairwise(chances))
    assert chances[-1] < 0.01


def test_default_company_has_the_stated_size(tmp_path: Path) -> None:
    """The default company has 1,200 accounts, at least 700 customers, about 10,000 leads and a bounded usage table."""
    company = simulated(tmp_path, SimulatorSettings(messiness=0))
    periods = company.source("subscriptions")
    assert len(company.source("accounts")) == 1200
    assert periods[~periods["is_trial"]]["account_id"].nunique() >= 700
    leads, events = company.source("leads"), company.source("lead_stage_events")
    assert 8000 < len(leads) < 12000
    assert 0.09 < (events["stage"] == "customer").sum() / len(leads) < 0.15
    assert len(company.source("product_usage")) < 600_000
