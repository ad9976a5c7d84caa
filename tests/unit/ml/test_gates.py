import pytest

from ml.evaluation import status_of
from ml.gates import Difference, beats_best_baseline, covers, has_same_schema, is_calibrated, not_worse_than_champion


def auc(value: float, lower: float, upper: float) -> Difference:
    """A difference in AUC."""
    return Difference("auc", value, lower, upper)


def test_better_than_the_best_baseline_beyond_noise_passes() -> None:
    """The lower bound of the difference is above zero."""
    assert beats_best_baseline({"rule": auc(0.05, 0.01, 0.09)}, "rule").passed


def test_better_by_luck_fails_and_says_against_what() -> None:
    """A difference whose interval holds zero fails; the reason names the baseline and the figures."""
    result = beats_best_baseline({"base_rate": auc(0.02, -0.01, 0.05)}, "base_rate")
    assert not result.passed
    assert "not better than base rate" in result.reason
    assert "-0.010 to +0.050" in result.reason


@pytest.mark.parametrize(("error", "noise", "passed"), [(0.02, 0.01, True), (0.05, 0.06, True), (0.05, 0.04, False)])
def test_calibration_is_bounded_by_three_per_cent_or_noise(error: float, noise: float, passed: bool) -> None:
    """Small test sets are allowed the error that chance alone makes, large ones 0.03."""
    assert is_calibrated(error, noise).passed is passed


@pytest.mark.parametrize(
    ("share", "cases", "passed"),
    [(0.86, 1000, True), (0.99, 1000, False), (0.80, 1000, False), (1.0, 10, True), (0.7, 10, True), (0.5, 10, False)],
)
def test_coverage_may_miss_by_five_points_or_chance(share: float, cases: int, passed: bool) -> None:
    """Too narrow and too wide both fail, but ten of ten 90 % intervals are no proof of width."""
    assert covers(share, 0.9, cases).passed is passed


def test_a_floor_lets_wide_intervals_pass() -> None:
    """Where the check's own noise widens what is covered, only too narrow intervals are a fault."""
    assert covers(1.0 + 1e-12, 0.9, 1000, is_floor=True).passed
    assert not covers(0.8, 0.9, 1000, is_floor=True).passed


def test_significantly_worse_than_champion_fails() -> None:
    """Only a difference that is surely negative fails; no champion is no obstacle."""
    assert not not_worse_than_champion(auc(-0.05, -0.08, -0.02)).passed
    assert not_worse_than_champion(auc(-0.01, -0.03, 0.01)).passed
    assert not_worse_than_champion(None).passed


def test_schema_difference_names_the_columns() -> None:
    """A missing and an unknown column are both named; another order fails too."""
    result = has_same_schema(["a", "b"], ["b", "c"])
    assert not result.passed
    assert "missing: a; unknown: c" in result.reason
    assert "order" in has_same_schema(["a", "b"], ["b", "a"]).reason
    assert has_same_schema(["a"], ["a"]).passed


def test_one_blocking_failure_fails_the_training() -> None:
    """The status follows from the gates, the reasons from the failed ones."""
    good, bad = is_calibrated(0.01, 0.0), is_calibrated(0.2, 0.0)
    assert status_of((good,)) == ("validated", ())
    assert status_of((good, bad)) == ("failed_gates", (bad.reason,))
