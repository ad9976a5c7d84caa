"""What a search for the booster's capacity buys: the same training with and without one, judged on later or other rows.

Belongs here: that comparison and its page. Does not belong here: the search (`ml.search`), the tables
(`benchmarks.table_sets`). Run: `python -m benchmarks.tuning --data <folder> --warehouse <sample company's warehouse>`.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.pages import Page, table
from benchmarks.table_sets import FOLD, LABEL, TableSet, bank_churners, company, out_of_time, simulated, with_folds
from benchmarks.tabular import RESAMPLES, scorer
from ml.arrays import FloatArray
from ml.bootstrap import bootstrap, interval
from ml.models.table_training import TableTask, held_back_folds
from ml.models.tabular import BOOSTED, TabularParams, train_both
from ml.search import Search
from ml.table_frames import TableSpec, prepare

SIMULATED = ("rare: 2 % positive", "curved", "missing not at random")


def sets(chosen: argparse.Namespace) -> Iterator[TableSet]:
    """Tables with one part that trains and one that judges."""
    if chosen.warehouse is not None:
        for model, gap in (("churn", 120), ("lead_score", 90)):
            rows = company(chosen.warehouse, "sample", model)
            if model == "lead_score":
                rows = rows[pd.util.hash_array(rows["lead_id"].to_numpy(dtype=object)) % 3 == 0]
            rows = out_of_time(rows, gap)
            yield TableSet(f"sample {model}", rows, settled={"time": "as_of", "entity": str(rows.columns[0])})
    if chosen.data is not None:
        rows = with_folds(bank_churners(chosen.data).iloc[::2].reset_index(drop=True), chosen.seed)
        yield TableSet(
            "bank_churners, every second row", rows.assign(**{FOLD: np.where(rows[FOLD] == 0, "test", "train")})
        )
    yield from (one for one in simulated(chosen.seed) if one.name in SIMULATED)


def compare(set_of: TableSet, budget: Search, seed: int) -> dict[str, Any]:
    """The booster with the ladder's capacity against the searched one, on the rows that judge."""
    spec = TableSpec(LABEL, set_of.task, fold=FOLD, **set_of.settled)
    prepared = prepare(set_of.frame, spec)
    if prepared.folds is None:
        msg = "the sets of this benchmark say which rows judge"
        raise ValueError(msg)
    is_test = (prepared.folds == "test").to_numpy()
    train, test = prepared.frame.part(~is_test), prepared.frame.part(is_test)
    found: list[FloatArray] = []
    spent: list[float] = []
    for search in (None, budget):
        params = TabularParams(seed, search=search)
        task = TableTask(set_of.name, params, has_time="time" in set_of.settled)
        start = time.process_time()
        pair = train_both(train, params, held_back_folds(train, task))
        spent.append(time.process_time() - start)
        found.append(pair.fitted[BOOSTED].predict(test.data, with_reasons=False)["value"].to_numpy())
    kept = pair.tables["capacities"].set_index("is_kept")["capacity"].loc[True]
    order = np.arange(len(test.data))
    judged = set_of.frame.index[set_of.frame[FOLD] == "test"].to_numpy()
    score = scorer(set_of, judged)

    def gain(weights: FloatArray) -> FloatArray:
        return score(found[1], weights) - score(found[0], weights)

    once = np.ones((1, len(order)))
    lower, upper = interval(bootstrap(gain, test.data[test.entity], RESAMPLES, seed))
    return {
        "table": set_of.name, "rows": len(set_of.frame), "AUC without": float(score(found[0], once)[0]),
        "AUC with search": float(score(found[1], once)[0]),
        "gain": f"{float(gain(once)[0]):+.4f} [{lower:+.4f}, {upper:+.4f}]", "kept": kept,
        "trials": len(pair.tables["search_trials"]), "seconds without": spent[0], "seconds with": spent[1],
    }  # fmt: skip


def page(rows: pd.DataFrame, budget: Search, seed: int, seconds: float) -> Page:
    """The results page."""
    lower = rows["gain"].str.extract(r"\[([+-][\d.]+)")[0].astype(float)
    upper = rows["gain"].str.extract(r", ([+-][\d.]+)\]")[0].astype(float)
    times = float((rows["seconds with"] / rows["seconds without"]).median())
    outcome = (
        f"{budget.trials} trials gain beyond noise on {int((lower > 0).sum())} of {len(rows)} tables, lose on "
        f"{int((upper < 0).sum())}, and take {times:.0f} times as long (median): off unless asked for, worth a try on "
        "a table of its own."
    )
    blocks = [
        "AUC of the booster on rows that neither the training nor the search saw (later rows of the sample company, "
        "with a gap; held-out rows elsewhere). `kept` is what the search's rule kept: the searched capacity only where "
        "its loss on held-back training rows is lower than the ladder's by more than one standard error. Intervals: "
        "paired bootstrap by entity, 95 %. CPU seconds on one core.",
        table(rows, 4),
    ]
    command = "python -m benchmarks.tuning --data DATA --warehouse WAREHOUSE --write"
    return Page("tuning", "What a search buys", outcome, command, seed, seconds, blocks)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, write the page if asked; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder that holds the folder `bank_churners`")
    parser.add_argument("--warehouse", type=Path, help="the built sample company's warehouse.duckdb")
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write the page under docs/results")
    chosen = parser.parse_args(arguments)
    budget, start, found = Search(chosen.trials, 3_600.0), time.monotonic(), []
    for set_of in sets(chosen):
        found.append(compare(set_of, budget, chosen.seed))
        print(found[-1], flush=True)
    made = page(pd.DataFrame(found), budget, chosen.seed, time.monotonic() - start)
    print(made.text())
    if chosen.write:
        made.write()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
