"""When customers under contract leave: a discrete-time hazard with covariates on top of the base survival.

Model: log odds of leaving in month k ahead, given active until then, are those of the shifted-beta-geometric base
(`ml.models.survival`) or, if customers that were held out are foretold better, those of a ridge logistic regression
or of a boosted model of the features at `as_of`, k, the base and whether the contract can end in that month (Singer &
Willett, "It's About Time", Journal of Educational Statistics 18 (1993) 155-195; Tutz & Schmid, Modeling Discrete
Time-to-Event Data, 2016, ch. 3). Beyond the months that were watched the covariates fade and the base takes over.

Belongs here: the fitted hazard and P(active k months from now). Does not belong here: training rows
(`ml.models.person_months`), fitting and the choice between the methods (`ml.models.hazard_training`), money.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray, IntArray, log_odds, logistic
from ml.encoding import Encoder
from ml.models.boosted import BoostedModel
from ml.models.linear import LinearModel
from ml.models.renewals import Renewals, renewals
from ml.models.survival import Survival

Method = Literal["base", "logistic_regression", "lightgbm"]

FADES_OVER: Final = 36
CELLS_AT_ONCE: Final = 2_000_000
BOOSTER_FILE: Final = "hazard_booster.txt"


@dataclass(frozen=True)
class Design:
    """How features and a month ahead become the columns of the covariate models.

    Attributes:
        skewed: positions of features without negative values and with a long tail, read as log(1 + value).
    """

    columns: tuple[FeatureColumn, ...]
    encoder: Encoder
    skewed: tuple[int, ...]

    def features(self, rows: pd.DataFrame) -> FloatArray:
        """The encoded features of customers, shape (n, features)."""
        return self.straightened(self.encoder.transform(rows))

    def straightened(self, encoded: FloatArray) -> FloatArray:
        """Encoded features with the logarithms of the skewed ones in their place."""
        skewed = list(self.skewed)
        encoded[:, skewed] = np.log1p(np.maximum(encoded[:, skewed], 0.0))
        return encoded

    def person_months(
        self, features: FloatArray, due: Renewals, ahead: IntArray, base: FloatArray, reach: int
    ) -> FloatArray:
        """Features, month ahead and its logarithm, base log odds, whether a term of months ends and whether it runs on.

        All arguments have one row per person-month; so has the result. Months beyond `reach` are read as `reach`.
        """
        is_long, is_due, near = due.term > 1, due.are_due(ahead), np.minimum(ahead, reach)
        extra = [near, np.log(near), base, is_long & is_due, is_long & ~is_due]
        return np.asarray(np.column_stack([features, *extra]), dtype=np.float64)


@dataclass(frozen=True)
class Hazard:
    """A fitted hazard.

    Attributes:
        method: what gives the log odds of leaving.
        model, design: of the covariates; None where the base is kept.
        reach: months ahead that were watched; beyond them the part of the covariates fades over three years.
        choice: a sentence with the figures behind the method.
    """

    base: Survival
    method: Method = "base"
    model: LinearModel | BoostedModel | None = None
    design: Design | None = None
    reach: int = 0
    choice: str = ""

    def active(self, rows: pd.DataFrame, months: int) -> FloatArray:
        """P(active k months from now | features at `as_of`) for k = 1..months; shape (n, months), falling in k.

        Args:
            rows: tenure_months, segment, as_of and the features the hazard was fitted with.
        """
        base = base_log_odds(self.base, rows, months)
        return np.asarray(np.cumprod(1 - logistic(base + self._shift(rows, base)), axis=1))

    def plausible(self, rows: pd.DataFrame, months: int) -> FloatArray:
        """The same, averaged over the uncertainty of the base's parameters (posterior predictive)."""
        shift = self._shift(rows, base_log_odds(self.base, rows, months))
        tenure, total = rows["tenure_months"].to_numpy(float), np.zeros((len(rows), months))
        for chances in self.base.plausible_remaining(tenure, rows["segment"], months):
            total += np.cumprod(1 - logistic(leaving(chances) + shift), axis=1)
        return np.asarray(total / len(self.base.draws))

    def to_json(self) -> dict[str, Any]:
        """Plain data; a boosted model is a file of its own (see `save_booster`)."""
        linear = self.model.to_json() if isinstance(self.model, LinearModel) else None
        design = None
        if self.design is not None:
            columns = [asdict(column) for column in self.design.columns]
            design = {
                "columns": columns, "encoder": self.design.encoder.to_json(), "skewed": list(self.design.skewed)
            }  # fmt: skip
        plain = {"method": self.method, "reach": self.reach, "choice": self.choice, "linear": linear}
        return {**plain, "design": design, "base": asdict(self.base)}

    def save_booster(self, folder: Path) -> None:
        """Write the boosted model, if it is one."""
        if isinstance(self.model, BoostedModel):
            (folder / BOOSTER_FILE).write_text(self.model.text, encoding="utf-8")

    @classmethod
    def load(cls, plain: dict[str, Any], folder: Path) -> "Hazard":
        """The hazard of its plain data and, for a boosted model, the file beside it."""
        model: LinearModel | BoostedModel | None = None
        if plain["method"] == "lightgbm":
            model = BoostedModel((folder / BOOSTER_FILE).read_text(encoding="utf-8"))
        elif plain["linear"] is not None:
            model = LinearModel.from_json(plain["linear"])
        design = None
        if plain["design"] is not None:
            columns = tuple(FeatureColumn(**column) for column in plain["design"]["columns"])
            encoder = Encoder.from_json(plain["design"]["encoder"])
            design = Design(columns, encoder, tuple(plain["design"]["skewed"]))
        return cls(Survival.from_json(plain["base"]), plain["method"], model, design, plain["reach"], plain["choice"])

    def _shift(self, rows: pd.DataFrame, base: FloatArray) -> FloatArray:
        """What the covariates add to the base's log odds, fading beyond the months that were watched."""
        if self.model is None or self.design is None:
            return np.zeros_like(base)
        months = min(base.shape[1], self.reach + FADES_OVER)
        shift, features, due = np.zeros_like(base), self.design.features(rows), renewals(rows)
        at_once = max(1, CELLS_AT_ONCE // (months * (features.shape[1] + 5)))
        for start in range(0, len(rows), at_once):
            part = slice(start, min(start + at_once, len(rows)))
            row = np.repeat(np.arange(part.start, part.stop), months)
            ahead = np.tile(np.arange(1, months + 1), part.stop - part.start)
            near = base[part, :months]
            matrix = self.design.person_months(features[row], due.take(row), ahead, near.ravel(), self.reach)
            shift[part, :months] = self.model.score(matrix).reshape(-1, months) - near
        beyond = np.maximum(np.arange(1, base.shape[1] + 1) - self.reach, 0)
        return np.asarray(shift * np.maximum(1 - beyond / FADES_OVER, 0.0))


def base_log_odds(base: Survival, rows: pd.DataFrame, months: int) -> FloatArray:
    """Log odds of leaving in each month ahead by the base; shape (n, months). Reads tenure_months and segment."""
    return leaving(base.remaining(rows["tenure_months"].to_numpy(float), rows["segment"], months))


def leaving(chances: FloatArray) -> FloatArray:
    """Log odds of leaving in month k, from P(active k months from now)."""
    before = np.column_stack([np.ones(len(chances)), chances[:, :-1]])
    return log_odds(1 - chances / np.maximum(before, 1e-12))
