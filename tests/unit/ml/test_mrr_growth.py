import numpy as np
import pandas as pd
import pytest

from ml.models import mrr_growth
from tests.unit.ml import contracts


def movements(rates: list[float], accounts: int = 60, first: str = "2022-01-01") -> pd.DataFrame:
    """Account-months whose MRR changes by the given rate of their month."""
    months = pd.date_range(first, periods=len(rates), freq="MS")
    names = [f"a{number}" for number in range(accounts)]
    level = np.cumprod(1 + np.array(rates)) * 100
    parts = [
        pd.DataFrame({"account_id": names, "month_start": month, "opening_mrr": now / (1 + rate), "closing_mrr": now})
        for month, rate, now in zip(months, rates, level, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def test_growth_is_shrunk_by_few_months() -> None:
    """A handful of account-months cannot claim three per cent a month."""
    one = movements([0.5], accounts=1)
    assert 0 < mrr_growth.fit(one, pd.DataFrame(), contracts.END).monthly < 0.005


def test_price_round_is_expected_again_in_its_calendar_month() -> None:
    """After one round in two Februaries half of it is expected in the next; over the year nothing is added."""
    rates = [0.001 + 0.0002 * (month % 3) for month in range(24)]
    rates[13] = 0.081
    growth = mrr_growth.fit(movements(rates), pd.DataFrame(), contracts.END)
    february = growth.by_calendar[1] - growth.by_calendar[5]
    assert february == pytest.approx(0.08 * 2 / 4, rel=0.05)
    assert sum(growth.by_calendar) == pytest.approx(0, abs=1e-12)
    assert growth.monthly == pytest.approx(np.mean(rates), rel=0.3)


def test_without_a_month_that_stands_out_no_season_is_claimed() -> None:
    """Ordinary noise makes no price round."""
    rates = np.random.default_rng(4).normal(0.005, 0.004, 36).tolist()
    assert set(mrr_growth.fit(movements(rates), pd.DataFrame(), contracts.END).by_calendar) == {0.0}


def test_annual_contracts_grow_at_their_renewals() -> None:
    """A rise of a tenth at each renewal comes back as such, and the path steps in the month of renewal."""
    _, moved, history = contracts.contracts(600, seed=4)
    growth = mrr_growth.fit(moved, history.features, contracts.END)
    assert growth.at_renewal == pytest.approx(0.1, abs=0.02)
    assert growth.between == pytest.approx(0.0, abs=1e-9)
    rows = pd.DataFrame({"as_of": [pd.Timestamp(contracts.END)], "billing_period": "annual", "renewal_due_days": 40})
    path = growth.path(rows, 15)[0]
    assert path[1] / path[0] == pytest.approx(1 + growth.at_renewal)
    assert path[13] / path[1] == pytest.approx(1 + growth.at_renewal)
    assert path[12] == path[1]
