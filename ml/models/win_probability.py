"""Win probability: will an open deal be won within the horizon (90 days) after `as_of`, and when will it close.

Label: outcome won with `closed_on` in (as_of, as_of + horizon]; lost and still open both count as not won
(`ml.labels.win_labels`). Features: the deal view and the account's. The close-month distribution comes from
`ml.models.close_hazards`, scaled so that the wins within the horizon add up to the probability. Method and gates:
`ml.models.binary_training`; card: `docs/model_cards/win_probability.md`. Belongs here: what deals add to the shared
training. Does not belong here: revenue from deals, features, IO.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.evaluation import TrainingOutcome
from ml.models.binary_training import BinaryTask, train_binary
from ml.models.close_hazards import CloseHazards, fit_close_hazards
from ml.models.close_month_judgement import judge_close_months
from ml.models.shrunken_rates import ShrunkenRates
from ml.models.tabular import FittedClassifier, TabularParams
from ml.search import Search
from ml.training_frames import TrainingFrame

MODEL = "win_probability"


@dataclass(frozen=True)
class WinParams:
    """Settings of the win probability.

    Attributes:
        amount_column: the deal's amount, for the captured amount.
        stage_column, age_column: what the close-month hazards depend on.
        search: budget of a search for a better capacity of the booster; None: no search.
        least_train, least_test: deals of either outcome below which no learned model is judged.
    """

    horizon_days: int = 90
    amount_column: str = "amount"
    stage_column: str = "current_stage"
    age_column: str = "deal_age_days"
    rule_features: tuple[str, ...] = ("stage_probability", "stage_days", "deal_age_days")
    groupings: tuple[str, ...] = ("current_stage", "pipeline", "lead_source")
    least_train: int = 40
    least_test: int = 10
    seed: int = 7
    search: Search | None = None


@dataclass(frozen=True)
class DealScorer:
    """A model with its close-month hazards."""

    model: FittedClassifier | ShrunkenRates
    hazards: CloseHazards

    @property
    def trained_until(self) -> str | None:
        """The newest `as_of` among the training rows; None for a fallback."""
        return self.model.trained_until if isinstance(self.model, FittedClassifier) else None

    @property
    def columns(self) -> tuple[FeatureColumn, ...]:
        """The features the model reads; none for a fallback."""
        return self.model.columns if isinstance(self.model, FittedClassifier) else ()

    def predict(self, features: pd.DataFrame, *, with_reasons: bool = True) -> pd.DataFrame:
        """value, lower, upper, reasons and close_months (list of {month, won, lost}); index of `features`."""
        found = self.model.predict(features, with_reasons=with_reasons)
        months = self.hazards.distribution(features, found["value"].to_numpy())
        return found.assign(close_months=pd.Series(months, index=features.index, dtype=object))

    def save(self, folder: Path) -> None:
        """Write the model's and the hazards' files."""
        self.model.save(folder)
        self.hazards.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "DealScorer":
        """Read what `save` wrote."""
        is_learned = (folder / "classifier.json").is_file()
        kind = FittedClassifier if is_learned else ShrunkenRates
        return cls(kind.load(folder), CloseHazards.load(folder))


def run_training(
    frame: TrainingFrame, months: pd.DataFrame, params: WinParams, champion: DealScorer | None = None
) -> TrainingOutcome[DealScorer, DealScorer]:
    """Train, compare, judge; adds the table "close_months" to the report.

    Args:
        months: rows of deal, `as_of` and month (`labels.close_month_labels`) with the stage and age columns.
    """
    task = BinaryTask(
        model=MODEL,
        positives="won deals",
        negatives="deals not won",
        happened=f"are won within {params.horizon_days} days",
        rule_features=params.rule_features,
        groupings=params.groupings,
        amount=params.amount_column,
        least_train=params.least_train,
        least_test=params.least_test,
        learner=TabularParams(params.seed, search=params.search),
    )
    known = champion.model if champion and isinstance(champion.model, FittedClassifier) else None
    outcome = train_binary(frame, task, known)
    hazards = fit_close_hazards(months, params.stage_column, params.age_column, params.horizon_days)
    fallback = DealScorer(outcome.fallback, hazards)
    if outcome.candidate is None:
        return TrainingOutcome(outcome.report, None, fallback)
    judged = judge_close_months(outcome.report.tables["test_predictions"], months, hazards, frame.entity)
    report = outcome.report.with_tables({"close_months": judged})
    return TrainingOutcome(report, DealScorer(outcome.candidate, hazards), fallback)
