from pathlib import Path

import numpy as np
import pandas as pd

from ml.models.close_hazards import CloseHazards, fit_close_hazards


def months(rows: int = 4000, seed: int = 0) -> pd.DataFrame:
    """Deal-months: late deals are won at 30 % a month, early ones at 5 %; 10 % are lost."""
    random = np.random.default_rng(seed)
    stage = random.choice(["early", "late"], rows)
    drawn = random.random(rows)
    wins = drawn < np.where(stage == "late", 0.3, 0.05)
    return pd.DataFrame(
        {
            "current_stage": stage,
            "deal_age_days": random.integers(0, 300, rows).astype(float),
            "won": wins.astype(int),
            "lost": ((drawn > 0.9) & ~wins).astype(int),
        }
    )


def fit(rows: pd.DataFrame) -> CloseHazards:
    """Hazards with the default columns."""
    return fit_close_hazards(rows, "current_stage", "deal_age_days", 90)


def test_hazards_recover_the_truth() -> None:
    """Monthly hazards by stage come out near those simulated."""
    hazards = fit(months())
    np.testing.assert_allclose(np.mean(hazards.won, axis=1)[:2], [0.05, 0.3], atol=0.02)
    np.testing.assert_allclose(np.mean(hazards.lost, axis=1)[:2], [0.1, 0.1], atol=0.02)


def test_wins_within_the_horizon_add_up_to_the_probability() -> None:
    """The first three months hold exactly the model's 90-day probability; nothing exceeds one."""
    deals = months(5)
    stated = np.array([0.02, 0.2, 0.5, 0.8, 0.97])
    for deal, probability in zip(fit(months()).distribution(deals, stated), stated, strict=True):
        assert np.isclose(sum(month["won"] for month in deal[:3]), probability, atol=1e-4)
        assert sum(month["won"] + month["lost"] for month in deal) <= 1 + 1e-9


def test_no_history_still_gives_a_distribution() -> None:
    """Zero rows, or rows without stage and age, give a plain distribution instead of an error."""
    hazards = fit(months(0))
    deals = pd.DataFrame({"deal_id": ["d"]})
    found = hazards.distribution(deals, np.array([0.4]))[0]
    assert np.isclose(sum(month["won"] for month in found[:3]), 0.4, atol=1e-4)


def test_hazards_survive_the_folder(tmp_path: Path) -> None:
    """Stored and read back, nothing changes."""
    hazards = fit(months(200))
    hazards.save(tmp_path)
    assert CloseHazards.load(tmp_path) == hazards
