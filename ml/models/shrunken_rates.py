"""The fallback: a group's observed rate, shrunken towards the overall one, with its wide interval.

Served whenever there is too little history for a learned model, or the learned one fails its gates. Groups are the
levels of one feature (a segment) or bands of one number (the rule score). Belongs here: fitting, predicting and
storing those rates. Does not belong here: which feature groups a model's entities, when the fallback is used.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from feature_definitions.base import FeatureColumn
from ml.arrays import FloatArray, IntArray
from ml.encoding import as_numbers, as_texts
from ml.explanations import Reason
from ml.intervals import beta_bounds, design_effect
from ml.shrinkage import estimate_prior
from ml.training_frames import TrainingFrame

BANDS = 5
LEAST_DISTINCT = 2


@dataclass(frozen=True)
class ShrunkenRates:
    """Rates by group; the last entry of `rates`, `lowers`, `uppers` is for rows of no known group.

    Attributes:
        feature: the grouping feature; None for one overall rate.
        levels: its levels; empty if grouped by `edges`.
        edges: upper bounds of the bands of a number, ascending, the last band open.
        happened: how people say that the label is 1 ("churned within 90 days").
        rows: training rows behind the rates.
    """

    feature: str | None
    levels: tuple[str, ...]
    edges: tuple[float, ...]
    rates: tuple[float, ...]
    lowers: tuple[float, ...]
    uppers: tuple[float, ...]
    happened: str
    rows: int

    def predict(self, features: pd.DataFrame, *, with_reasons: bool = True) -> pd.DataFrame:
        """One prediction per row, with the index of `features`: value, lower, upper and, if asked for, reasons."""
        groups = self._groups(features)
        found = pd.DataFrame(
            {
                name: np.asarray(column, dtype=np.float64)[groups]
                for name, column in (("value", self.rates), ("lower", self.lowers), ("upper", self.uppers))
            },
            index=features.index,
        )
        if with_reasons:
            reasons = [[self._reason(group)] for group in groups.tolist()]
            found["reasons"] = pd.Series(reasons, index=features.index, dtype=object)
        return found

    def _groups(self, features: pd.DataFrame) -> IntArray:
        other = len(self.rates) - 1
        if self.feature is None or self.feature not in features.columns:
            return np.full(len(features), other, dtype=np.int64)
        return _group(features[self.feature], self.levels, self.edges, other)

    def _reason(self, group: int) -> Reason:
        """One sentence: the group's rate against the overall one."""
        rate, overall = self.rates[group], self.rates[-1]
        name = self._name(group)
        text = f"{rate:.0%} of those {name} {self.happened}, {overall:.0%} of all; too little proof to say more"
        if self.feature is None or group == len(self.rates) - 1:
            text = f"{overall:.0%} of all {self.happened}; too little proof to tell them apart"
        direction = "raises" if rate > overall else "lowers"
        shift = float(np.log(rate / (1 - rate)) - np.log(overall / (1 - overall)))
        return Reason(
            driver="base_rate",
            feature=self.feature or "",
            direction=direction,
            contribution=shift,
            value=name,
            text=text,
            action=None,
        )

    def _name(self, group: int) -> str:
        if group == len(self.rates) - 1:
            return "overall"
        words = (self.feature or "").replace("_", " ")
        if self.levels:
            return f"with {words} '{self.levels[group]}'"
        low = f"above {self.edges[group - 1]:g}" if group else ""
        high = f"up to {self.edges[group]:g}" if group < len(self.edges) else ""
        return f"with {words} {' and '.join(part for part in (low, high) if part)}"

    def save(self, folder: Path) -> None:
        """Write `rates.json`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "rates.json").write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "ShrunkenRates":
        """Read what `save` wrote."""
        plain: dict[str, Any] = json.loads((folder / "rates.json").read_text(encoding="utf-8"))
        frozen: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
        }
        return cls(**frozen)


def fit_rates(frame: TrainingFrame, groupings: Sequence[str], happened: str) -> ShrunkenRates:
    """Fit on any number of rows, none included.

    Args:
        groupings: features by which to group, the first one present with two or more groups is used.
    """
    column = _grouping(frame, groupings)
    levels, edges = _levels(frame, column)
    other = len(levels) or (len(edges) + 1 if edges else 0)
    groups = (
        _group(frame.data[column.name], levels, edges, other)
        if column is not None and other
        else np.full(len(frame.data), other, dtype=np.int64)
    )
    effect = _repetition(frame)
    positives = np.bincount(groups, frame.labels, other + 1).astype(np.float64) / effect
    rows = np.bincount(groups, minlength=other + 1).astype(np.float64) / effect
    rates, lower, upper = _posterior(positives, rows)
    return ShrunkenRates(
        column.name if column is not None and other else None,
        levels,
        edges,
        tuple(rates.tolist()),
        tuple(lower.tolist()),
        tuple(upper.tolist()),
        happened,
        len(frame.data),
    )


def _posterior(positives: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shrunken rates with 90 % bounds; the last entry becomes the overall rate."""
    prior = estimate_prior(positives[:-1], rows[:-1])
    overall = estimate_prior(positives, rows).mean
    total = float(rows.sum())
    rates = np.append(prior.posterior_mean(positives[:-1], rows[:-1]), overall)
    # A prior is never worth more rows than were seen.
    strength = np.append(np.minimum(prior.strength, total) + rows[:-1], total)
    lower, upper = beta_bounds(rates, strength)
    return rates, np.minimum(lower, rates), np.maximum(upper, rates)


def _repetition(frame: TrainingFrame) -> float:
    """Rows per independent row: overlapping windows and repeated entities say the same thing more than once."""
    entities = frame.data[frame.entity].nunique()
    if entities < 2:
        return float(max(len(frame.data), 1))
    effect = design_effect(frame.labels - frame.labels.mean(), frame.data[frame.entity])
    return max(effect * entities / (entities - 1), _overlap(frame))


def _overlap(frame: TrainingFrame) -> float:
    """Rows of one entity whose label windows share a day, at most as many as it has on average."""
    dates = pd.to_datetime(frame.data["as_of"])
    of_entity = dates.groupby(frame.data[frame.entity]).agg(["min", "max", "size"])
    days = float((of_entity["max"] - of_entity["min"]).dt.days.sum())
    steps = float((of_entity["size"] - 1).sum())
    return max(1.0, min(float(of_entity["size"].mean()), frame.horizon_days * steps / days)) if days else 1.0


def _grouping(frame: TrainingFrame, groupings: Sequence[str]) -> FeatureColumn | None:
    declared = {column.name: column for column in frame.columns}
    for name in groupings:
        if name in declared and frame.data[name].nunique() >= LEAST_DISTINCT:
            return declared[name]
    return None


def _levels(frame: TrainingFrame, column: FeatureColumn | None) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Levels of a category or flag, or inner band edges of a number."""
    if column is None:
        return (), ()
    if column.kind != "numeric":
        return tuple(sorted(as_texts(frame.data[column.name]).unique().tolist())), ()
    known = as_numbers(frame.data[column.name])
    edges = np.unique(np.quantile(known[~np.isnan(known)], np.linspace(0, 1, BANDS + 1)[1:-1]))
    return (), tuple(edges.tolist())


def _group(values: "pd.Series[Any]", levels: Sequence[str], edges: Sequence[float], other: int) -> IntArray:
    """Position of each row's group; `other` where it is unknown."""
    if levels:
        found = pd.Index(levels).get_indexer(pd.Index(as_texts(values))).astype(np.int64)
        return np.where(found >= 0, found, other)
    numbers = as_numbers(values)
    return np.where(np.isnan(numbers), other, np.searchsorted(np.asarray(edges), numbers, side="left"))
