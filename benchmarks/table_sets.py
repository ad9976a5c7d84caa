"""The tables on which learners are compared: public ones at hand, bundled ones, and simulated ones with known truth.

Belongs here: reading and simulating tables, and the folds on which all learners are judged. Does not belong here: any
learner, any setting of ours.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pandas as pd

from companies import settings
from feature_definitions import registry as views
from ml import labels
from ml.arrays import FloatArray
from ml.tables import Task
from orchestration.learning import frames
from orchestration.learning.training_inputs import churn_labels

FOLD: Final = "judged_in"
LABEL: Final = "label"
FOLDS: Final = 5


@dataclass(frozen=True)
class TableSet:
    """One table with its folds.

    Attributes:
        frame: features, `label` (0/1 or an amount) and `judged_in` (the fold that judges the row, or train and test).
        truth: the true probability or expected amount per row; None where nobody knows it.
        allow: columns that may separate the outcomes alone.
        settled: what else our entry point is told (entity, time); those columns are no features for the others.
    """

    name: str
    frame: pd.DataFrame
    task: Task = "binary"
    truth: FloatArray | None = None
    allow: tuple[str, ...] = ()
    settled: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The features."""
        return [str(name) for name in self.frame.columns if name not in {LABEL, FOLD, *self.settled.values()}]


def bank_churners(data: Path, *, with_leaks: bool = False) -> pd.DataFrame:
    """Credit-card customers (Kaggle "Credit Card customers"); the two Naive_Bayes columns hold the label."""
    rows = pd.read_csv(data / "bank_churners" / "BankChurners.csv")
    if not with_leaks:
        rows = rows.drop(columns=[name for name in rows if name.startswith("Naive_Bayes")])
    rows[LABEL] = (rows.pop("Attrition_Flag") == "Attrited Customer").astype(int)
    return rows


def with_folds(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Five folds with like shares of the outcome."""
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(rows)), rows[LABEL]))
    fold = np.empty(len(rows), dtype=int)
    fold[order] = np.concatenate([random.permutation(FOLDS) for _ in range(len(rows) // FOLDS + 1)])[: len(rows)]
    return rows.assign(**{FOLD: fold})


def bundled(seed: int) -> Iterator[TableSet]:
    """Two tables that come with scikit-learn."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    cancer = load_breast_cancer(as_frame=True).frame.rename(columns={"target": LABEL})
    allow = tuple(str(name) for name in cancer.columns if name != LABEL)
    yield TableSet("breast_cancer", with_folds(cancer, seed), allow=allow)
    diabetes = load_diabetes(as_frame=True).frame.rename(columns={"target": LABEL})
    yield TableSet("diabetes", with_folds(diabetes, seed), "value")


def company(warehouse: Path, name: str, model: str, *, labelled: bool = True) -> pd.DataFrame:
    """Features and matured labels of a built company; one row per entity and `as_of`.

    Args:
        labelled: leave out the rows whose label is not known yet.
    """
    settled = settings.load(name)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        found = frames.features(connection, views.views_for(model))
        if model == "churn":
            known = churn_labels(connection, settled, found).rename(columns={labels.CHURNED: LABEL})
            key = "account_id"
        else:
            known = labels.lead_labels(
                found,
                frames.facts(connection, "lifecycle"),
                horizon_days=settled.horizons.lead_days,
                data_until=frames.data_until(connection),
            ).rename(columns={labels.CONVERTED: LABEL})
            key = "lead_id"
    names = [column.name for column in views.columns_for(model)]
    parts = [part.assign(as_of=pd.to_datetime(part["as_of"]).astype("datetime64[ns]")) for part in (found, known)]
    both = parts[0][[key, "as_of", *names]].merge(
        parts[1][[key, "as_of", LABEL]], on=[key, "as_of"], how="inner" if labelled else "left", validate="one_to_one"
    )
    return both.assign(**{LABEL: both[LABEL].astype(float)})


def out_of_time(rows: pd.DataFrame, gap_days: int, share: float = 0.25) -> pd.DataFrame:
    """The newest rows judge, those at least `gap_days` older train, the rest is left out; oldest first."""
    rows = rows.sort_values("as_of", kind="stable")
    start = rows["as_of"].sort_values().iloc[int((1 - share) * len(rows))]
    is_test, is_train = rows["as_of"] >= start, rows["as_of"] + pd.Timedelta(days=gap_days) <= start
    return rows.assign(**{FOLD: np.where(is_test, "test", "train")})[is_test | is_train].reset_index(drop=True)


Draw = Callable[[np.random.Generator], tuple[pd.DataFrame, FloatArray]]


def simulated(seed: int) -> Iterator[TableSet]:
    """Tables whose true probability (or expected amount) is known; trained on one part, judged on many later rows."""
    for number, (name, train, test, draw) in enumerate(_DRAWS):
        random = np.random.default_rng([seed, number])
        frame, truth = zip(*(draw(random, rows) for rows in (train, test)), strict=True)
        whole = pd.concat(frame, ignore_index=True)
        fold = np.repeat(["train", "test"], [train, test])
        task: Task = "value" if "amount" in name else "binary"
        yield TableSet(name, whole.assign(**{FOLD: fold}), task, np.concatenate(truth))


def _numbers(random: np.random.Generator, rows: int, width: int) -> pd.DataFrame:
    return pd.DataFrame(random.normal(size=(rows, width)), columns=[f"x{i}" for i in range(width)])


def _outcome(
    random: np.random.Generator, frame: pd.DataFrame, log_odds: "pd.Series[float]"
) -> tuple[pd.DataFrame, FloatArray]:
    chance = (1 / (1 + np.exp(-log_odds))).to_numpy()
    return frame.assign(**{LABEL: (random.random(len(frame)) < chance).astype(int)}), chance


def _rare(random: np.random.Generator, rows: int) -> tuple[pd.DataFrame, FloatArray]:
    x = _numbers(random, rows, 12)
    return _outcome(random, x, -5 + x["x0"] + 0.7 * x["x1"] + 0.8 * (x["x2"] > 1))


def _many_levels(random: np.random.Generator, rows: int) -> tuple[pd.DataFrame, FloatArray]:
    effect = np.random.default_rng(1).normal(size=800)
    level = np.minimum(random.geometric(0.005, rows), 800) - 1
    x = _numbers(random, rows, 6).assign(shop=[f"s{i}" for i in level])
    return _outcome(random, x, -1.2 + 0.7 * x["x0"] + effect[level])


def _not_at_random(random: np.random.Generator, rows: int) -> tuple[pd.DataFrame, FloatArray]:
    x = _numbers(random, rows, 8)
    found = _outcome(random, x, -1 + x["x0"] - 0.8 * x["x1"] + 0.6 * x["x2"] * x["x3"])
    hidden = random.random(rows) < 1 / (1 + np.exp(1 - 2 * x["x0"]))  # high values are withheld
    return found[0].assign(x0=x["x0"].where(~hidden).map("{:.3f}".format).replace("nan", "n/a")), found[1]


def _curved(random: np.random.Generator, rows: int) -> tuple[pd.DataFrame, FloatArray]:
    x = _numbers(random, rows, 10)
    bends = 2 * np.sin(2 * x["x0"]) + x["x1"] * x["x2"] + 1.5 * (np.abs(x["x3"]) < 0.7)
    return _outcome(random, x, -1.5 + bends)


def _linear(random: np.random.Generator, rows: int) -> tuple[pd.DataFrame, FloatArray]:
    x = _numbers(random, rows, 15)
    return _outcome(random, x, -1 + x[[f"x{i}" for i in range(8)]].sum(axis=1) * 0.35)


def _often_nothing(random: np.random.Generator, rows: int) -> tuple[pd.DataFrame, FloatArray]:
    x = _numbers(random, rows, 8).assign(region=random.choice(list("abcdef"), rows))
    step = x["region"].map(dict(zip("abcdef", (-0.6, -0.3, 0.0, 0.2, 0.4, 0.6), strict=True)))
    chance = 1 / (1 + np.exp(1.5 - 0.8 * x["x0"] - 0.5 * x["x1"] * (x["x2"] > 0) - step))
    size = 4 + 0.6 * x["x1"] + 0.4 * x["x3"]
    amount = np.where(random.random(rows) < chance, np.exp(size + 0.8 * random.normal(size=rows)), 0.0)
    return x.assign(**{LABEL: amount}), (chance * np.exp(size + 0.32)).to_numpy()


_DRAWS: Final = (
    ("rare: 2 % positive", 10_000, 10_000, _rare),
    ("800 levels", 6_000, 5_000, _many_levels),
    ("missing not at random", 3_000, 5_000, _not_at_random),
    ("curved", 3_000, 5_000, _curved),
    ("linear", 1_500, 5_000, _linear),
    ("tiny: 60 rows", 60, 5_000, _linear),
    ("amount, often nothing", 5_000, 10_000, _often_nothing),
)
