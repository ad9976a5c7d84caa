"""Leakage checks: what no honest feature can do.

Belongs here: the checks that need features and labels only. Does not belong here: deriving features anew from raw
rows (orchestration does; the comparison of both is here), stopping a pipeline.
"""

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pandas as pd

from ml.arrays import BoolArray, FloatArray
from ml.binary_metrics import Ranking, auc
from ml.encoding import fit_encoder, training_matrix
from ml.gate_results import GateResult
from ml.models.baselines import separation
from ml.training_frames import TrainingFrame

LARGEST_SEPARATION = 0.95
LEAST_OF_EITHER = 10
MOST_BANDS = 20
SHUFFLE_ERRORS = 4.0


class LeakageError(ValueError):
    """A feature gives the label away; the message names it."""


def separations(frame: TrainingFrame) -> "pd.Series[float]":
    """AUC of each feature alone, best first: of its value, of the rate in its band, or of its being missing.

    The bands (as many as the rarer outcome carries) show a number that gives the label away without rising or falling
    with it, such as a code. Categories with many levels are judged by the rate among other entities, so that many
    levels alone are no leak.
    """
    encoder = fit_encoder(frame)
    matrix = training_matrix(encoder, frame)
    found = {}
    for position, column in enumerate(encoder.columns):
        values = matrix[:, position]
        if column.form == "code":
            values = _level_rates(values, frame.labels)
        known = ~np.isnan(values)
        enough = min(frame.labels[known].sum(), (1 - frame.labels[known]).sum()) >= LEAST_OF_EITHER
        of_value = separation(values, frame.labels) if enough else 0.5
        if column.form == "number" and enough:
            of_value = max(of_value, separation(_band_rates(values, frame.labels), frame.labels))
        found[column.name] = max(of_value, separation(known.astype(np.float64), frame.labels))
    return pd.Series(found, dtype=np.float64).sort_values(ascending=False, kind="stable")


def no_feature_gives_the_label_away(frame: TrainingFrame, allowed: Sequence[str] = ()) -> GateResult:
    """No single feature reaches an AUC above 0.95, but for those a person allowed by name."""
    return _leak_gate(separations(frame), allowed, "AUC", "no feature alone separates the outcomes")


def explained_shares(frame: TrainingFrame) -> "pd.Series[float]":
    """Share of the amounts' variance, or of their ranks', that each feature explains alone; best first."""
    ranks = np.asarray(pd.Series(frame.labels).rank(pct=True), dtype=np.float64)
    ranked = frame.with_labels(ranks)
    encoder = fit_encoder(ranked)
    matrix = training_matrix(encoder, ranked)
    found = {}
    for position, column in enumerate(encoder.columns):
        values = matrix[:, position]
        if column.form == "code":
            values = _level_rates(values, frame.labels)
        known = ~np.isnan(values)
        pairs = ((values[known], frame.labels[known]), (_ranks(values[known]), _ranks(frame.labels[known])))
        shares = [_squared_correlation(*pair) for pair in pairs if known.sum() >= 2 * LEAST_OF_EITHER]
        found[column.name] = max([*shares, _squared_correlation(known.astype(np.float64), frame.labels)])
    return pd.Series(found, dtype=np.float64).sort_values(ascending=False, kind="stable")


def no_feature_gives_the_amount_away(frame: TrainingFrame, allowed: Sequence[str] = ()) -> GateResult:
    """No single feature explains more than 95 % of the amounts, but for those a person allowed by name."""
    return _leak_gate(explained_shares(frame), allowed, "explained share", "no feature alone tells the amount")


def _leak_gate(found: "pd.Series[float]", allowed: Sequence[str], measure: str, praise: str) -> GateResult:
    above = found[found > LARGEST_SEPARATION]
    is_allowed = above.index.isin(list(allowed))
    largest = float(found.iloc[0]) if len(found) else 0.5
    reason = f"{praise} (largest {measure} {largest:.3f})"
    if is_allowed.any():
        reason = f"allowed by name although it gives the label away: {_named(above[is_allowed], measure)}"
    if not is_allowed.all():
        named = _named(above[~is_allowed], measure)
        reason = f"gives the label away on its own: {named}; declare it post_contact, or take it out of the features"
    return GateResult("no_leaking_feature", bool(is_allowed.all()), reason, largest, LARGEST_SEPARATION)


def _named(found: "pd.Series[float]", measure: str) -> str:
    return ", ".join(f"{name} ({measure} {value:.3f})" for name, value in found.items())


def refuse_leaks(frame: TrainingFrame) -> None:
    """Stop on a feature that gives the label away.

    Raises:
        LeakageError: names every such feature.
    """
    result = no_feature_gives_the_label_away(frame)
    if not result.passed:
        raise LeakageError(result.reason)


def shuffled_labels_teach_nothing(
    frame: TrainingFrame, score: Callable[[TrainingFrame, TrainingFrame], FloatArray], older: BoolArray, seed: int = 0
) -> GateResult:
    """A model trained on labels shuffled within each month predicts such labels no better than chance.

    Args:
        score: trains on the first frame and scores the second.
        older: rows to train on; the others are scored.
    """
    months = pd.to_datetime(frame.data["as_of"]).dt.to_period("M").astype(str)
    shuffled = frame.with_labels(_shuffle_within(frame.labels, months, seed))
    train, test = shuffled.take(older), shuffled.take(~older)
    if len(np.unique(train.labels)) < 2:
        return GateResult("shuffled_labels_teach_nothing", passed=True, reason="not applicable: one outcome only")
    value, error = _auc_within(score(train, test), test.labels, months[~older])
    passed = abs(value - 0.5) <= SHUFFLE_ERRORS * error
    bound = f"0.5 ± {SHUFFLE_ERRORS * error:.3f}"
    reason = f"trained on shuffled labels the AUC is {value:.3f}, {'within' if passed else 'outside'} {bound}"
    return GateResult("shuffled_labels_teach_nothing", passed, reason, value, SHUFFLE_ERRORS * error)


def differing_features(
    stored: pd.DataFrame, derived: pd.DataFrame, keys: Sequence[str], names: Sequence[str]
) -> pd.DataFrame:
    """Compare stored features with those derived anew as known at `as_of`.

    Returns:
        keys, feature, stored, derived: one row per value that differs, or that only one side has (row missing: both
        values as text, the missing one empty).
    """
    both = stored[[*keys, *names]].merge(
        derived[[*keys, *names]], on=list(keys), how="outer", suffixes=("_stored", "_derived"), validate="one_to_one"
    )
    parts = []
    for name in names:
        left, right = both[f"{name}_stored"], both[f"{name}_derived"]
        differs = ~(_same(left, right) | (left.isna() & right.isna()))
        part = both.loc[differs, list(keys)].assign(feature=name, stored=left[differs], derived=right[differs])
        parts.append(part.astype({"stored": object, "derived": object}))
    return pd.concat(parts, ignore_index=True) if parts else both.iloc[0:0][list(keys)]


def are_as_known(differing: pd.DataFrame, rows: int, month: date) -> GateResult:
    """The stored features are those that the raw rows known at `as_of` give.

    Args:
        differing: see `differing_features`.
        rows: stored rows that were compared.
        month: the month end they lie on.
    """
    found = differing["feature"].value_counts().sort_index() if len(differing) else pd.Series(dtype=np.int64)
    if found.empty:
        reason = f"{rows:,} rows of {month} derived anew from what was known then are the stored ones"
    else:
        names = ", ".join(f"{name} ({count:,})" for name, count in found.items())
        reason = (
            f"of {rows:,} stored rows of {month} these features are not what was known then: {names}; "
            "mend the feature's SQL or build the month anew"
        )
    return GateResult("features_are_as_known", found.empty, reason, float(found.sum()), 0.0)


def _same(left: "pd.Series[float]", right: "pd.Series[float]") -> "pd.Series[bool]":
    if pd.api.types.is_float_dtype(left) and pd.api.types.is_float_dtype(right):
        return pd.Series(np.isclose(left, right, rtol=1e-9, atol=1e-9), index=left.index)
    return left.eq(right)


def _level_rates(codes: FloatArray, labels: FloatArray) -> FloatArray:
    """Each row's level's label rate; with few levels a row's own part in it does not matter."""
    levels = codes.astype(np.int64)
    rates: FloatArray = (np.bincount(levels, labels) / np.maximum(np.bincount(levels), 1))[levels]
    return rates


def _band_rates(values: FloatArray, labels: FloatArray) -> FloatArray:
    """Each row's band's label rate: bands of like size, missing apart, ten rows of the rarer outcome for each."""
    known = ~np.isnan(values)
    bands = int(np.clip(min(labels.sum(), (1 - labels).sum()) // LEAST_OF_EITHER, 2, MOST_BANDS))
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, bands + 1)[1:-1]))
    return _level_rates(np.where(known, np.searchsorted(edges, values, side="left"), len(edges) + 1), labels)


def _ranks(values: FloatArray) -> FloatArray:
    return np.asarray(pd.Series(values).rank(), dtype=np.float64)


def _squared_correlation(values: FloatArray, amounts: FloatArray) -> float:
    if len(values) < 2 or np.ptp(values) == 0 or np.ptp(amounts) == 0:
        return 0.0
    return float(np.corrcoef(values, amounts)[0, 1]) ** 2


def _shuffle_within(labels: FloatArray, groups: "pd.Series[str]", seed: int) -> FloatArray:
    """Labels permuted within groups."""
    random = np.random.default_rng(seed)
    order = np.lexsort((random.random(len(labels)), groups.to_numpy()))
    home = np.argsort(groups.to_numpy(), kind="stable")
    shuffled = np.empty_like(labels)
    shuffled[home] = labels[order]
    return shuffled


def _auc_within(score: FloatArray, labels: FloatArray, groups: "pd.Series[str]") -> tuple[float, float]:
    """AUC over pairs of the same group, and its standard error under no signal (Mann-Whitney variance)."""
    wins = pairs = variance = 0.0
    for rows in groups.reset_index(drop=True).groupby(groups.to_numpy()).indices.values():
        outcome = labels[rows][None, :]
        positives, negatives = float(outcome.sum()), float((1 - outcome).sum())
        if positives and negatives:
            ranking = Ranking.of(score[rows])
            count = positives * negatives
            wins += count * float(auc(ranking.sums(outcome), ranking.sums(1 - outcome))[0])
            variance += count * (positives + negatives + 1) / 12
            pairs += count
    return (wins / pairs, float(np.sqrt(variance)) / pairs) if pairs else (0.5, 1.0)
