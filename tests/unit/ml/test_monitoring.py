from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd

from ml.drift import Shift
from ml.monitoring import Evidence, Figure, Limits, advise, realised

TODAY = date(2025, 12, 31)
QUIET = Evidence(
    is_fallback=False, trained_rows=1000, new_outcomes=10, learned_until=date(2025, 8, 31), figures=(), features=(),
    score=None,
)  # fmt: skip
MOVED = Shift("usage", 0.6, 0.05, 0.3, 0.1, 0.0, 0.0)
STILL = Shift("usage", 0.02, 0.05, 0.03, 0.1, 0.0, 0.0)


def statements(strength: float, rows: int = 800, seed: int = 0) -> pd.DataFrame:
    """Statements of a model whose stated log odds are true if `strength` is 1 and say nothing if it is 0."""
    random = np.random.default_rng(seed)
    odds = random.normal(-1.5, 1.2, rows)
    stated, true = (1 / (1 + np.exp(-log_odds)) for log_odds in (odds, -1.5 + strength * (odds + 1.5)))
    return pd.DataFrame(
        {
            "account_id": [f"a{number}" for number in range(rows)],
            "as_of": pd.Timestamp("2025-06-30"),
            "value": stated,
            "label": (random.random(rows) < true).astype(int),
        }
    )


PROMISED = {"auc": (0.78, 0.74, 0.82), "brier_skill": (0.15, 0.09, 0.2), "ece": (0.02, 0.01, 0.03)}


def test_kept_promise_is_no_reason() -> None:
    """A model that goes on ranking and stating as it did is not called worse, seed after seed."""
    worse = [
        figure.metric
        for seed in range(10)
        for figure in realised(statements(1.0, seed=seed), "account_id", PROMISED, 0.22)
        if figure.is_worse
    ]
    assert len(worse) <= 1


def test_broken_promise_asks_for_training() -> None:
    """A model whose ranking has faded is called worse in AUC, and the advice says by how much."""
    figures = realised(statements(0.2), "account_id", PROMISED, 0.22)
    assert {"auc", "brier_skill"} <= {figure.metric for figure in figures if figure.is_worse}
    advice, reasons = advise(replace(QUIET, figures=figures), TODAY, Limits())
    assert advice == "retrain"
    assert "promised were 0.780" in reasons[0]


def test_too_few_outcomes_say_nothing() -> None:
    """Four customers who left are an anecdote: no figure at all."""
    few = statements(1.0, rows=40).assign(label=lambda rows: (np.arange(len(rows)) < 4).astype(int))
    assert realised(few, "account_id", PROMISED, 0.2) == ()


def test_figure_without_a_promise_is_never_worse() -> None:
    """A shrunken baseline promises nothing, so that it cannot break its word."""
    for figure in realised(statements(0.0), "account_id", {}, 0.2):
        assert figure.promised is None
        assert not figure.is_worse


def test_worse_means_higher_where_less_is_better() -> None:
    """A calibration error above the promised one is worse, below it is not."""
    high = Figure("ece", 0.2, 0.15, 0.25, 0.02, 0.01, 0.03, 500, 50)
    assert high.is_worse
    assert not replace(high, value=0.01, lower=0.0, upper=0.02).is_worse


def test_quiet_model_is_left_alone() -> None:
    """Without any reason there is none, in words."""
    assert advise(replace(QUIET, features=(STILL,), score=STILL), TODAY, Limits()) == (
        "none",
        ("nothing speaks for another training",),
    )


def test_shifted_feature_alone_is_watched() -> None:
    """An input that moved is named, but as long as scores and outcomes hold nothing is retrained for it."""
    advice, reasons = advise(replace(QUIET, features=(MOVED, STILL)), TODAY, Limits())
    assert advice == "watch"
    assert reasons == ("1 of 2 features have shifted, most of all usage (PSI 0.60)",)


def test_shifted_scores_ask_for_training() -> None:
    """Scores that moved are a reason of their own, and the shifted features stand beside it."""
    advice, reasons = advise(replace(QUIET, features=(MOVED,), score=MOVED), TODAY, Limits())
    assert advice == "retrain"
    assert len(reasons) == 2


def test_new_outcomes_and_age_ask_for_training() -> None:
    """A quarter more outcomes, or a year since the newest row learned from, are worth another training."""
    assert advise(replace(QUIET, new_outcomes=249), TODAY, Limits())[0] == "none"
    assert advise(replace(QUIET, new_outcomes=250), TODAY, Limits())[0] == "retrain"
    assert advise(replace(QUIET, learned_until=date(2024, 12, 30)), TODAY, Limits())[0] == "retrain"
    assert advise(replace(QUIET, learned_until=date(2024, 12, 31)), TODAY, Limits())[0] == "none"


def test_fallback_does_not_grow_old() -> None:
    """What was never learned is not stale; only new outcomes change that."""
    fallback = replace(QUIET, is_fallback=True, learned_until=date(2020, 1, 31))
    assert advise(fallback, TODAY, Limits())[0] == "none"
    advice, reasons = advise(replace(fallback, trained_rows=0, new_outcomes=1), TODAY, Limits())
    assert advice == "retrain"
    assert "none is learned yet" in reasons[0]
