"""Behaviour of the whole training on simulated customers with a known truth."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml import bundles
from ml.models.baselines import separation
from ml.models.binary_training import Outcome
from ml.models.churn import ChurnParams, risk_levels, run_training, score_customers
from ml.models.churn_contacts import ContactEconomics
from ml.models.tabular import BOOSTED, LINEAR, FeatureMismatchError, FittedClassifier, TabularParams, train_both
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import column, customers

PARAMS = ChurnParams(amount_column="mrr", rule_features=("tickets",))


@cache
def trained() -> tuple[TrainingFrame, np.ndarray, Outcome]:
    """A training on 250 customers over 20 months."""
    frame, truth = customers(250, 20)
    return frame, truth, run_training(frame, PARAMS)


@cache
def pair() -> dict[str, FittedClassifier]:
    """Both methods on one frame."""
    frame, _ = customers(150, 16)
    return {str(name): fitted for name, fitted in train_both(frame, TabularParams()).fitted.items()}


def test_signal_is_found_and_nearly_as_well_as_the_oracle_would() -> None:
    """The validated model's test AUC is at least 95 % of the true probability's."""
    frame, truth, outcome = trained()
    assert outcome.status == "validated", outcome.reasons
    test = outcome.report.tables["test_predictions"]
    is_test = (frame.data["as_of"] >= test["as_of"].min()).to_numpy()
    oracle = separation(truth[is_test], frame.labels[is_test])
    assert 0.95 <= separation(test["value"].to_numpy(), test["label"].to_numpy()) / oracle <= 1.03


def test_report_has_every_method_on_the_same_rows() -> None:
    """Base rate, rule, logistic regression, random forest and LightGBM share rows, positives and period."""
    table = trained()[2].report.metric_table()
    methods = {"base_rate", "rule", "logistic_regression", "random_forest_latest_snapshot", "lightgbm"}
    assert set(table["method"]) == methods
    assert len(table[["rows", "positives", "first_as_of", "last_as_of"]].drop_duplicates()) == 1
    wanted = {"auc", "pr_auc", "brier", "brier_skill", "log_loss", "ece", "lift_at_10", "captured_amount_at_10"}
    assert wanted <= set(table["metric"])
    assert (table.loc[table["metric"].eq("auc"), "lower"] <= table.loc[table["metric"].eq("auc"), "value"]).all()
    assert (~table["is_baseline"]).sum() == table["metric"].nunique()


@pytest.mark.parametrize("method", [LINEAR, BOOSTED])
def test_single_prediction_equals_the_batch_bit_for_bit(method: str) -> None:
    """A row scored alone has the same figures and reasons as within a batch."""
    frame, _ = customers(150, 16)
    batch = pair()[method].predict(frame.data.head(300))
    for row in range(0, 300, 37):
        alone = pair()[method].predict(frame.data.iloc[[row]])
        pd.testing.assert_frame_equal(alone, batch.iloc[[row]], check_exact=True)


@pytest.mark.parametrize("method", [LINEAR, BOOSTED])
def test_stored_model_predicts_the_same(method: str, tmp_path: Path) -> None:
    """Written to plain files and read back, the predictions do not change in a bit."""
    frame, _ = customers(150, 16)
    bundles.write(pair()[method], tmp_path)
    again = bundles.read(tmp_path)
    rows = frame.data.head(100)
    pd.testing.assert_frame_equal(again.predict(rows), pair()[method].predict(rows), check_exact=True)


def test_training_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    """The same rows give the same files."""
    frame, _ = customers(150, 16)
    for name, fitted in train_both(frame, TabularParams()).fitted.items():
        pair()[name].save(tmp_path / "first" / name)
        fitted.save(tmp_path / "second" / name)
    for path in (tmp_path / "first").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "second" / path.relative_to(tmp_path / "first")).read_bytes()


def test_contributions_add_up_to_the_score() -> None:
    """Linear contributions and the intercept make the log odds; higher usage never raises the risk on average."""
    frame, _ = customers(150, 16)
    linear = pair()[LINEAR]
    matrix = linear.encoder.transform(frame.data.head(20))
    assert hasattr(linear.model, "intercept")
    total = linear.model.contributions(matrix).sum(axis=1) + linear.model.intercept
    np.testing.assert_allclose(total, linear.model.score(matrix), atol=1e-9)


@pytest.mark.parametrize("method", [LINEAR, BOOSTED])
def test_prediction_moves_in_the_known_direction(method: str) -> None:
    """Less usage and more tickets raise the probability of churn."""
    frame, _ = customers(150, 16)
    rows = frame.data.tail(200)
    calm = pair()[method].predict(rows.assign(usage=1.5, tickets=0.0), with_reasons=False)["value"]
    worried = pair()[method].predict(rows.assign(usage=-1.5, tickets=4.0), with_reasons=False)["value"]
    assert (worried > calm).all()


def test_missing_feature_is_named() -> None:
    """Rows without a feature are refused with its name, not scored as if it were null."""
    frame, _ = customers(150, 16)
    with pytest.raises(FeatureMismatchError, match="usage"):
        pair()[LINEAR].predict(frame.data.drop(columns="usage"))


def test_planted_leak_stops_the_training() -> None:
    """A feature that gives the label away is named, and there is no candidate."""
    frame, _ = customers(150, 16)
    leak = frame.labels + np.random.default_rng(0).normal(size=len(frame.labels)) * 0.1
    leaking = replace(
        frame, data=frame.data.assign(closed_reason_code=leak), columns=(*frame.columns, column("closed_reason_code"))
    )
    outcome = run_training(leaking, PARAMS)
    assert outcome.status == "failed_gates"
    assert outcome.candidate is None
    assert "closed_reason_code" in outcome.reasons[0]


def test_no_signal_is_called_not_better() -> None:
    """Labels that nothing predicts fail the gate against the best baseline, and the fallback is there."""
    for seed in range(3):
        frame, _ = customers(120, 16, seed, strength=0.0)
        outcome = run_training(frame, PARAMS)
        assert outcome.status == "failed_gates"
        assert any("not better than" in reason for reason in outcome.reasons)
        assert len(outcome.fallback.predict(frame.data)) == len(frame.data)


@pytest.mark.slow
def test_no_signal_passes_no_more_often_than_by_chance() -> None:
    """Of 20 trainings without signal at most one is promoted."""
    passed = 0
    for seed in range(20):
        frame, _ = customers(150, 16, seed, strength=0.0)
        passed += run_training(frame, PARAMS).status == "validated"
    assert passed <= 1


@pytest.mark.parametrize(("entities", "months"), [(0, 12), (1, 24), (10, 24), (10, 2), (40, 8)])
@pytest.mark.parametrize("rate", [-1.8, -50.0, 50.0])
def test_small_data_says_what_is_missing(entities: int, months: int, rate: float) -> None:
    """Few customers, nobody gone, everybody gone or no rows: no error, a sentence and a usable fallback."""
    frame, _ = customers(entities, months, rate=rate)
    outcome = run_training(frame, PARAMS)
    assert outcome.status == "insufficient_data"
    assert outcome.candidate is None
    assert any("needs about" in reason or "more days of history" in reason for reason in outcome.reasons)
    found = score_customers(outcome.fallback, frame.data, PARAMS)
    assert found["value"].between(0, 1, inclusive="neither").all()


def test_champion_is_compared_on_rows_it_did_not_see() -> None:
    """A champion trained on everything is not comparable; an older one is, and is not beaten by worse."""
    frame, _, outcome = trained()
    assert outcome.candidate is not None
    again = run_training(frame, PARAMS, outcome.candidate).report
    assert any("trained on all rows" in gate.reason for gate in again.gates)
    older = train_both(frame.take((frame.data["as_of"] < "2022-10-01").to_numpy()), TabularParams()).fitted[LINEAR]
    compared = run_training(frame, PARAMS, older).report
    assert any("not worse than the champion" in gate.reason for gate in compared.gates)


def test_customers_are_shown_with_level_money_and_day_to_act() -> None:
    """Risk levels follow the thresholds, the money is a year's, and the renewal within the horizon is the day."""
    frame, _, outcome = trained()
    assert outcome.candidate is not None
    rows = frame.data.tail(3).assign(renewal_due_days=[10.0, 300.0, np.nan])
    found = score_customers(outcome.candidate, rows, PARAMS)
    np.testing.assert_allclose(found["revenue_at_risk"], found["value"] * rows["mrr"] * 12)
    assert found["act_by"].notna().tolist() == [True, False, False]
    assert (found["act_from"] > found["as_of"]).all()
    assert (found["pays_to_contact"] == (found["value"] > found["break_even"])).all()
    assert (found["act_by"].iloc[0] - found["as_of"].iloc[0]).days == 10
    levels = risk_levels(np.array([0.29, 0.3, 0.5, 0.7]), PARAMS)
    assert levels == ["Low", "Medium", "High", "Critical"]


def test_contact_pays_above_the_break_even_probability() -> None:
    """A contact of 30 that saves a fifth of 1,000 at 75 % margin pays from 20 % on, and never without an amount."""
    economics = ContactEconomics(contact_cost=30, saved_share=0.2, margin_ratio=0.75)
    np.testing.assert_allclose(economics.break_even(np.array([1000.0, 0.0, np.nan])), [0.2, 1.0, 1.0])


def test_report_says_whom_it_pays_to_contact() -> None:
    """Contacting where it pays brings more than contacting everybody, and each policy's profit has its interval."""
    table = trained()[2].report.tables["policies"].set_index("policy")
    assert {"everybody", "Medium", "High", "Critical", "where a contact pays"} == set(table.index)
    assert table.loc["where a contact pays", "profit"] > table.loc["everybody", "profit"]
    assert (table["lower"] <= table["profit"]).all()
    assert (table["profit"] <= table["upper"]).all()
