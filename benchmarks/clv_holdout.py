"""Purchases of CDNOW's customers over 39 unseen weeks: our BG/NBD, its reference, published figures, a challenger.

Everything is fitted on purchases up to 1997-09-30 and judged on those up to 1998-06-30. Belongs here: the data, the
methods, their figures. Does not belong here: the page (`benchmarks.clv`).
"""

import json
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import lightgbm as lgb
import numpy as np
import pandas as pd

from ml.arrays import FloatArray
from ml.models import bg_nbd
from ml.models.person_months import folds

START, MIDDLE, END = (pd.Timestamp(day) for day in ("1997-06-30", "1997-09-30", "1998-06-30"))
WEEKS: Final = 39.0
WEEKS_BEFORE: Final = 13.0
RESAMPLES: Final = 300
FILES: Final[Mapping[str, str]] = {"1/10 sample": "CDNOW_sample.txt", "all customers": "CDNOW_master.txt"}
NAMES: Final = ("x", "t_x", "age")
# Run by an interpreter that has lifetimes; reads x, t_x, age as CSV, writes what it found as JSON.
REFERENCE: Final = """
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import pandas as pd
from lifetimes import BetaGeoFitter, ParetoNBDFitter
rows, found = pd.read_csv(sys.stdin), {}
for name, fitter in (("BG/NBD", BetaGeoFitter), ("Pareto/NBD", ParetoNBDFitter)):
    started = time.perf_counter()
    model = fitter().fit(rows.x, rows.t_x, rows.age)
    seconds = time.perf_counter() - started
    expected = model.conditional_expected_number_of_purchases_up_to_time(39, rows.x, rows.t_x, rows.age)
    found[name] = {"parameters": list(model.params_), "seconds": seconds, "expected": list(expected)}
json.dump(found, sys.stdout)
"""


@dataclass(frozen=True)
class Forecast:
    """What a method says of each customer, and what it took.

    Attributes:
        seconds: of the fit; None where it is not compared.
    """

    method: str
    parameters: str
    expected: FloatArray
    seconds: float | None = None


def read(data: Path, file: str) -> pd.DataFrame:
    """One row per customer and day of purchase: customer, day, amount."""
    is_sample = "sample" in file
    names = ["master", "customer", "day", "discs", "amount"] if is_sample else ["customer", "day", "discs", "amount"]
    path, skipped = data / "cdnow" / file, 0 if is_sample else 1
    rows = pd.read_csv(path, sep=r"\s+", header=None, names=names, skiprows=skipped)
    rows["day"] = pd.to_datetime(rows["day"].astype(str))
    return rows.groupby(["customer", "day"], as_index=False)["amount"].sum()


def summary(purchases: pd.DataFrame, origin: pd.Timestamp, until: pd.Timestamp) -> pd.DataFrame:
    """Per customer: x, t_x, age in weeks at `origin`, spending so far, and purchases from then to `until`."""
    known = purchases[purchases["day"] <= origin].groupby("customer")
    first, last = known["day"].min(), known["day"].max()
    within = (purchases["day"] > origin) & (purchases["day"] <= until)
    later = purchases[within].groupby("customer").size()
    return pd.DataFrame(
        {
            "x": known.size() - 1.0,
            "t_x": (last - first).dt.days / 7,
            "age": (origin - first).dt.days / 7,
            "spent": known["amount"].sum(),
            "later": later.reindex(first.index).fillna(0).astype(float),
        }
    )


def forecasts(data: Path, file: str, reference: Path | None) -> tuple[FloatArray, list[Forecast]]:
    """The purchases of the holdout and every method's forecast of them.

    Args:
        reference: an interpreter that has lifetimes.
    """
    purchases = read(data, file)
    rows, before = summary(purchases, MIDDLE, END), summary(purchases, START, MIDDLE)
    started = time.perf_counter()
    model = bg_nbd.fit(*_history(rows))
    seconds = time.perf_counter() - started
    ours = model.expected_future_purchases(*_history(rows), WEEKS)
    found = [
        Forecast("BG/NBD, ours: mean", _text(model.logs()), ours, seconds),
        Forecast("BG/NBD, ours: median", "", _median(model, rows)),
        Forecast("BG/NBD × boosted correction", "", ours * _correction(before, rows, model)),
    ]
    return rows["later"].to_numpy(), [*found, *_of_reference(rows, reference)]


def _of_reference(rows: pd.DataFrame, reference: Path | None) -> list[Forecast]:
    if reference is None:
        return []
    done = subprocess.run(  # noqa: S603 - named by the person who runs the benchmark
        [str(reference), "-c", REFERENCE], input=rows.to_csv(index=False), capture_output=True, text=True, check=True
    )
    return [
        Forecast(f"{name}, lifetimes", _text(np.log(one["parameters"])), np.array(one["expected"]), one["seconds"])
        for name, one in json.loads(done.stdout).items()
    ]


def _history(rows: pd.DataFrame) -> tuple[FloatArray, FloatArray, FloatArray]:
    x, t_x, age = (rows[name].to_numpy(np.float64) for name in NAMES)
    return x, t_x, age


def _text(logs: FloatArray) -> str:
    return ", ".join(f"{value:.3f}" for value in np.exp(logs))


def _median(model: bg_nbd.BgNbd, rows: pd.DataFrame) -> FloatArray:
    """The number of purchases that is as likely exceeded as not: what the mean absolute error asks for."""
    tails = model.tail_probability(*_history(rows), WEEKS, int(3 * rows["x"].max()) + 10)
    return np.asarray((tails > 0.5).sum(axis=1), dtype=np.float64)


def _features(rows: pd.DataFrame, model: bg_nbd.BgNbd) -> FloatArray:
    alive, silent = model.probability_alive(*_history(rows)), rows["age"] - rows["t_x"]
    return np.column_stack([rows[[*NAMES, "spent"]].to_numpy(np.float64), silent, alive])


def _correction(before: pd.DataFrame, rows: pd.DataFrame, model: bg_nbd.BgNbd) -> FloatArray:
    """Factor on the expectation, learned by Poisson boosting at 1997-06-30 from the 13 weeks that followed."""
    earlier = bg_nbd.fit(*_history(before))
    said = np.log(np.maximum(earlier.expected_future_purchases(*_history(before), WEEKS_BEFORE), 1e-4))
    features, label = _features(before, earlier), before["later"].to_numpy()
    held = folds(pd.Series(before.index).astype(str), 4) == 0
    settings = {
        "objective": "poisson", "num_leaves": 6, "max_depth": 3, "learning_rate": 0.03, "lambda_l2": 10.0,
        "min_data_in_leaf": max(20, len(label) // 100), "num_threads": 1, "seed": 7, "verbosity": -1,
    }  # fmt: skip
    train = lgb.Dataset(features[~held], label[~held], init_score=said[~held])
    newer = lgb.Dataset(features[held], label[held], init_score=said[held], reference=train)
    stop = lgb.early_stopping(30, verbose=False)
    booster = lgb.train(settings, train, num_boost_round=400, valid_sets=[newer], callbacks=[stop])
    return np.asarray(np.exp(booster.predict(_features(rows, model), raw_score=True)), dtype=np.float64)


def figures(seen: FloatArray, expected: FloatArray) -> dict[str, tuple[float, float, float]]:
    """Correlation and mean absolute error with 95 % bootstrap intervals over customers."""
    rng = np.random.default_rng(0)
    drawn = [rng.integers(0, len(seen), len(seen)) for _ in range(RESAMPLES)]
    found = {}
    for name, metric in (("correlation", _correlation), ("MAE", _error)):
        values = [metric(seen[rows], expected[rows]) for rows in drawn]
        lower, upper = (float(bound) for bound in np.quantile(values, [0.025, 0.975]))
        found[name] = (metric(seen, expected), lower, upper)
    return found


def _correlation(seen: FloatArray, expected: FloatArray) -> float:
    return float(np.corrcoef(seen, expected)[0, 1])


def _error(seen: FloatArray, expected: FloatArray) -> float:
    return float(np.abs(seen - expected).mean())
