from dataclasses import replace
from datetime import date
from functools import cache
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from ml.models.revenue_arrivals import amount_path, from_coming, from_waiting, lag_shares
from ml.models.revenue_book import NEVER, Book, matched
from ml.models.revenue_bottom_up import Subscriptions
from ml.models.revenue_drivers import PARTS, Drivers, Levers
from ml.models.revenue_pipeline import Pipeline
from ml.models.revenue_reconcile import correlation, covariance, reconciled, summing
from ml.models.revenue_retention import Traits, fit_hazards, growth_path

MONTHS = 36
FIRST = pd.Period("2022-01", freq="M")
WIN_RATE, AMOUNT, MONTHLY_CHURN = 0.5, 1200.0, 0.03


@cache
def day(month: int, number: int = 15) -> date:
    """A day of the company's month."""
    return (FIRST + month).to_timestamp().date().replace(day=number)


@cache
def end(month: int) -> date:
    """The month's last day."""
    return (FIRST + month).to_timestamp(how="end").date()


@cache
def company(months: int = MONTHS, leads_a_month: int = 30, seed: int = 1) -> Subscriptions:
    """Thirty leads a month; two in three become a deal a month later, half of those are won after one or two more.

    A won deal of 1,200 begins at once with 100 a month; 3 % leave each month.
    """
    rng = np.random.default_rng(seed)
    leads, deals, opened, moves = [], [], [], []
    for number in range(leads_a_month * months):
        created = number // leads_a_month
        leads.append((f"l{number}", f"a{number}", day(created), day(created)))
        if rng.random() >= 2 / 3 or created + 1 >= months:
            continue
        closed, won = created + 2 + int(rng.integers(2)), rng.random() < WIN_RATE
        is_over = closed < months
        outcome = ("won" if won else "lost") if is_over else "open"
        close = day(closed) if is_over else None
        deals.append(
            (
                f"d{number}",
                f"a{number}",
                f"l{number}",
                AMOUNT,
                day(created + 1),
                day(created + 1),
                outcome,
                close,
                close,
            )
        )
        opened += [
            (f"d{number}", end(m), "demo", 15 + 30 * (m - created - 1), AMOUNT)
            for m in range(created + 1, min(closed, months))
        ]
        if won and is_over:
            leaves = closed + int(rng.geometric(MONTHLY_CHURN))
            moves += [
                (f"a{number}", day(m, 1), AMOUNT / 12 * (m < leaves)) for m in range(closed, min(leaves + 1, months))
            ]
    columns = [
        "deal_id",
        "account_id",
        "lead_id",
        "amount",
        "created_on",
        "known_on",
        "outcome",
        "closed_on",
        "closed_known_on",
    ]
    return Subscriptions(
        movements=pd.DataFrame(moves, columns=["account_id", "month_start", "closing_mrr"]),
        leads=pd.DataFrame(leads, columns=["lead_id", "account_id", "created_on", "known_on"]),
        deals=pd.DataFrame(deals, columns=columns),
        open_deals=pd.DataFrame(opened, columns=["deal_id", "as_of", "stage", "age_days", "amount"]),
    )


@pytest.fixture(scope="module")
def drivers() -> Drivers:
    """Drivers after three years, twelve months ahead."""
    return company().drivers(end(MONTHS - 1), 12)


def test_known_rates_are_recovered(drivers: Drivers) -> None:
    """Ten starts of 100 a month: from open deals and known leads at first, later from leads to come; 3 % churn."""
    starts = drivers.open_deals + drivers.known_leads + drivers.coming
    assert starts[2:].mean() == pytest.approx(30 * 2 / 3 * WIN_RATE * 100, rel=0.12)
    assert drivers.open_deals.sum() == pytest.approx(30 * WIN_RATE * 100, rel=0.35)
    assert drivers.open_deals[3:].max() < 0.1 * drivers.open_deals.max()
    assert drivers.stays[-1] == pytest.approx((1 - MONTHLY_CHURN) ** 12, rel=0.05)
    assert drivers.growth == pytest.approx(np.ones(12))
    assert drivers.signed.sum() == pytest.approx(0, abs=1e-9)


def test_no_deal_and_no_lead_is_counted_twice(drivers: Drivers) -> None:
    """The first month's starts come from open deals alone: known leads have no deal yet, and customers are the base."""
    assert drivers.known_leads[0] == pytest.approx(0, abs=1e-9)
    assert drivers.coming[:2] == pytest.approx(np.zeros(2), abs=1e-9)
    assert drivers.other.sum() < 0.02 * drivers.coming.sum()


def test_the_future_does_not_change_an_old_forecast() -> None:
    """Rows of later months, appended, leave the drivers of an origin as they were."""
    whole = company()
    cut = MONTHS - 10
    until = pd.Timestamp(end(cut))
    deals = whole.deals[pd.to_datetime(whole.deals["created_on"]) <= until]
    is_later = pd.to_datetime(deals["closed_on"]) > until
    deals = deals.assign(
        outcome=deals["outcome"].where(~is_later, "open"),
        closed_on=deals["closed_on"].where(~is_later, None),
        closed_known_on=deals["closed_known_on"].where(~is_later, None),
    )
    known = Subscriptions(
        movements=whole.movements[pd.to_datetime(whole.movements["month_start"]) <= until],
        leads=whole.leads[pd.to_datetime(whole.leads["created_on"]) <= until],
        deals=deals,
        open_deals=whole.open_deals[pd.to_datetime(whole.open_deals["as_of"]) <= until],
    )
    then, now = known.drivers(end(cut), 9), whole.drivers(end(cut), 9)
    for name, value in then.as_json().items():
        assert np.asarray(getattr(now, name)) == pytest.approx(np.asarray(value)), name


@pytest.mark.parametrize("missing", [("leads",), ("deals", "open_deals"), ("leads", "deals", "open_deals")])
def test_a_company_without_a_table_is_forecast_from_the_others(drivers: Drivers, missing: tuple[str, ...]) -> None:
    """Without leads, deals or both new business after the pipeline is within a fifth of the one seen with all."""
    whole = company()
    found = replace(whole, **{name: getattr(whole, name).iloc[:0] for name in missing}).drivers(end(MONTHS - 1), 12)
    reference = drivers.total()
    assert found.total()[-1] == pytest.approx(reference[-1], rel=0.08)
    assert (found.open_deals.sum() > 0) == ("deals" not in missing)


def test_lags_are_learned_from_arrivals_that_are_old_enough() -> None:
    """Half of the arrivals respond after a month: young ones are not counted as refusals, later events are unknown."""
    arrived = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    happened = np.array([1, NEVER, 2, NEVER, 3, NEVER, 4, NEVER])
    shares = lag_shares(arrived, happened, origin=3, longest=2)
    assert shares == pytest.approx([0.0, 0.5, 0.0])
    assert from_waiting(np.array([3, 3]), shares, 3, 2) == pytest.approx([1.0, 0.0])
    assert from_coming(np.array([4.0, 4.0, 4.0]), shares) == pytest.approx([0.0, 2.0, 2.0])


def test_size_of_contracts_follows_a_drift_as_far_as_it_is_believed() -> None:
    """A steady size stays; ten per cent a year without noise goes on."""
    months, flat = np.arange(36), np.full(36, 50.0)
    assert amount_path(months, flat, 35, 3) == pytest.approx(np.full(3, 50.0))
    grown = amount_path(months, 50 * np.exp(0.1 * months / 12), 35, 12)
    assert grown[-1] == pytest.approx(50 * np.exp(0.1 * 47 / 12), rel=0.01)


def test_a_start_belongs_to_the_newest_deal_and_a_deal_to_one_start() -> None:
    """A return two months after the first start is not explained by the deal that already explains the first."""
    moves = pd.DataFrame(
        {
            "account_id": "a",
            "month_start": [day(m, 1) for m in range(6)],
            "closing_mrr": [0.0, 10.0, 10.0, 0.0, 10.0, 10.0],
        }
    )
    starts = Book.of(moves).starts
    assert matched(starts, np.array([0, 0]), starts.month[0] - np.array([5, 1]), 24).tolist() == [1, -1]


def test_annual_contracts_leave_at_their_anniversary() -> None:
    """Accounts billed by the year leave in months 12 and 24 only; the survival falls there and hardly between."""
    rng = np.random.default_rng(2)
    rows, contracts = [], []
    for number in range(400):
        begin = int(rng.integers(20))
        leaves = begin + 12 * int(rng.geometric(0.3))
        contracts.append((str(number), day(begin), True))
        rows += [(str(number), day(m, 1), 10.0 * (m < leaves)) for m in range(begin, min(leaves + 1, MONTHS))]
    book = Book.of(pd.DataFrame(rows, columns=["account_id", "month_start", "closing_mrr"]))
    accounts = pd.DataFrame({"account_id": [], "region": [], "segment": []})
    traits = Traits.of(book, accounts, pd.DataFrame(contracts, columns=["account_id", "started_on", "is_annual"]))
    hazards = fit_hazards(book, traits, MONTHS - 1)
    stays = hazards.stays(np.array([10.0]), np.array([6]), np.ones(1), traits.groups[:1], 12)[0]
    assert stays[5] > 0.97
    assert stays[6] == pytest.approx(0.7, abs=0.07)


def test_a_yearly_rise_of_prices_is_expected_in_its_month() -> None:
    """Prices that rise by a tenth each January: nothing until December, then a tenth."""
    years = 1.1 ** (np.arange(MONTHS) // 12)
    rows = [(f"a{n}", day(m, 1), 100.0 * years[m]) for n in range(200) for m in range(MONTHS)]
    book = Book.of(pd.DataFrame(rows, columns=["account_id", "month_start", "closing_mrr"]))
    path = growth_path(book, MONTHS - 8, 8)
    assert path[6] == pytest.approx(1.0, abs=0.01)
    assert path[7] == pytest.approx(1.1, abs=0.02)


def test_simulated_futures_of_the_pipeline_average_to_its_expectation() -> None:
    """Two deals, wins spread over months, a delay: the mean of the draws is the sum of probability times amount."""
    pipeline = Pipeline(
        wins=np.array([[0.2, 0.3, 0.0], [0.5, 0.0, 0.1]]),
        mrr=np.array([100.0, 10.0]),
        delays=np.array([0.5, 0.4]),
        signed=np.zeros(2),
    )
    expected = pipeline.expected(4)
    assert expected == pytest.approx([12.5, 25.0, 12.5, 0.4])
    draws = pipeline.simulate(4, 20_000, seed=1)
    assert draws.mean(axis=0) == pytest.approx(expected, abs=1.0)
    assert set(np.unique(draws[:, 0])) <= {0.0, 10.0, 100.0, 110.0}


def test_a_scenario_without_change_is_the_base_bit_by_bit(drivers: Drivers) -> None:
    """Levers of zero leave every part exactly as it was, also after storage."""
    stored = Drivers.from_json(drivers.as_json())
    for name, part in drivers.parts().items():
        assert (stored.parts(Levers(0.0, 0.0, 0.0))[name] == part).all()
    assert tuple(drivers.parts()) == PARTS


@pytest.mark.parametrize(("lever", "sign"), [("churn", -1), ("win", 1), ("leads", 1)])
def test_scenarios_move_in_the_expected_direction(drivers: Drivers, lever: str, sign: int) -> None:
    """The more a lever is pulled, the further the total moves, in every month and never back."""
    steps = [drivers.total(Levers(**{lever: value})) for value in (-1.0, -0.5, 0.0, 0.1, 0.5)]
    for low, high in pairwise(steps):
        assert (sign * (high - low) >= -1e-9).all()
        assert sign * (high - low).sum() > 0


def test_a_lever_moves_its_own_parts_only(drivers: Drivers) -> None:
    """More leads change new business alone; fewer wins leave the base alone; nobody can lose more than everything."""
    base, leads, wins = drivers.parts(), drivers.parts(Levers(leads=0.2)), drivers.parts(Levers(win=-0.05))
    assert [name for name in PARTS if (leads[name] != base[name]).any()] == ["new_business"]
    assert [name for name in PARTS if (wins[name] != base[name]).any()] == ["pipeline", "new_business"]
    with pytest.raises(ValueError, match="churn is below -100 %"):
        Levers(churn=-1.5)


def test_reconciled_cells_meet_the_total_and_use_what_is_known_of_sums() -> None:
    """A sum that is forecast well corrects its cells; the total is met exactly."""
    summation = np.vstack([summing([[0, 1]], 3), np.eye(3)])
    base = np.array([[30.0], [10.0], [10.0], [5.0]])
    spread = np.diag([0.01, 1.0, 1.0, 1.0])
    cells = reconciled(base, summation, spread, np.array([36.0]))
    assert cells.sum() == pytest.approx(36.0, abs=1e-9)
    assert cells[0] + cells[1] == pytest.approx([30.0], abs=0.1)


def test_correlations_are_shrunken_and_absent_with_few_origins() -> None:
    """Errors that move together are seen as such with 24 origins, less than observed; with twelve not at all."""
    rng = np.random.default_rng(3)
    common = rng.normal(size=(24, 1))
    errors = np.repeat(common + 0.3 * rng.normal(size=(24, 2)), 4, axis=0)
    origin = np.repeat(np.arange(24.0), 4)
    found = correlation(errors, origin)[0, 1]
    assert 0.4 < found < np.corrcoef(errors.T)[0, 1]
    few = origin < 12
    assert covariance(errors[few], origin[few])[0, 1] == 0


def test_nobody_left_is_a_forecast_too() -> None:
    """Months after the last customer has gone are months without revenue from the base, not an error."""
    whole = company()
    gone = Subscriptions(whole.movements[pd.to_datetime(whole.movements["month_start"]) <= pd.Timestamp(end(5))])
    found = gone.drivers(end(MONTHS - 1), 6)
    assert found.stock == 0
    assert np.isfinite(found.total()).all()
    assert (found.total() >= 0).all()
