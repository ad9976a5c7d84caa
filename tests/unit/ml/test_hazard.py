from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml.arrays import log_odds
from ml.models import clv_contractual, hazard, person_months, renewals
from ml.models.clv_contractual import ContractualClv
from ml.models.clv_terms import Terms
from tests.unit.ml import contracts

NO_SEGMENTS = pd.DataFrame({"account_id": [], "segment": []})


def fit(customers: int, effect: float = 1.0, seed: int = 3) -> tuple[ContractualClv, pd.DataFrame]:
    """The model and the customers of the last month end."""
    spells, movements, history = contracts.contracts(customers, seed=seed, effect=effect)
    model = clv_contractual.fit(spells, movements, NO_SEGMENTS, contracts.END, Terms(), history)
    return model, clv_contractual.customers(spells, movements, NO_SEGMENTS, contracts.END, history)


@pytest.fixture(scope="module")
def fitted() -> tuple[ContractualClv, pd.DataFrame]:
    return fit(600)


def truth(rows: pd.DataFrame, months: int) -> np.ndarray:
    """True P(active k months from now)."""
    due = renewals.renewals(rows)
    term, tenure = due.term, due.term - due.first
    hazards = [contracts.chance(rows["health"].to_numpy(), term, tenure + k) for k in range(1, months + 1)]
    return np.cumprod(1 - np.array(hazards).T, axis=1)


def test_hazard_recovers_known_chances(fitted: tuple[ContractualClv, pd.DataFrame]) -> None:
    """P(active in a year) follows the truth: the base alone errs twice as much, and the mean is right."""
    model, rows = fitted
    found, wanted = model.hazard.active(rows, 12)[:, -1], truth(rows, 12)[:, -1]
    base = model.hazard.base.remaining(rows["tenure_months"].to_numpy(), rows["segment"], 12)[:, -1]
    assert np.abs(found - wanted).mean() < np.abs(base - wanted).mean() / 2
    assert found.mean() == pytest.approx(wanted.mean(), abs=0.03)


def test_effect_of_a_covariate_is_recovered(fitted: tuple[ContractualClv, pd.DataFrame]) -> None:
    """One unit of health moves the log odds of leaving next month by about its true effect."""
    model, rows = fitted
    monthly = rows[rows["billing_period"] == "monthly"].reset_index(drop=True)
    odds = [log_odds(1 - model.hazard.active(monthly.assign(health=at), 1)[:, 0]).mean() for at in (-0.5, 0.5)]
    assert odds[1] - odds[0] == pytest.approx(contracts.EFFECT, abs=0.25)


def test_annual_contracts_end_at_renewals_only(fitted: tuple[ContractualClv, pd.DataFrame]) -> None:
    """Survival of an annual contract steps at its renewal and hardly falls between."""
    model, rows = fitted
    annual = rows[rows["billing_period"] == "annual"].reset_index(drop=True)
    stays = model.hazard.active(annual, 12)
    leaves = 1 - stays / np.column_stack([np.ones(len(stays)), stays[:, :-1]])
    due = renewals.renewals(annual).by_row().are_due(np.arange(1, 13))
    assert leaves[due].mean() > 10 * leaves[~due].mean()


def test_covariates_fade_beyond_what_was_watched(fitted: tuple[ContractualClv, pd.DataFrame]) -> None:
    """Years later every customer leaves at the base's rate."""
    model, rows = fitted
    stays = model.hazard.active(rows, 120)
    base = model.hazard.base.remaining(rows["tenure_months"].to_numpy(), rows["segment"], 120)
    assert (np.diff(stays, axis=1) <= 0).all()
    assert stays[:, -1] / stays[:, -2] == pytest.approx(base[:, -1] / base[:, -2])


def test_base_is_kept_where_covariates_say_nothing() -> None:
    """Noise and too few leavers leave the shifted-beta-geometric survival as it is."""
    model, rows = fit(40)
    assert model.hazard.method == "base"
    assert "customers left while their features were known" in model.hazard.choice
    base = model.hazard.base.remaining(rows["tenure_months"].to_numpy(), rows["segment"], 24)
    assert model.hazard.active(rows, 24) == pytest.approx(base)


def test_nothing_after_the_origin_is_read() -> None:
    """Contracts, money and features after the origin change nothing that is learned at it."""
    spells, movements, history = contracts.contracts(400, seed=5)
    origin = pd.Timestamp("2023-12-31")
    ended = spells["ended_on"]
    later = movements["month_start"] > origin
    untold = history.features["as_of"] > origin
    past = replace(history, features=history.features[~untold])
    known = clv_contractual.fit(
        spells.assign(ended_on=ended.mask(ended > origin)), movements[~later], NO_SEGMENTS, origin.date(), Terms(), past
    )
    found = clv_contractual.fit(spells, movements, NO_SEGMENTS, origin.date(), Terms(), history)
    assert found.hazard.method != "base"
    assert found == known


def test_ends_within_the_grace_are_not_yet_learned() -> None:
    """A contract that ended in the last 30 days may still be renewed: its last month is not watched."""
    as_of = pd.date_range("2024-06-30", "2024-12-31", freq="ME")
    rows = pd.DataFrame({"account_id": "a", "as_of": as_of})
    spells = pd.DataFrame({"account_id": ["a"], "started_on": ["2024-01-10"], "ended_on": ["2024-12-05"]})
    known = person_months.with_tenure(rows, spells)
    assert known["tenure_months"].tolist() == [5, 6, 7, 8, 9, 10, 0]
    unsure, sure = (person_months.watched(known, pd.Timestamp("2024-12-31").date(), days) for days in (30, 0))
    assert unsure["has_left"].sum() == 0
    assert sure["has_left"].tolist() == [1.0, 1.0]
    assert person_months.spread(sure).left.tolist() == [0, 0, 0, 1, 1]


def test_leaving_is_the_hazard_of_survival() -> None:
    """Chances of 0.9 and 0.72 mean that a tenth leaves in the first month and a fifth in the second."""
    found = hazard.leaving(np.array([[0.9, 0.72]]))
    assert found[0] == pytest.approx(log_odds(np.array([0.1, 0.2])))
