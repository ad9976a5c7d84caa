import numpy as np
import pandas as pd

from ml.labels import close_month_labels
from ml.models.close_hazards import MONTH_DAYS, MONTHS, CloseHazards, fit_close_hazards
from ml.models.close_month_judgement import judge_close_months

START, UNTIL = pd.Timestamp("2024-01-31"), pd.Timestamp("2025-06-30")


def history(deals: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deals that are won in 40 of 100 cases, around day 45, else lost around day 75.

    Returns:
        Months as `close_month_labels` gives them with the state, and the win probabilities of the later deals.
    """
    random = np.random.default_rng(seed)
    created = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 700, deals), unit="D")
    won = random.random(deals) < 0.4
    days = np.where(won, random.integers(30, 60, deals), random.integers(60, 90, deals))
    closed = created + pd.to_timedelta(days, unit="D")
    names = [f"d{number}" for number in range(deals)]
    facts = pd.DataFrame({"deal_id": names, "closed_on": closed, "outcome": np.where(won, "won", "lost")})
    facts.loc[closed > UNTIL, "outcome"] = "open"
    facts["closed_on"] = facts["closed_on"].where(closed <= UNTIL)
    rows = pd.DataFrame({"deal_id": names, "as_of": created})
    months = close_month_labels(rows, facts, month_days=MONTH_DAYS, months=MONTHS, data_until=UNTIL.date())
    test = rows[rows["as_of"] >= START].assign(value=0.4)
    return months.assign(current_stage="open", deal_age_days=0.0), test


def fitted(months: pd.DataFrame) -> CloseHazards:
    return fit_close_hazards(months, "current_stage", "deal_age_days", 90)


def test_true_timing_is_called_so() -> None:
    """Wins fall into the second month and losses into the third, as often as stated."""
    months, test = history()
    found = judge_close_months(test, months, fitted(months))
    won = found[found["outcome"] == "won"].set_index("month")
    assert won["observed_share"].idxmax() == 2
    assert won["stated_share"].idxmax() == 2
    assert found.set_index(["outcome", "month"]).loc[[("won", 2), ("lost", 3)], "is_covered"].all()


def test_timing_that_changed_is_seen() -> None:
    """Deals that since then close two months later are not where the older ones say."""
    months, test = history()
    later = months["as_of"] >= START
    moved = months.assign(month=months["month"] + 2 * later)
    found = judge_close_months(
        test,
        pd.concat([months[later & (months["month"] <= 2)].assign(won=0, lost=0), moved[moved["month"] <= MONTHS]]),
        fitted(months),
    )
    won = found[found["outcome"] == "won"].set_index("month")
    assert not won.loc[2, "is_covered"]
    assert not won.loc[4, "is_covered"]


def test_nothing_known_before_the_test_deals_judges_nothing() -> None:
    """Without an older month there are no hazards to hold against what came."""
    months, test = history()
    recent = months[months["as_of"] >= START]
    assert judge_close_months(test, recent, fitted(months)).empty
