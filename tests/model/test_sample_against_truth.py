"""The whole chain on the simulated company, held against the truth that the pipeline may not read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import against_truth, truth_recovery, truth_sections
from ingestion.simulator.futures import futures
from orchestration.learning import training_inputs
from orchestration.resources import Deployment
from orchestration.run import run
from tests.model.oracle import Oracle
from tests.runs import kept_environment, query

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Injected fault -> finding, where the finding is kept under the faulty row's own key.
FAULTS = {
    ("orphan_row", "touchpoints"): "orphan_lead",
    ("orphan_row", "support_tickets"): "orphan_account",
    ("consent_missing", "leads"): "consent_missing",
    ("duplicate_person", "leads"): "duplicate_person",
    ("duplicate_company", "accounts"): "duplicate_company",
    ("stage_without_date", "lead_stage_events"): "stage_without_date",
    ("currency_missing", "transactions"): "currency_missing",
    ("currency_missing", "deals"): "currency_missing",
    ("negative_money", "transactions"): "negative_money",
    ("negative_money", "deals"): "negative_money",
    ("score_out_of_range", "survey_responses"): "survey_score_out_of_range",
    ("closed_deal_without_close_date", "deals"): "closed_deal_without_close_date",
    ("ticket_after_churn", "support_tickets"): "ticket_after_churn",
    ("overdue_open_deal", "deals"): "overdue_open_deal",
}
# Of the oracle's AUC, which knows what no model sees. 95 % is aimed at and reached on the mean of five companies
# (docs/results/known_truth.md); single ones lie 1 to 2 points around it (standard deviation), so this is two below.
LEAST_SHARE_OF_ORACLE = 0.92
# The farthest single company there is 0.018 (churn, leads) and 0.058 (deals, a tenth of the rows).
LARGEST_CALIBRATION_ERROR = {"churn": 0.03, "lead_score": 0.03, "win_probability": 0.08}
# Bands are of 90 %, but one shift of level moves all groups of rows at once.
LEAST_COVERAGE = 0.75


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    state = tmp_path_factory.mktemp("sample")
    deployment = Deployment(company_name="sample", state_folder=str(state), data_folder=str(state))
    with kept_environment():
        run(deployment)
        yield deployment


@pytest.fixture(scope="module")
def judged(deployment: Deployment) -> truth_sections.Judged:
    """What the run's own trainings said of their test rows; only the quick value model is fitted again."""
    runs = dict(query(deployment, "select model, run_id from models.trainings"))
    statuses = dict(query(deployment, "select model, status from models.trainings"))
    said = {model: _stored(deployment, runs[model]) for model in truth_sections.TRUE_CHANCE}
    with deployment.warehouse(read_only=True) as connection:
        values = training_inputs.train_clv(connection, deployment.company, None).outcome.candidate
    return truth_sections.Judged(deployment, statuses, said, values)


def _stored(deployment: Deployment, run_id: str) -> pd.DataFrame:
    return pd.read_csv(deployment.artifact_folder / run_id / "artifacts" / "tables" / "test_predictions.csv")


def truth(deployment: Deployment) -> Oracle:
    return Oracle(deployment.state / "truth")


@pytest.mark.parametrize("model", ["churn", "lead_score", "win_probability"])
def test_probabilities_come_near_the_truth_and_not_beyond(judged: truth_sections.Judged, model: str) -> None:
    """A model ranks unseen rows nearly as well as the truth does (better is a leak), is close to it, and covers it."""
    found = truth_sections.probabilities(judged, model)
    rows = judged.with_truth(model)
    label, best = rows["label"], found["oracle_auc"]
    # Two standard errors of an AUC around the oracle's (Hanley and McNeil's bound for the smaller class).
    noise = 2 * float(np.sqrt(best * (1 - best) / min(label.sum(), len(label) - label.sum())))
    assert LEAST_SHARE_OF_ORACLE * best < found["auc"] < best + noise, found
    assert found["ece"] < LARGEST_CALIBRATION_ERROR[model], found
    assert found["inside"] > LEAST_COVERAGE, found


def test_close_months_are_the_true_ones(judged: truth_sections.Judged) -> None:
    """Deals are won in the months that were stated for them, and the 90 % interval of the month holds what it says."""
    found = truth_sections.close_months(judged)
    assert found["distance"] < 0.09, found
    assert abs(found["sooner"]) < 0.06, found
    assert found["inside"] > 0.9, found


def test_values_are_near_the_expected_ones(judged: truth_sections.Judged) -> None:
    """Customers are ranked by true expected value, the total is right within a fifth, the interval holds its share."""
    found = truth_sections.values(judged, paths=40)
    assert found["rank"] > 0.95, found
    assert 0.8 < found["total"] < 1.2, found
    assert 0.85 < found["inside"] < 0.97, found
    assert abs(found["stays_12"] - found["true_stays_12"]) < 0.06, found


def test_revenue_to_come_lies_where_the_forecast_says(judged: truth_sections.Judged) -> None:
    """The published forecast starts at the true level, stays near it for a year, and its 95 % interval holds futures.

    The bounds only catch a forecast gone wrong: docs/results/known_truth.md shows how far single origins vary.
    """
    said = pd.DataFrame(
        query(
            judged.deployment,
            "select value, lower_80, upper_80, lower_95, upper_95 from predictions.revenue "
            "where region = 'all' and segment = 'all' order by view = 'combined' desc, month limit 12",
        ),
        columns=["value", "lower_80", "upper_80", "lower_95", "upper_95"],
    )
    found = against_truth.paths(said, futures(judged.settings, judged.settings.months - 1, 12, 60).total)
    assert abs(found["bias_first"]) < 0.05, found
    assert abs(found["bias_last"]) < 0.2, found
    assert found["inside_95"] > 0.3, found


def test_rates_and_lags_are_recovered_from_messy_data(judged: truth_sections.Judged) -> None:
    """Most 95 % intervals of conversions by source and stage and of lags hold the true value."""
    found = truth_recovery.rows(judged)
    assert len(found) > 25
    assert found.loc[found["kind"] != "season of leads", "is_inside"].mean() >= 0.85, found


def test_every_injected_fault_is_found(deployment: Deployment) -> None:
    """Nothing that the simulator broke on purpose goes unnoticed."""
    found = set(
        query(deployment, "select rule, table_name, row_key from marts.fct_data_quality_findings where is_open")
    )
    faults = truth(deployment).faults()
    missed = [
        (fault.rule, fault.table_name, fault.row_key)
        for fault in faults.itertuples()
        if (rule := FAULTS.get((fault.rule, fault.table_name))) and (rule, fault.table_name, fault.row_key) not in found
    ]
    assert not missed
    assert {(fault.rule, fault.table_name) for fault in faults.itertuples()} >= set(FAULTS)


def test_truth_is_nowhere_in_the_pipeline(deployment: Deployment) -> None:
    """No table of the warehouse has a column of the truth, and nothing published lies beside it."""
    columns = {name for (name,) in query(deployment, "select column_name from information_schema.columns")}
    assert not columns & {"p_churn_90d", "p_convert_90d", "p_win", "p_win_90d", "health", "interest"}
    assert not list(Path(deployment.published).rglob("*truth*"))
