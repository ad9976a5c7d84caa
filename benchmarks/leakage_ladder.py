"""The leakage ladder: how much of a good figure is knowledge of the outcome, rung by rung.

Belongs here: the rungs and their page. Does not belong here: the comparison of learners (`benchmarks.tabular`, which
runs this as well).
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.pages import Page, table, with_interval
from benchmarks.table_sets import FOLD, LABEL, bank_churners, company, with_folds
from ml import tables

# What the bank knew of a customer before the year whose end decides the label; the rest is measured within that year.
BEFORE_THE_OUTCOME = (
    "Customer_Age", "Gender", "Dependent_count", "Education_Level", "Marital_Status", "Income_Category",
    "Card_Category", "Months_on_book", "Credit_Limit",
)  # fmt: skip
CHURN_GAP = 120


def ladder_page(data: Path | None, warehouse: Path | None, seed: int) -> list[Page]:
    """The page, if either source is at hand."""
    start, rows = time.monotonic(), []
    if data is not None:
        rows += bank_rungs(data, seed)
    if warehouse is not None:
        rows += company_rungs(warehouse, seed)
    if not rows:
        return []
    blocks = [
        table(pd.DataFrame(rows)),
        "A rung marked *refused* is shown with the figure that `allow` would have bought; without `allow` the training "
        "stops and names the columns in the gate's sentence.",
        "Anchors for bank_churners: 0.923 (logistic regression) and 0.992 (histogram boosting) without the two leaking "
        "columns, five folds (README of the data set); here one fifth judges. Its activity columns cover the twelve "
        "months in which the customers left; a figure of 0.99 says that a customer who has stopped using a card has "
        "stopped using it.",
    ]
    outcome = (
        "The gate names and refuses every planted leak. What it cannot see is time: columns measured while the outcome "
        "happened, and random splits, pass it and flatter all the same."
    )
    command = "python -m benchmarks.tabular --only ladder --data DATA --warehouse WAREHOUSE --write"
    return [Page("leakage_ladder", "Leakage ladder", outcome, command, seed, time.monotonic() - start, blocks)]


def bank_rungs(data: Path, seed: int) -> list[dict[str, Any]]:
    """Both leaks, none, and only what was known before the year of the outcome."""
    leaking = with_folds(bank_churners(data, with_leaks=True), seed)
    leaking[FOLD] = np.where(leaking[FOLD] == 0, "test", "train")
    leaks = tuple(name for name in leaking if name.startswith("Naive_Bayes"))
    known = [*BEFORE_THE_OUTCOME, LABEL, FOLD]
    return [
        rung("bank_churners", "with both leaking columns", leaking, seed, leaks, fold=FOLD),
        rung("bank_churners", "without them", leaking.drop(columns=list(leaks)), seed, fold=FOLD),
        rung("bank_churners", "only what was known before", leaking[known], seed, fold=FOLD),
    ]


def company_rungs(warehouse: Path, seed: int) -> list[dict[str, Any]]:
    """Features of three months later, rows split at random, customers split at random, and out of time."""
    rows = company(warehouse, "sample", "churn")
    random = np.random.default_rng(seed)
    at_random = rows.drop(columns=["as_of", "account_id"]).assign(**{FOLD: random.integers(0, 5, len(rows))})
    future = later_features(company(warehouse, "sample", "churn", labelled=False)).dropna(subset=[LABEL])
    leaks = tuple(name for name in future if name.startswith("later_"))
    settled = {"time": "as_of", "entity": "account_id", "gap_days": CHURN_GAP}
    return [
        rung("sample churn", "features of three months later, out of time", future, seed, leaks, **settled),
        rung("sample churn", "rows split at random", at_random, seed, fold=FOLD),
        rung("sample churn", "customers split at random", rows.drop(columns="as_of"), seed, entity="account_id"),
        rung("sample churn", "out of time, 120 days between", rows, seed, **settled),
    ]


def later_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Each row with two of the customer's features three month ends later; nothing where the customer is gone."""
    names = ["mrr_amount", "tenure_days"]
    later = rows[["account_id", "as_of", *names]].rename(columns={name: f"later_{name}" for name in names})
    later["as_of"] = later["as_of"] - pd.offsets.MonthEnd(3)
    return rows.merge(later, on=["account_id", "as_of"], how="left", validate="one_to_one")


def rung(
    source: str,
    step: str,
    rows: pd.DataFrame,
    seed: int,
    leaks: tuple[str, ...] = (),
    **settled: Any,  # noqa: ANN401 - passed through to ml.tables.train
) -> dict[str, Any]:
    """One training: whether the gate refuses, and the AUC with the columns allowed."""
    refused = bool(leaks) and tables.train(rows, label=LABEL, seed=seed, **settled).status == "refused"
    result = tables.train(rows, label=LABEL, seed=seed, allow=leaks, **settled)
    figures = result.metrics()
    found = figures[figures["method"].eq("model") & figures["metric"].eq("auc")].iloc[0]
    return {
        "table": source,
        "step": step,
        "gate": "refused" if refused else "passed",
        "AUC": with_interval(found["value"], found["lower"], found["upper"]),
        "rows judged": int(found["rows"]),
        "positive": float(found["base_rate"]),
        "kept": result.kept_method,
    }
