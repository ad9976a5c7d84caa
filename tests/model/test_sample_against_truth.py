"""The whole chain on the simulated company, held against the truth that the pipeline may not read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from orchestration import training_inputs
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
# A model sees less than the oracle; with this much less it would not have learned.
LEAST_SHARE_OF_ORACLE = 0.9


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    state = tmp_path_factory.mktemp("sample")
    deployment = Deployment(company_name="sample", state_folder=str(state), data_folder=str(state))
    with kept_environment():
        run(deployment)
        yield deployment


def truth(deployment: Deployment) -> Oracle:
    return Oracle(deployment.state / "truth")


def on_test_rows(deployment: Deployment, model: str) -> pd.DataFrame:
    """The model's predictions of its own test rows: keys, label, value."""
    with deployment.warehouse(read_only=True) as connection:
        trained = training_inputs.TRAINERS[model](connection, deployment.company, None)
    return trained.outcome.report.tables["test_predictions"]


def assert_between_chance_and_oracle(rows: pd.DataFrame, oracle: str) -> None:
    label = rows["label"].to_numpy()
    ours, best = roc_auc_score(label, rows["value"]), roc_auc_score(label, rows[oracle])
    # Two standard errors of an AUC around the oracle's (Hanley and McNeil's bound for the smaller class).
    noise = 2 * float(np.sqrt(best * (1 - best) / min(label.sum(), len(label) - label.sum())))
    assert LEAST_SHARE_OF_ORACLE * best < ours < best + noise, f"model {ours:.3f}, oracle {best:.3f}, noise {noise:.3f}"


def test_churn_comes_near_the_oracle_and_not_beyond(deployment: Deployment) -> None:
    """On rows it was not trained on the model ranks nearly as well as the true probabilities; better is a leak."""
    rows = on_test_rows(deployment, "churn").merge(
        truth(deployment).customers(), on=["account_id", "as_of"], how="inner", validate="one_to_one"
    )
    assert_between_chance_and_oracle(rows, "p_churn_90d")


def test_lead_score_comes_near_the_oracle_and_not_beyond(deployment: Deployment) -> None:
    """At every age of judgement taken together, too."""
    known = truth(deployment).leads()
    rows = on_test_rows(deployment, "lead_score").merge(
        known.assign(as_of=pd.to_datetime(known["as_of"])), on=["lead_id", "as_of"], how="inner", validate="one_to_one"
    )
    assert_between_chance_and_oracle(rows, "p_convert_90d")


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
    assert not columns & {"p_churn_90d", "p_convert_90d", "p_win", "health", "interest"}
    assert not list(Path(deployment.published).rglob("*truth*"))
