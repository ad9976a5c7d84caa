"""Stated probabilities and their intervals against true ones, over several simulated data sets."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.against_truth import probabilities
from ml.models.tabular import BOOSTED, LINEAR, Method, TabularParams, train_both
from ml.splits import out_of_time
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import customers

SEEDS = range(40, 52)


def _test_rows(customers_of: tuple[TrainingFrame, np.ndarray], method: Method) -> pd.DataFrame:
    """What a method says of the test rows (value, lower, upper) with label and true probability beside it."""
    frame, truth = customers_of
    split = out_of_time(frame.data["as_of"], frame.data[frame.label], frame.gap_days)
    test = frame.take(split.test)
    fitted = train_both(frame.take(split.train), TabularParams()).fitted[method]
    return fitted.predict(test.data, with_reasons=False).assign(label=test.labels, truth=truth[split.test])


@pytest.fixture(scope="module")
def figures() -> pd.DataFrame:
    """The linear model's figures on the test rows of each data set, 200 customers over 16 months."""
    return pd.DataFrame([probabilities(_test_rows(customers(200, 16, seed), LINEAR), "truth") for seed in SEEDS])


def test_intervals_hold_the_true_rates_as_often_as_they_say(figures: pd.DataFrame) -> None:
    """The 90 % bands hold the true rate of like rows in 85 to 98 % of the cases."""
    assert 0.85 <= figures["inside"].mean() <= 0.98
    assert figures["width"].mean() < 0.25


def test_intervals_of_customers_who_cannot_leave_reach_zero() -> None:
    """Where a third of the customers is bound, bands hold the true rate, 0, of nine in ten of them, and all as often.

    No calibration by a sigmoid gets such scores down to 0; the held-back rows, none of whom left, do.
    """
    found = [_test_rows(customers(400, 16, seed, bound=True), BOOSTED) for seed in SEEDS[:5]]
    bound = [(rows.loc[rows["truth"] == 0, "lower"] == 0).mean() for rows in found]
    figures = pd.DataFrame([probabilities(rows, "truth") for rows in found])
    assert np.mean(bound) >= 0.85, bound
    assert figures["inside"].mean() >= 0.8, figures
    assert figures["width"].mean() < 0.12, figures


def test_probabilities_are_close_to_the_true_ones(figures: pd.DataFrame) -> None:
    """The calibration error against true probabilities, free of the outcomes' noise, is small on the mean."""
    assert figures["ece"].mean() < 0.045
    assert abs(figures["total"].mean() - 1) < 0.05


def test_ranking_comes_near_the_truth_and_not_beyond(figures: pd.DataFrame) -> None:
    """At least 95 % of the AUC of the true probabilities on the mean, and never beyond them by more than noise."""
    assert figures["share_of_oracle"].mean() >= 0.95
    assert figures["share_of_oracle"].max() < 1.02
    assert np.isfinite(figures["oracle_auc"]).all()
