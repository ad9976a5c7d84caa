"""Lead score: the calibrated probability that a lead becomes a customer within the horizon (90 days) after `as_of`.

Label: `customer_on` in (as_of, as_of + horizon]; leads that are customers already are no rows
(`ml.labels.lead_labels`). Rows: creation plus some days, and month ends while open. Features: the lead views, without
`post_contact` columns (`feature_definitions.base.usable_columns(..., before_contact=True)`). Shown as 0-100 and as a
grade A-D with the conversion observed per grade. Method and gates: `ml.models.binary_training`; card:
`docs/model_cards/lead_score.md`. Belongs here: grades and what leads add to the shared training. Does not belong
here: the rule score (`ml.models.rule_score`), features, IO.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from feature_definitions.registry import require_before_contact
from ml.arrays import BoolArray, FloatArray
from ml.bootstrap import LEVEL, drawn_rows, interval
from ml.encoding import as_numbers
from ml.evaluation import TrainingOutcome
from ml.intervals import beta_bounds, design_effect
from ml.models import rule_score
from ml.models.binary_training import BinaryTask, train_binary
from ml.models.shrunken_rates import ShrunkenRates
from ml.models.tabular import FittedClassifier, TabularParams
from ml.search import Search
from ml.training_frames import TrainingFrame

MODEL = "lead_score"
GRADES = ("D", "C", "B", "A")
AGREEMENT_RESAMPLES = 200


@dataclass(frozen=True)
class LeadParams:
    """Settings of the lead score.

    Attributes:
        judged_ages_days: the test rows are leads of these ages (days after creation); all open leads are trained on,
            but month-end rows of old leads would outnumber the moments at which a score is acted on.
        age_column: feature with the lead's age; absent: every row is judged.
        grade_shares: share of test leads below grade C, below B and below A.
        rule_feature: column with the rule score; the rule baseline and the fallback's bands read it.
        groupings: features by which the fallback groups leads, after the rule score.
        search: budget of a search for a better capacity of the booster; None: no search.
        least_train, least_test: leads of either outcome below which no learned model is judged.
    """

    horizon_days: int = 90
    judged_ages_days: tuple[int, ...] = (0, 7, 30)
    age_column: str = "lead_age_days"
    grade_shares: tuple[float, float, float] = (0.4, 0.7, 0.9)
    rule_feature: str = "rule_score"
    sql_min_score: int = 110
    groupings: tuple[str, ...] = ("lead_source", "company_size", "industry", "region")
    least_train: int = 40
    least_test: int = 10
    seed: int = 7
    search: Search | None = None


@dataclass(frozen=True)
class LeadScorer:
    """A model with its grades.

    Attributes:
        model: the classifier, or the fallback's rates.
        edges: lower probability bounds of C, B and A.
        conversions: observed conversion of D, C, B, A; null where no lead had the grade.

    Raises:
        PostContactError: the model reads what sales fills in after the contact.
    """

    model: FittedClassifier | ShrunkenRates
    edges: tuple[float, float, float]
    conversions: tuple[float | None, ...]

    def __post_init__(self) -> None:
        """A model that was trained elsewhere, or loaded, is refused with the column it must not know."""
        model = self.model
        if isinstance(model, FittedClassifier):
            read = {*(column.name for column in model.columns), *(column.name for column in model.encoder.columns)}
            require_before_contact(MODEL, read, model.columns)
        else:
            require_before_contact(MODEL, [model.feature or ""])

    @property
    def trained_until(self) -> str | None:
        """The newest `as_of` among the training rows; None for a fallback."""
        return self.model.trained_until if isinstance(self.model, FittedClassifier) else None

    @property
    def columns(self) -> tuple[FeatureColumn, ...]:
        """The features the model reads; none for a fallback."""
        return self.model.columns if isinstance(self.model, FittedClassifier) else ()

    def predict(self, features: pd.DataFrame, *, with_reasons: bool = True) -> pd.DataFrame:
        """value, lower, upper, reasons, score (0-100), grade (A-D), grade_conversion; index of `features`."""
        found = self.model.predict(features, with_reasons=with_reasons)
        value = found["value"].to_numpy(dtype=np.float64)
        at = np.searchsorted(self.edges, value, side="right")
        conversions = np.array([np.nan if rate is None else rate for rate in self.conversions])
        return found.assign(
            score=np.round(100 * value).astype(np.int64),
            grade=[GRADES[position] for position in at],
            grade_conversion=conversions[at],
        )

    def save(self, folder: Path) -> None:
        """Write `grades.json` and the model's own files."""
        self.model.save(folder)
        plain = {"kind": type(self.model).__name__, "edges": self.edges, "conversions": self.conversions}
        (folder / "grades.json").write_text(json.dumps(plain, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "LeadScorer":
        """Read what `save` wrote."""
        plain = json.loads((folder / "grades.json").read_text(encoding="utf-8"))
        kind = FittedClassifier if plain["kind"] == FittedClassifier.__name__ else ShrunkenRates
        low, middle, high = plain["edges"]
        return cls(kind.load(folder), (low, middle, high), tuple(plain["conversions"]))


def run_training(
    frame: TrainingFrame, params: LeadParams, champion: LeadScorer | None = None
) -> TrainingOutcome[LeadScorer, LeadScorer]:
    """Train, compare, judge and grade; adds the tables "grades" and "rule_agreement" to the report."""
    task = BinaryTask(
        model=MODEL,
        positives="converted leads",
        negatives="leads that did not convert",
        happened=f"become customers within {params.horizon_days} days",
        rule_features=(params.rule_feature,),
        groupings=(params.rule_feature, *params.groupings),
        least_train=params.least_train,
        least_test=params.least_test,
        learner=TabularParams(params.seed, search=params.search),
    )
    known = champion.model if champion and isinstance(champion.model, FittedClassifier) else None
    outcome = train_binary(frame, task, known, _judged(frame, params))
    own = outcome.fallback.predict(frame.data, with_reasons=False)["value"].to_numpy()
    fallback = _graded(outcome.fallback, own, frame.labels, params)
    if outcome.candidate is None:
        return TrainingOutcome(outcome.report, None, fallback)
    test = outcome.report.tables["test_predictions"]
    candidate = _graded(outcome.candidate, test["value"].to_numpy(), test["label"].to_numpy(), params)
    tables = {"grades": _grade_table(candidate, test, frame.entity), "rule_agreement": _agreement(frame, test, params)}
    report = outcome.report.with_tables(tables)
    return TrainingOutcome(report, candidate, fallback)


def _judged(frame: TrainingFrame, params: LeadParams) -> BoolArray | None:
    """Rows of the ages at which leads are judged; None without an age."""
    if params.age_column not in frame.data.columns:
        return None
    return np.isin(as_numbers(frame.data[params.age_column]), params.judged_ages_days)


def _graded(
    model: FittedClassifier | ShrunkenRates, value: FloatArray, label: FloatArray, params: LeadParams
) -> LeadScorer:
    """Grades by quantiles of predictions; the conversions are what then happened."""
    low, middle, high = np.quantile(value, params.grade_shares).tolist() if len(value) else (0.25, 0.5, 0.75)
    at = np.searchsorted((low, middle, high), value, side="right")
    rates = [float(label[at == grade].mean()) if (at == grade).any() else None for grade in range(len(GRADES))]
    return LeadScorer(model, (low, middle, high), tuple(rates))


def _grade_table(scorer: LeadScorer, test: pd.DataFrame, entity: str) -> pd.DataFrame:
    """grade, leads (rows), stated_rate, observed_rate with its 95 % bounds over leads; best grade first."""
    at = np.searchsorted(scorer.edges, test["value"].to_numpy(), side="right")
    graded = test.assign(grade=[GRADES[position] for position in at])
    grouped = graded.groupby("grade", sort=True)
    table = grouped.agg(
        leads=("label", "size"), stated_rate=("value", "mean"), observed_rate=("label", "mean")
    ).reset_index()
    rows = table["leads"] / [
        design_effect((of["label"] - of["label"].mean()).to_numpy(), of[entity]) for _, of in grouped
    ]
    lower, upper = beta_bounds(table["observed_rate"].to_numpy(), rows.to_numpy(dtype=np.float64), LEVEL)
    return table.assign(observed_lower=lower, observed_upper=upper)


def _agreement(frame: TrainingFrame, test: pd.DataFrame, params: LeadParams) -> pd.DataFrame:
    """Agreement of rules and model on the test rows: measure, value, 95 % bounds over leads; empty without rules."""
    if params.rule_feature not in frame.data.columns:
        return pd.DataFrame({"measure": [], "value": [], "lower": [], "upper": []})
    keys = [frame.entity, "as_of"]
    rules = test.merge(frame.data[[*keys, params.rule_feature]], on=keys, how="left", validate="one_to_one")
    points = np.nan_to_num(as_numbers(rules[params.rule_feature]))
    model = rules["value"].to_numpy()
    value = rule_score.agreement(points, model, params.sql_min_score)
    drawn = [
        rule_score.agreement(points[rows], model[rows], params.sql_min_score)
        for rows in drawn_rows(rules[frame.entity], AGREEMENT_RESAMPLES, params.seed)
    ]
    bounds = {name: interval(np.array([draw[name] for draw in drawn])) for name in value}
    return pd.DataFrame(
        [{"measure": name, "value": value[name], "lower": bounds[name][0], "upper": bounds[name][1]} for name in value]
    )
