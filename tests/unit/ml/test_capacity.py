from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_tweedie_deviance

from ml.arrays import FloatArray
from ml.encoding import fit_encoder
from ml.models.blended import BlendedModel, best_weight, mixed
from ml.models.boosted import capacities, fit_boosted
from ml.models.capacity import fit_with_capacity, loss_terms
from ml.models.held_back import HeldBack, hold_back
from ml.models.linear import fit_least_squares, fit_linear
from ml.search import Search
from ml.table_splits import stratified_folds
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import column


def frame(*, is_curved: bool, rows: int = 2_000) -> TrainingFrame:
    """An outcome that follows two numbers by a fine chequerboard, or by a line."""
    random = np.random.default_rng(0)
    first, second = random.uniform(0, 6, rows), random.uniform(0, 6, rows)
    odds = 6 * np.sin(3 * first) * np.sin(3 * second) if is_curved else 0.4 * (first - 3)
    data = pd.DataFrame(
        {
            "e": np.arange(rows),
            "as_of": pd.Timestamp("2024-01-01"),
            "first": first,
            "second": second,
            "y": (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(float),
        }
    )
    return TrainingFrame(data, "e", (column("first"), column("second")), "y", 1, 0, "")


@cache
def held(*, is_curved: bool) -> HeldBack:
    """One fold held back."""
    whole = frame(is_curved=is_curved)
    return hold_back(whole, stratified_folds(whole, 3, 0, is_binary=True)[:1])


@pytest.mark.parametrize(("is_curved", "kept"), [(True, {"medium", "deep"}), (False, {"shallow"})])
def test_capacity_follows_the_data(is_curved: bool, kept: set[str]) -> None:
    """A chequerboard needs more leaves than a line; the line keeps the smallest model."""
    fit = fit_with_capacity(held(is_curved=is_curved), capacities(2_000, 900), "binary", seed=7)
    table = fit.tables["capacities"]
    assert set(table.loc[table["is_kept"], "capacity"]) <= kept


def test_few_events_try_the_smallest_only() -> None:
    """A rare outcome does not pay for large trees."""
    assert [size.name for size in capacities(100_000, 150)] == ["shallow"]


def test_search_is_kept_only_where_it_is_better_beyond_noise() -> None:
    """On a line nothing is found that is worth keeping; the trials are in the tables."""
    fit = fit_with_capacity(held(is_curved=False), capacities(2_000, 900), "binary", 7, Search(4, 60))
    assert len(fit.tables["search_trials"]) == 4
    assert fit.tables["capacities"].query("is_kept")["capacity"].tolist() == ["shallow"]


def test_tweedie_deviance_is_the_known_one() -> None:
    """The mean of the loss terms equals scikit-learn's deviance of power 1.5."""
    random = np.random.default_rng(0)
    amount, score = np.where(random.random(200) < 0.5, 0.0, random.gamma(2, 1, 200)), random.normal(size=200)
    expected = mean_tweedie_deviance(amount, np.exp(score), power=1.5)
    assert loss_terms("tweedie", amount, score).mean() == pytest.approx(expected)


def test_least_squares_equal_the_known_ridge() -> None:
    """On standardised columns the penalised solution is scikit-learn's."""
    random = np.random.default_rng(0)
    whole = frame(is_curved=False, rows=300)
    encoder = fit_encoder(whole)
    matrix = encoder.transform(whole.data)
    amount: FloatArray = 2 * matrix[:, 0] + random.normal(size=300)
    model = fit_least_squares(matrix, amount, encoder, 0.1)
    design = np.column_stack([one.values(matrix) for one in model.columns])
    known = Ridge(alpha=0.1 * 300).fit(design, amount)
    np.testing.assert_allclose(model.score(matrix), known.predict(design))


def test_a_blend_adds_up() -> None:
    """Score and contributions of a blend are the weighted means of its parts'; the weight follows the loss."""
    part = held(is_curved=False).parts[0]
    linear = fit_linear(part.core, part.core_labels, part.encoder, 0.01)
    boosted, _ = fit_boosted(part.core, part.core_labels, part.encoder, seed=7, rounds=20)
    blend = BlendedModel(linear, boosted, 0.25)
    rows = part.newer[:50]
    np.testing.assert_allclose(blend.score(rows), 0.25 * boosted.score(rows) + 0.75 * linear.score(rows))
    np.testing.assert_allclose(
        blend.contributions(rows), mixed(linear.contributions(rows), boosted.contributions(rows), 0.25)
    )
    labels = part.newer_labels
    assert best_weight(labels * 4 - 2, -(labels * 4 - 2), labels) == 0.25
