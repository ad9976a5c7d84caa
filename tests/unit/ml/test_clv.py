import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import bundles, value_metrics
from ml.models import clv, clv_challenger, clv_contractual, clv_histories, clv_transactional, survival
from ml.models.clv_terms import Terms
from tests.unit.ml import contracts

END = date(2024, 12, 31)
TERMS = Terms()
NO_SEGMENTS = pd.DataFrame({"account_id": [], "segment": []})


def buyers(customers: int, seed: int = 1, months: int = 30) -> pd.DataFrame:
    """Purchases of simulated customers: Poisson while alive, geometric lifetimes, gamma amounts."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp(END) - pd.DateOffset(months=months)
    rows = []
    for number in range(customers):
        day = float(rng.uniform(0, months * 20))
        rate, gone, level = rng.gamma(0.9, 0.02), rng.beta(1.0, 6.0), 30 / rng.gamma(5, 0.25)
        while day < months * 30.4:
            on = (start + pd.Timedelta(days=int(day))).date()
            rows.append((f"a{number:05d}", on, round(float(rng.gamma(4, level / 4)), 2)))
            if rng.random() < gone:
                break
            day += max(1.0, float(rng.exponential(1 / max(rate, 1e-6))))
    return pd.DataFrame(rows, columns=["account_id", "purchased_on", "amount"])


def subscribers(customers: int, seed: int = 2, months: int = 40) -> clv_histories.Contractual:
    """Spells and MRR movements of simulated subscribers whose churn differs from one to the next."""
    rng = np.random.default_rng(seed)
    firsts = pd.date_range(end=pd.Timestamp(END).replace(day=1), periods=months, freq="MS")
    spells, movements = [], []
    for number in range(customers):
        name, begin = f"a{number:05d}", int(rng.integers(0, months - 2))
        stay = int(rng.geometric(rng.beta(1.0, 24.0)))
        mrr, last = float(np.exp(rng.normal(5, 1))), min(begin + stay, months)
        ended = firsts[begin + stay].date() if begin + stay < months else None
        spells.append((name, firsts[begin].date(), ended))
        for month in range(begin, last):
            opening = mrr if month > begin else 0.0
            mrr *= 1 + (float(rng.normal(0.003, 0.02)) if month > begin else 0.0)
            change = mrr - opening if month > begin else 0.0
            movements.append((name, firsts[month].date(), opening, max(change, 0.0), min(change, 0.0), mrr))
    names = ["account_id", "month_start", "opening_mrr", "expansion_mrr", "contraction_mrr", "closing_mrr"]
    segments = pd.DataFrame(
        {"account_id": [row[0] for row in spells], "segment": ["software", "retail"] * (customers // 2)}
    )
    return clv_histories.Contractual(
        pd.DataFrame(spells, columns=["account_id", "started_on", "ended_on"]),
        pd.DataFrame(movements, columns=names),
        segments,
    )


Simulate = Callable[[], clv_histories.Transactional | clv_histories.Contractual]


def with_features() -> clv_histories.Contractual:
    """Contracts whose customers' health and renewals are known."""
    spells, movements, history = contracts.contracts(400)
    return clv_histories.Contractual(spells, movements, NO_SEGMENTS, history)


BOTH = [
    pytest.param(lambda: clv_histories.Transactional(buyers(800)), id="transactional"),
    pytest.param(lambda: subscribers(800), id="contractual"),
    pytest.param(with_features, id="contractual with features"),
]


@cache
def fitted(simulate: Simulate) -> tuple[clv_histories.Model, pd.DataFrame]:
    """The model and the customers of the last month end."""
    sources = simulate()
    return sources.fit(END, TERMS), sources.customers(END)


@pytest.mark.parametrize("simulate", BOTH)
def test_training_is_judged_out_of_time_and_covers(simulate: Simulate) -> None:
    """Totals are close, 90 % intervals cover 84 to 96 %, and the report holds every baseline."""
    outcome = clv.run_training(simulate(), END, TERMS)
    table = outcome.report.metric_table().set_index(["method", "metric"])["value"]
    kept = outcome.report.kept_method
    assert outcome.candidate is not None
    assert table[kept, "coverage"] == pytest.approx(0.9, abs=0.06)
    assert abs(table[kept, "aggregate_bias"]) < 0.2
    assert {"acv_times_tenure", "linear", "mean"} <= set(table.index.get_level_values(0))
    assert table[kept, "rmse"] < table["mean", "rmse"]


@pytest.mark.parametrize("simulate", BOTH)
def test_saved_model_predicts_bit_for_bit_row_by_row(simulate: Simulate, tmp_path: Path) -> None:
    """What is loaded equals what was saved, and one row alone equals its row in the batch."""
    model, rows = fitted(simulate)
    bundles.write(model, tmp_path)
    found, batch = bundles.read(tmp_path).predict(rows), model.predict(rows)
    pd.testing.assert_frame_equal(found, batch, check_exact=True)
    single = pd.concat([model.predict(rows.iloc[[i]].reset_index(drop=True)) for i in range(5)], ignore_index=True)
    pd.testing.assert_frame_equal(single, batch.head(5), check_exact=True)
    assert (batch["lower"] <= batch["value"]).all()
    assert (batch["value"] <= batch["upper"]).all()
    assert (batch["lifetime_value"] >= batch["value"]).all()


@pytest.mark.parametrize("simulate", BOTH)
def test_more_margin_means_more_value(simulate: Simulate) -> None:
    """Value is proportional to the margin and falls with the discount rate."""
    model, rows = fitted(simulate)
    half = replace(model, terms=replace(TERMS, gross_margin_ratio=0.4)).predict(rows)["value"]
    dear = replace(model, terms=replace(TERMS, discount_rate_annual=0.3)).predict(rows)["value"]
    value = model.predict(rows)["value"]
    assert half.to_numpy() == pytest.approx(value.to_numpy() / 2)
    assert dear.sum() < value.sum()


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        (clv_histories.Transactional(buyers(0)), "no customer history"),
        (clv_histories.Transactional(buyers(12)), "more customers before"),
        (subscribers(20), "more churned customers"),
        (subscribers(20, months=4), "more months of history"),
    ],
)
def test_too_little_data_is_said_and_the_fallback_serves(
    sources: clv_histories.Transactional | clv_histories.Contractual, sentence: str
) -> None:
    """Status `insufficient_data`, what is missing, and a fallback that predicts."""
    outcome = clv.run_training(sources, END, TERMS)
    assert (outcome.status, outcome.candidate) == ("insufficient_data", None)
    assert sentence in " ".join(outcome.reasons)
    rows = pd.DataFrame({"account_id": ["a"], "monthly_amount": [100.0]})
    served = outcome.fallback.predict(rows)
    assert 0 <= served["lower"][0] < served["value"][0] < served["upper"][0]


def test_the_future_does_not_reach_the_features() -> None:
    """Purchases after `as_of` change nothing known at `as_of`."""
    purchases, as_of = buyers(100), date(2023, 12, 31)
    known = purchases[pd.to_datetime(purchases["purchased_on"]) <= pd.Timestamp(as_of)]
    pd.testing.assert_frame_equal(
        clv_transactional.customers(purchases, as_of), clv_transactional.customers(known, as_of)
    )


def test_survival_recovers_known_parameters() -> None:
    """On 20,000 censored spells mean churn and precision come back; segments differ as they were made to."""
    rng = np.random.default_rng(5)
    segment = pd.Series(np.where(np.arange(20_000) % 2, "low", "high"))
    churn = np.where(segment == "high", rng.beta(1.2, 10.8, 20_000), rng.beta(0.6, 11.4, 20_000))
    months, seen = rng.geometric(churn), rng.integers(1, 48, 20_000)
    ended = months <= seen
    fitted = survival.fit(np.minimum(months, seen).astype(float), ended.astype(float), segment)
    means = {name: 1 / (1 + np.exp(-point[0])) for name, point in fitted.segments.items()}
    assert means == pytest.approx({"high": 0.1, "low": 0.05}, rel=0.1)


def test_plausible_survival_covers_the_truth() -> None:
    """Over 40 simulated companies the draws of the mean churn hold the true one about nine times in ten."""
    inside = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        months, seen = rng.geometric(rng.beta(1.2, 22.8, 400)), rng.integers(1, 37, 400)
        ended = (months <= seen).astype(float)
        fitted = survival.fit(np.minimum(months, seen).astype(float), ended, pd.Series(["all"] * 400), seed)
        low, high = np.quantile(1 / (1 + np.exp(-np.array(fitted.draws)[:, 0])), [0.05, 0.95])
        inside.append(low <= 0.05 <= high)
    assert 0.75 <= np.mean(inside) <= 0.975


def test_survival_equals_the_published_example() -> None:
    """Fader & Hardie (2007), "regular" segment: 1,000 customers over seven years give alpha 0.704, beta 1.182."""
    lost = [369, 163, 86, 56, 37, 27, 21]
    months = np.repeat([*range(1, 8), 7.0], [*lost, 1000 - sum(lost)])
    ended = np.repeat([1.0, 0.0], [sum(lost), 1000 - sum(lost)])
    mean, precision = survival.fit(months, ended, pd.Series(["all"] * 1000)).pooled
    alpha = np.exp(precision) / (1 + np.exp(-mean))
    assert [alpha, np.exp(precision) - alpha] == pytest.approx([0.704, 1.182], rel=0.02)


def test_small_segment_stays_near_the_pool() -> None:
    """Three churned spells in a new segment do not make it hopeless."""
    rng = np.random.default_rng(6)
    months = np.append(rng.integers(5, 40, 500), [1, 1, 1]).astype(float)
    ended = np.append(rng.random(500) < 0.3, [True] * 3).astype(float)
    fitted = survival.fit(months, ended, pd.Series(["large"] * 500 + ["new"] * 3))
    after = fitted.remaining(np.zeros(2), pd.Series(["large", "new"]), 12)[:, -1]
    assert after[1] > 0.5 * after[0]


def test_metrics_know_perfect_and_useless_predictions() -> None:
    """Perfect order has Gini and rank correlation 1; a constant has 0 whatever the order of the table."""
    actual = np.array([0.0, 0.0, 5.0, 1.0, 9.0, 3.0])
    assert value_metrics.value_of(value_metrics.normalised_gini, actual, actual * 7) == pytest.approx(1)
    assert value_metrics.value_of(value_metrics.normalised_gini, actual, np.ones(6)) == pytest.approx(0)
    assert value_metrics.value_of(value_metrics.normalised_gini, actual, -actual) < 0
    assert value_metrics.value_of(value_metrics.spearman, actual, actual**2) == pytest.approx(1)
    assert value_metrics.value_of(value_metrics.spearman, actual, np.ones(6)) == 0
    assert value_metrics.value_of(value_metrics.aggregate_bias, actual, actual * 1.1) == pytest.approx(0.1)
    assert value_metrics.value_of(value_metrics.decile_error, actual, actual) == 0


def test_contractual_bounds_are_calibrated_inwards_as_well_as_outwards() -> None:
    """Past customers who stayed and paid less than promised pull the upper bound in; those who grew push it out."""
    sources = subscribers(300)
    model, rows = sources.fit(END, TERMS), sources.customers(END)
    top = model.predict(rows)["upper"].to_numpy()
    for factor, is_inwards in ((0.9, True), (1.2, False)):
        moved = model.calibrated(rows, factor * top)
        assert moved.upper_width == pytest.approx(np.log(factor))
        assert (moved.predict(rows)["upper"].to_numpy() < top).any() == is_inwards
        assert (moved.predict(rows)["lower"] <= moved.predict(rows)["value"]).all()


def test_contractual_lower_bound_follows_how_many_left() -> None:
    """If all past customers stayed the lower bound rises, if most left at once it falls."""
    sources = subscribers(300)
    model, rows = sources.fit(END, TERMS), sources.customers(END)
    top = model.predict(rows)["upper"].to_numpy()
    stayed, left = model.calibrated(rows, top), model.calibrated(rows, np.where(np.arange(len(top)) % 4, 0.0, top))
    assert stayed.lower_tail > left.lower_tail
    assert stayed.predict(rows)["lower"].sum() > left.predict(rows)["lower"].sum()


def test_challenger_stands_beside_the_model_and_is_never_served() -> None:
    """The two-part challenger is in the table, a sentence compares it, and the candidate is the probability model."""
    outcome = clv.run_training(clv_histories.Transactional(buyers(800)), END, TERMS)
    methods = {row.method for row in outcome.report.metrics}
    assert {"lightgbm_two_part", "bg_nbd_gamma_gamma"} <= methods
    assert any("challenger lightgbm two part is" in reason for reason in outcome.reasons)
    assert isinstance(outcome.candidate, clv_transactional.TransactionalClv)


def test_challenger_needs_buyers_and_others() -> None:
    """Where hardly anybody bought there is no challenger."""
    model, rows = fitted(BOTH[0].values[0])
    assert isinstance(model, clv_transactional.TransactionalClv)
    assert clv_challenger.two_part(model, rows, np.zeros(len(rows)), model, rows) is None


def test_a_model_of_before_the_hazard_is_still_read(tmp_path: Path) -> None:
    """The parameters that earlier versions stored give the base survival and one rate of growth."""
    base = survival.fit(np.array([3.0, 9.0]), np.array([1.0, 0.0]), pd.Series(["a", "b"]))
    plain = {"survival": asdict(base), "growth_monthly": 0.01, "terms": asdict(TERMS)}
    (tmp_path / clv_contractual.FILE).write_text(json.dumps({**plain, "lower_tail": 0.05, "upper_width": 0.0}))
    found = clv_contractual.ContractualClv.load(tmp_path)
    assert (found.hazard.base, found.growth.monthly, found.method) == (base, 0.01, "shifted_beta_geometric")
