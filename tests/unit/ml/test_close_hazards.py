import json
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
    np.testing.assert_allclose(np.mean(hazards.won[0], axis=1)[:2], [0.05, 0.3], atol=0.02)
    np.testing.assert_allclose(np.mean(hazards.lost[0], axis=1)[:2], [0.1, 0.1], atol=0.02)


def test_wins_within_the_horizon_add_up_to_the_probability() -> None:
    """The first three months hold exactly the model's 90-day probability; nothing exceeds one."""
    deals = months(5)
    stated = np.array([0.02, 0.2, 0.5, 0.8, 0.97])
    for deal, probability in zip(fit(months()).distribution(deals, stated), stated, strict=True):
        assert np.isclose(sum(month["won"] for month in deal[:3]), probability, atol=1e-4)
        assert sum(month["won"] + month["lost"] for month in deal) <= 1 + 1e-9


def ripening(deals: int = 3000, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deals seen when new and a month later; all start early, become late after about 20 days, are won around day 45.

    Returns:
        rows of state, month, won, lost as the fit reads them; and the day of winning per deal.
    """
    random = np.random.default_rng(seed)
    won_on = np.ceil(45 * np.exp(0.3 * random.normal(size=deals)))
    late_from = won_on * random.uniform(0.2, 0.7, deals)
    rows = []
    for age in (0, 30):
        stage = np.where(late_from <= age, "late", "early")
        wait = won_on - age
        for month in range(1, 7):
            entered = wait > 30 * (month - 1)
            wins = (wait <= 30 * month).astype(int)
            part = pd.DataFrame({"current_stage": stage, "deal_age_days": float(age), "won": wins, "lost": 0})
            rows.append(part.assign(month=month)[entered])
    return pd.concat(rows), pd.DataFrame({"won_on": won_on})


def test_timing_is_that_of_deals_that_move_on_meanwhile() -> None:
    """New deals are won when such deals were, whatever probability they are given, not in the first month."""
    rows, deals = ripening()
    new = pd.DataFrame({"current_stage": ["early"] * 2, "deal_age_days": [0.0] * 2})
    found = fit(rows).distribution(new, np.array([0.3, 0.9]))
    true = [float(deals["won_on"].le(30 * month).mean()) for month in (1, 2, 3)]
    for deal, probability in zip(found, (0.3, 0.9), strict=True):
        reached = np.cumsum([month["won"] for month in deal[:3]]) / probability
        np.testing.assert_allclose(reached * true[2], true, atol=0.03)


def test_a_month_nobody_has_reached_keeps_the_hazard_before() -> None:
    """Deals seen for one month only give every later month about the same hazards, not a coin's."""
    hazards = fit(months().assign(month=1))
    later = fit(pd.concat([months().assign(month=1), months(40).assign(month=3)]))
    assert len(hazards.won) == 1
    np.testing.assert_allclose(np.mean(later.won[1]), np.mean(hazards.won[0]), atol=0.08)


def test_hazards_of_older_models_hold_for_every_month(tmp_path: Path) -> None:
    """A file with one table of stages and bands is still read."""
    hazards = fit(months(200))
    hazards.save(tmp_path)
    path = tmp_path / "close_hazards.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "won": plain["won"][0], "lost": plain["lost"][0]}))
    assert CloseHazards.load(tmp_path) == hazards


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
