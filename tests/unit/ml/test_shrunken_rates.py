from pathlib import Path

import numpy as np
import pytest

from ml.models.shrunken_rates import ShrunkenRates, fit_rates
from ml.training_frames import TrainingFrame
from tests.unit.ml.synthetic import customers

HAPPENED = "leave within 90 days"


def fitted(frame: TrainingFrame, *groupings: str) -> ShrunkenRates:
    """Rates by the first usable grouping."""
    return fit_rates(frame, groupings, HAPPENED)


def test_rates_lie_between_the_group_and_the_whole() -> None:
    """A group's rate is pulled towards the overall one, not beyond."""
    frame, _ = customers(100, 12)
    rates = fitted(frame, "absent", "plan")
    observed = frame.data.groupby("plan")["churned"].mean()
    overall = frame.labels.mean()
    assert rates.feature == "plan"
    for level, rate in zip(rates.levels, rates.rates, strict=False):
        assert min(observed[level], overall) - 0.01 <= rate <= max(observed[level], overall) + 0.01


def test_interval_of_one_customer_is_wide() -> None:
    """Two years of one customer are one customer."""
    frame, _ = customers(1, 24)
    found = fitted(frame, "plan").predict(frame.data)
    assert (found["upper"] - found["lower"]).min() > 0.5


@pytest.mark.parametrize("rate", [-50.0, 50.0])
def test_nobody_or_everybody_gone_never_gives_certainty(rate: float) -> None:
    """With one outcome only the rate stays away from 0 and 1."""
    frame, _ = customers(10, 6, rate=rate)
    found = fitted(frame, "plan").predict(frame.data)
    assert found["value"].between(0.001, 0.999).all()
    assert (found["lower"] <= found["value"]).all()
    assert (found["value"] <= found["upper"]).all()


def test_no_rows_at_all_give_the_widest_interval() -> None:
    """Nothing known: one half, anywhere between nearly 0 and nearly 1."""
    frame, _ = customers(10, 6)
    empty = frame.take(np.zeros(len(frame.data), dtype=bool))
    found = fitted(empty, "plan").predict(frame.data.head(1)).iloc[0]
    assert found["value"] == 0.5
    assert found["upper"] - found["lower"] > 0.95


def test_numbers_are_grouped_in_bands_and_unknown_ones_get_the_overall_rate() -> None:
    """The rule score's bands are ordered like what they predict; a missing number falls back."""
    frame, _ = customers(200, 12)
    rates = fitted(frame, "tickets")
    low, high, unknown = rates.predict(frame.data.head(3).assign(tickets=[0.0, 9.0, np.nan]))["value"]
    assert low < high
    assert unknown == rates.rates[-1]


def test_reason_says_group_and_overall_rate() -> None:
    """The one reason names the group and both rates."""
    frame, _ = customers(100, 12)
    reason = fitted(frame, "plan").predict(frame.data.head(1))["reasons"].iloc[0][0]
    assert "plan" in reason["text"]
    assert HAPPENED in reason["text"]


def test_rates_survive_the_folder(tmp_path: Path) -> None:
    """Stored and read back, nothing changes."""
    frame, _ = customers(50, 6)
    rates = fitted(frame, "plan")
    rates.save(tmp_path)
    assert ShrunkenRates.load(tmp_path) == rates
