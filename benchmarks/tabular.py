"""Judge the tables' learner against others on the same folds, and climb down the leakage ladder.

Others: LightGBM as it comes and tuned shallow, logistic regression (ridge for amounts), random forest and
scikit-learn's histogram boosting, each with the usual preparation (native categories, or one-hot and standardised).
Belongs here: the comparison and both pages. Does not belong here: the tables (`benchmarks.table_sets`), any setting of
ours.
Run: `python -m benchmarks.tabular --data <folder of the data sets> --warehouse <sample company's warehouse>`.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from benchmarks.leakage_ladder import ladder_page
from benchmarks.pages import Page, table
from benchmarks.table_sets import (
    FOLD,
    LABEL,
    TableSet,
    bank_churners,
    bundled,
    company,
    out_of_time,
    simulated,
    with_folds,
)
from ml import tables
from ml.arrays import FloatArray
from ml.binary_metrics import Ranking, auc
from ml.bootstrap import bootstrap, interval
from ml.table_columns import infer

SHALLOW: Final = {"max_depth": 3, "num_leaves": 8, "learning_rate": 0.05, "n_estimators": 200, "min_child_samples": 40}
RESAMPLES: Final = 200


def learners(set_of: TableSet, seed: int) -> dict[str, Any]:
    """The others, ready to fit on frames with category columns."""
    is_binary = set_of.task == "binary"
    text = make_column_selector(dtype_include="category")
    numbers = make_column_selector(dtype_include="number")
    plain = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=10, sparse_output=False), text),
    )
    coded = make_column_transformer(
        (SimpleImputer(strategy="median", keep_empty_features=True), numbers),
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2), text),
    )
    coded_for_trees = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2), text),
        remainder="passthrough",
    )
    booster, forest, histogram = (
        (lgb.LGBMClassifier, RandomForestClassifier, HistGradientBoostingClassifier)
        if is_binary
        else (lgb.LGBMRegressor, RandomForestRegressor, HistGradientBoostingRegressor)
    )
    shared = {"n_jobs": 1, "verbosity": -1, "random_state": seed}
    linear = LogisticRegression(max_iter=1_000) if is_binary else Ridge(1.0)
    return {
        "lightgbm default": booster(**shared),
        "lightgbm shallow": booster(**shared, **SHALLOW),
        "linear": make_pipeline(plain, linear),
        "random forest": make_pipeline(coded, forest(100, min_samples_leaf=2, n_jobs=1, random_state=seed)),
        "hist boosting": make_pipeline(coded_for_trees, histogram(random_state=seed)),
    }


def prepared(set_of: TableSet) -> pd.DataFrame:
    """What a careful person would hand to the others: numbers read, ids dropped, texts as categories."""
    raw = set_of.frame[set_of.columns]
    clean = infer(raw).read(raw)
    texts = clean.select_dtypes(exclude="number").columns
    return clean.astype(dict.fromkeys(texts, "category"))


def predictions(set_of: TableSet, seed: int) -> Iterator[tuple[str, FloatArray, float]]:
    """Every other learner's predictions of the judged rows, and its seconds."""
    frame, label, fold = prepared(set_of), set_of.frame[LABEL], set_of.frame[FOLD]
    judged = [name for name in fold.unique() if name != "train"]
    for name, learner in learners(set_of, seed).items():
        found, start = np.full(len(frame), np.nan), time.process_time()
        for one in judged:
            is_test = (fold == one).to_numpy()
            learner.fit(frame[~is_test], label[~is_test])
            rows = frame[is_test]
            found[is_test] = learner.predict_proba(rows)[:, 1] if set_of.task == "binary" else learner.predict(rows)
        yield name, found, time.process_time() - start


def ours(set_of: TableSet, seed: int) -> tuple[tables.TableResult, FloatArray, float]:
    """Our result, its predictions of the judged rows, its seconds (the last fit on all rows included)."""
    start = time.process_time()
    result = tables.train(
        set_of.frame, label=LABEL, task=set_of.task, fold=FOLD, allow=set_of.allow, seed=seed, name=set_of.name,
        **set_of.settled,
    )  # fmt: skip
    spent = time.process_time() - start
    rows = result.report.tables["test_predictions"]
    found = np.full(len(set_of.frame), np.nan)
    if set_of.settled:  # sorted by time, and one part of it judges
        found[(set_of.frame[FOLD] == "test").to_numpy()] = rows["value"]
    else:
        found[rows["row_entity"].to_numpy(dtype=np.int64)] = rows["value"]
    return result, found, spent


def scorer(set_of: TableSet, judged: FloatArray) -> Callable[[FloatArray, FloatArray], FloatArray]:
    """The metric of a prediction under weights of the judged rows: AUC, or minus RMSE (higher is better)."""
    label = set_of.frame[LABEL].to_numpy(dtype=np.float64)[judged]

    def score(value: FloatArray, weights: FloatArray) -> FloatArray:
        if set_of.task == "value":
            return np.asarray(-np.sqrt(weights @ (value - label) ** 2 / weights.sum(axis=1)))
        ranking = Ranking.of(value)
        return auc(ranking.sums(weights * label), ranking.sums(weights * (1 - label)))

    return score


def compare(set_of: TableSet, seed: int) -> dict[str, Any]:
    """One row of the page: figures of all, the paired difference to the best other, the truth's figure, seconds."""
    result, own, spent = ours(set_of, seed)
    judged = np.flatnonzero(~np.isnan(own))
    score, once = scorer(set_of, judged), np.ones((1, len(judged)))
    others = {name: (value[judged], seconds) for name, value, seconds in predictions(set_of, seed)}
    figures = {name: float(score(value, once)[0]) for name, (value, _) in others.items()}
    best = max(figures, key=lambda name: figures[name])
    figure = float(score(own[judged], once)[0])

    def difference(weights: FloatArray) -> FloatArray:
        return score(own[judged], weights) - score(others[best][0], weights)

    lower, upper = interval(bootstrap(difference, pd.Series(judged), RESAMPLES, seed))
    sign = 1 if set_of.task == "binary" else -1
    truth = None if set_of.truth is None else sign * float(score(set_of.truth[judged], once)[0])
    verdict = "better" if lower > 0 else "worse" if upper < 0 else "level"
    return {
        "table": set_of.name, "rows": len(set_of.frame), "ours": sign * figure, "kept": result.kept_method,
        **{name: sign * value for name, value in figures.items()},
        "truth": truth, "against the best": f"{figure - figures[best]:+.4f} [{lower:+.4f}, {upper:+.4f}] {verdict}",
        "status": result.status, "seconds ours": spent, "seconds all others": sum(s for _, s in others.values()),
    }  # fmt: skip


def sets(chosen: argparse.Namespace) -> Iterator[TableSet]:
    """The tables at hand."""
    if chosen.data is not None:
        yield TableSet("bank_churners", with_folds(bank_churners(chosen.data), chosen.seed))
    yield from bundled(chosen.seed)
    if chosen.warehouse is not None:
        rows = out_of_time(company(chosen.warehouse, "sample", "churn"), 120)
        yield TableSet("sample churn", rows, settled={"time": "as_of", "entity": "account_id"})
    yield from simulated(chosen.seed)


def page(rows: pd.DataFrame, seed: int, seconds: float) -> Page:
    """The results page."""
    verdicts = rows["against the best"].str.split().str[-1].value_counts()
    counts = ", ".join(f"{verdict} on {verdicts.get(verdict, 0)}" for verdict in ("better", "level", "worse"))
    binary = rows[~rows["table"].isin(_AMOUNTS)]
    blocks = [
        "AUC, higher is better. `truth` is the AUC of the true probability (simulated tables only), which nothing can "
        "beat but by chance. The last column compares with the best of the others, chosen after the fact: paired "
        "bootstrap, 95 % interval. It counts the judged rows only, not the luck of the rows that trained, which is the "
        "larger part where those are few.",
        table(binary.drop(columns=["status", "seconds ours", "seconds all others"]), 4),
        "Amounts: RMSE, lower is better; the difference is signed so that plus is better.",
        table(rows[rows["table"].isin(_AMOUNTS)].drop(columns=["status", "seconds ours", "seconds all others"]), 2),
        "What the gates said, and CPU seconds on one core: ours trains two methods in several capacities per fold, "
        "five baselines and the final model; the others are five single fits per fold.",
        table(rows[["table", "status", "seconds ours", "seconds all others"]], 1),
        "Anchors: bank_churners without its two leaking columns, five folds, logistic regression 0.923 and histogram "
        "boosting 0.992 (computed by the makers of this collection, README of the data set).",
    ]
    return Page(
        "tabular", "Learners on tables",
        f"Against the best of five other learners, table by table: {counts} of {len(rows)}.",
        "python -m benchmarks.tabular --data DATA --warehouse WAREHOUSE --write", seed, seconds, blocks,
    )  # fmt: skip


_AMOUNTS: Final = ("diabetes", "amount, often nothing")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables, write the pages if asked; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds the folder `bank_churners`")
    parser.add_argument("--warehouse", type=Path, help="the built sample company's warehouse.duckdb")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", nargs="*", help="names of tables; all if left out")
    parser.add_argument("--write", action="store_true", help="write the pages under docs/results")
    chosen = parser.parse_args(arguments)
    start = time.monotonic()
    found = []
    for set_of in sets(chosen):
        if not chosen.only or set_of.name in chosen.only:
            found.append(compare(set_of, chosen.seed))
            print(found[-1], flush=True)
    rows = pd.DataFrame(found)
    made = [page(rows, chosen.seed, time.monotonic() - start)] if len(rows) else []
    if not chosen.only or "ladder" in chosen.only:
        made += ladder_page(chosen.data, chosen.warehouse, chosen.seed)
    for one in made:
        print(one.text())
        if chosen.write:
            one.write()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
