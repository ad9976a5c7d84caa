import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from ml.binary_metrics import BinaryFigures, Ranking, bin_indicator, captured


def sample(rows: int = 400, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Labels and probabilities, with many equal ones."""
    random = np.random.default_rng(3)
    probability = random.beta(2, 5, rows)
    labels = (random.random(rows) < probability).astype(float)
    return labels, np.round(probability, 1) + 0.01 if ties else probability


@pytest.mark.parametrize("ties", [True, False])
def test_figures_equal_the_reference_implementation(ties: bool) -> None:
    """AUC, average precision, Brier and log loss agree with scikit-learn, with and without weights."""
    labels, probability = sample(ties=ties)
    weights = np.random.default_rng(4).integers(0, 4, len(labels)).astype(float)
    found = BinaryFigures(labels, probability, 0.3).draws(np.vstack([np.ones_like(weights), weights]))
    for row, sample_weight in enumerate((None, weights)):
        assert found["auc"][row] == pytest.approx(roc_auc_score(labels, probability, sample_weight=sample_weight))
        expected = average_precision_score(labels, probability, sample_weight=sample_weight)
        assert found["pr_auc"][row] == pytest.approx(expected)
        expected = brier_score_loss(labels, probability, sample_weight=sample_weight)
        assert found["brier"][row] == pytest.approx(expected)
        assert found["log_loss"][row] == pytest.approx(log_loss(labels, probability, sample_weight=sample_weight))


def test_constant_prediction_has_no_lift_and_no_skill() -> None:
    """The base rate has AUC 0.5, lift 1 and skill 0 whatever the order of the rows."""
    labels, _ = sample()
    found = BinaryFigures(labels, np.full(len(labels), 0.3), 0.3).draws(np.ones((1, len(labels))))
    assert found["auc"][0] == 0.5
    assert found["lift_at_10"][0] == pytest.approx(1.0)
    assert found["brier_skill"][0] == pytest.approx(0.0)


def test_captured_amount_counts_money_not_heads() -> None:
    """The one expensive row at the top carries its money."""
    ranking = Ranking.of(np.array([0.9, 0.1, 0.2, 0.3]))
    amounts = ranking.sums(np.array([[90.0, 10.0, 0.0, 0.0]]))
    assert captured(amounts, ranking.sums(np.ones((1, 4))), 0.25)[0] == pytest.approx(0.9)


def test_auc_of_one_outcome_is_unknown() -> None:
    """Without a negative there is no pair to rank."""
    found = BinaryFigures(np.ones(5), np.linspace(0, 1, 5), 0.5).draws(np.ones((1, 5)))
    assert np.isnan(found["auc"][0])


def test_bins_hold_every_row_once_and_none_is_empty() -> None:
    """Heavily tied probabilities give fewer bins, not empty ones."""
    member = bin_indicator(np.array([0.1] * 50 + [0.2] * 3 + [0.9]))
    assert (member.sum(axis=1) == 1).all()
    assert (member.sum(axis=0) > 0).all()
