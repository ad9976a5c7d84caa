"""Behaviour of the lead score and the win probability on simulated rows."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from feature_definitions.registry import PostContactError
from ml import bundles
from ml.evaluation import TrainingOutcome
from ml.models import lead_score, win_probability
from ml.models.lead_score import LeadParams, LeadScorer
from ml.models.tabular import FittedClassifier
from ml.models.win_probability import DealScorer, WinParams
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import column, customers


def leads(entities: int, months: int) -> TrainingFrame:
    """Rows with a rule score that knows a part of the truth, and an age of 0, 7 or 100 days."""
    frame, truth = customers(entities, months)
    random = np.random.default_rng(0)
    added = frame.data.assign(
        rule_score=np.clip(200 * truth + random.normal(size=len(truth)) * 60, 0, 200).round(),
        lead_age_days=random.choice([0.0, 7.0, 100.0], len(truth)),
    )
    return replace(frame, data=added, columns=(*frame.columns, column("rule_score"), column("lead_age_days")))


@cache
def scored() -> tuple[TrainingFrame, TrainingOutcome[LeadScorer, LeadScorer]]:
    """A training on 250 leads over 20 months."""
    frame = leads(250, 20)
    return frame, lead_score.run_training(frame, LeadParams())


def test_better_grades_convert_more_often() -> None:
    """Observed conversion falls from A to D, and every lead has a score between 0 and 100."""
    frame, outcome = scored()
    assert outcome.candidate is not None, outcome.reasons
    grades = outcome.report.tables["grades"]
    assert grades["observed_rate"].is_monotonic_decreasing
    assert (grades["observed_lower"] < grades["observed_rate"]).all()
    assert (grades["observed_rate"] < grades["observed_upper"]).all()
    found = outcome.candidate.predict(frame.data)
    assert found["score"].between(0, 100).all()
    assert set(found["grade"]) == {"A", "B", "C", "D"}


def test_leads_are_judged_at_the_declared_ages_only() -> None:
    """Old open leads are trained on but are no test rows."""
    frame, outcome = scored()
    test = outcome.report.tables["test_predictions"]
    ages = test.merge(frame.data, on=["account_id", "as_of"], validate="one_to_one")["lead_age_days"]
    assert set(ages) == {0.0, 7.0}


def test_agreement_with_the_rules_is_reported() -> None:
    """Rules that know a part of the truth agree in part."""
    table = scored()[1].report.tables["rule_agreement"].set_index("measure")
    correlation = table.loc["rank_correlation"]
    assert 0.2 < correlation["lower"] < correlation["value"] < correlation["upper"] < 0.95


def test_few_leads_fall_back_to_bands_of_the_rule_score() -> None:
    """Ten leads: no model, but rates by band of the rule score, with grades."""
    frame = leads(10, 12)
    outcome = lead_score.run_training(frame, LeadParams())
    assert outcome.status == "insufficient_data"
    assert getattr(outcome.fallback.model, "feature", None) == "rule_score"
    assert set(outcome.fallback.predict(frame.data)["grade"]) <= {"A", "B", "C", "D"}


def test_no_lead_at_all_is_no_error() -> None:
    """Zero rows give a fallback that still scores."""
    frame = leads(10, 12)
    outcome = lead_score.run_training(frame.take(np.zeros(len(frame.data), dtype=bool)), LeadParams())
    assert outcome.status == "insufficient_data"
    assert len(outcome.fallback.predict(frame.data)) == len(frame.data)


def test_stored_scorers_predict_the_same(tmp_path: Path) -> None:
    """Candidate and fallback come back from their folders unchanged."""
    frame, outcome = scored()
    for name, scorer in (("candidate", outcome.candidate), ("fallback", outcome.fallback)):
        assert scorer is not None
        bundles.write(scorer, tmp_path / name)
        again = bundles.read(tmp_path / name)
        pd.testing.assert_frame_equal(again.predict(frame.data.head(50)), scorer.predict(frame.data.head(50)))


def test_lead_score_refuses_what_is_filled_in_after_the_contact() -> None:
    """A frame or a fitted model with a column that the views, or its own declaration, call post-contact is refused."""
    frame, outcome = scored()
    assert outcome.candidate is not None
    model = outcome.candidate.model
    assert isinstance(model, FittedClassifier)
    for declared in ("calls_count", "planted_count"):
        planted = replace(
            column(declared), availability="post_contact" if declared == "planted_count" else "known_at_scoring"
        )
        shown = replace(frame, data=frame.data.assign(**{declared: 1.0}), columns=(*frame.columns, planted))
        with pytest.raises(PostContactError, match=declared):
            lead_score.run_training(shown, LeadParams())
        with pytest.raises(PostContactError, match=declared):
            replace(outcome.candidate, model=replace(model, columns=(*model.columns, planted)))
    encoder = replace(
        model.encoder, columns=(*model.encoder.columns, replace(model.encoder.columns[0], name="has_deal"))
    )
    with pytest.raises(PostContactError, match="has_deal"):
        replace(outcome.candidate, model=replace(model, encoder=encoder))
    with pytest.raises(PostContactError, match="has_account"):
        replace(outcome.fallback, model=replace(outcome.fallback.model, feature="has_account"))


def deals(entities: int, months: int) -> tuple[TrainingFrame, pd.DataFrame]:
    """Deals with stage and age, and their deal-months."""
    frame, _ = customers(entities, months)
    random = np.random.default_rng(0)
    added = frame.data.assign(
        current_stage=frame.data["plan"], deal_age_days=random.integers(0, 200, len(frame.data)).astype(float)
    )
    won = random.random(len(added)) < 0.1
    history = added.assign(month=1, won=won.astype(int), lost=(~won & (random.random(len(added)) < 0.1)).astype(int))
    columns = (*frame.columns, column("current_stage", "categorical"), column("deal_age_days"))
    return replace(frame, data=added, columns=columns), history


def test_deal_has_a_probability_and_months_that_agree(tmp_path: Path) -> None:
    """The wins of the first three months add up to the 90-day probability, also after storing."""
    frame, history = deals(200, 18)
    outcome = win_probability.run_training(frame, history, WinParams())
    assert outcome.candidate is not None, outcome.reasons
    bundles.write(outcome.candidate, tmp_path)
    found = bundles.read(tmp_path).predict(frame.data.head(20))
    within = [sum(month["won"] for month in months[:3]) for months in found["close_months"]]
    np.testing.assert_allclose(within, found["value"], atol=1e-3)


def test_few_deals_fall_back() -> None:
    """Too few deals give shrunken rates with the same output."""
    frame, history = deals(8, 6)
    outcome = win_probability.run_training(frame, history, WinParams())
    assert outcome.status == "insufficient_data"
    assert isinstance(outcome.fallback, DealScorer)
    assert {"value", "lower", "upper", "reasons", "close_months"} <= set(outcome.fallback.predict(frame.data).columns)
