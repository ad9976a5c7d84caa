from collections.abc import Callable

import numpy as np
import pytest

from ml.arrays import log_odds, logistic
from ml.calibration import Calibrator, fit_calibrator

Sample = tuple[np.ndarray, np.ndarray, np.ndarray]


def overconfident(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores twice as extreme as the truth, labels, true probabilities."""
    random = np.random.default_rng(seed)
    truth = logistic(random.normal(-1, 1, rows))
    return 2 * log_odds(truth), (random.random(rows) < truth).astype(float), truth


def bent(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that no sigmoid mends: the truth's log odds raised to the third power."""
    random = np.random.default_rng(seed)
    odds = random.normal(0, 1, rows)
    truth = logistic(odds)
    return odds**3, (random.random(rows) < truth).astype(float), truth


@pytest.mark.parametrize(
    ("make", "rows", "method"),
    [(overconfident, 300, "platt"), (overconfident, 20_000, "platt"), (bent, 20_000, "isotonic")],
)
def test_calibration_recovers_the_truth(make: Callable[[int], Sample], rows: int, method: str) -> None:
    """Wrong scores come out close to the true probabilities; steps are taken only where a sigmoid does not fit."""
    score, label, truth = make(rows)
    fitted = fit_calibrator(score, label)
    assert fitted.method == method
    assert np.abs(fitted.apply(score) - truth).mean() < 0.5 * np.abs(logistic(score) - truth).mean()


@pytest.mark.parametrize("rows", [50, 5_000])
def test_calibrated_probabilities_never_reach_0_or_1(rows: int) -> None:
    """However extreme the score, no finite sample supports certainty."""
    score, label, _ = overconfident(rows)
    extreme = fit_calibrator(score, label).apply(np.array([-1e9, -50.0, 50.0, 1e9]))
    assert (extreme > 0).all()
    assert (extreme < 1).all()


def test_isotonic_keeps_the_order_of_scores() -> None:
    """Isotonic calibration is strictly increasing where the limits do not bind, so ranks are kept."""
    score, label, _ = bent(5_000)
    values = fit_calibrator(score, label).apply(np.linspace(-6, 4, 200))
    assert (np.diff(values) > 0).mean() > 0.95
    assert (np.diff(values) >= 0).all()


def test_platt_survives_separated_and_single_outcomes() -> None:
    """Perfect separation or one outcome only gives finite parameters, because of the prior."""
    score = np.linspace(-3, 3, 20)
    for label in ((score > 0).astype(float), np.zeros(20)):
        fitted = fit_calibrator(score, label)
        assert np.isfinite([fitted.slope, fitted.shift]).all()


def test_no_rows_leave_the_score_as_it_is() -> None:
    """Without held-back rows the model's own probability stands."""
    assert fit_calibrator(np.empty(0), np.empty(0)).apply(np.zeros(1))[0] == 0.5


def test_calibrator_survives_its_plain_data() -> None:
    """Stored and read back, the map is the same."""
    score, label, _ = bent(5_000)
    fitted = fit_calibrator(score, label)
    assert Calibrator.from_json(fitted.to_json()) == fitted
