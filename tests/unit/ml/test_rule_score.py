import numpy as np
import pandas as pd

from ml.models.rule_score import RuleParams, agreement, rule_scores

PARAMS = RuleParams(
    {"seniority": {"director": 60}, "lead_source": {"referral": 50}, "company_size": {"1000+": 150}},
    {"webinar": 20},
)
LEADS = pd.DataFrame(
    {
        "lead_id": ["a", "b", "c", "d"],
        "seniority": ["Director", None, "Director", "intern"],
        "lead_source": ["Referral", "ads", None, None],
        "company_size": [None, None, "1000+", None],
    }
)


def scores(*touchpoints: tuple[str, str]) -> pd.DataFrame:
    """Rule scores of the four leads."""
    return rule_scores(LEADS, pd.DataFrame(touchpoints, columns=["lead_id", "kind"]), PARAMS).set_index("lead_id")


def test_points_add_up_whatever_the_case_of_the_value() -> None:
    """60 for the role and 50 for the source make 110, which is sales-qualified; 200 is the end of the scale."""
    found = scores()
    assert found["rule_score"].to_dict() == {"a": 110, "b": 0, "c": 200, "d": 0}
    assert found["rule_stage"].to_dict() == {"a": "sql", "b": "mql", "c": "sql", "d": "mql"}


def test_touchpoint_counts_once_per_kind() -> None:
    """Two webinars earn the points of one."""
    assert scores(("b", "webinar"), ("b", "webinar")).loc["b", "rule_score"] == 20


def test_booked_consultation_is_sales_qualified_at_once() -> None:
    """Whatever the score, a booked consultation makes the lead an SQL."""
    found = scores(("d", "consultation_booked"))
    assert found.loc["d", "rule_stage"] == "sql"
    assert found.loc["d", "rule_score"] == 0


def test_agreement_of_equal_and_opposite_orders() -> None:
    """The same order agrees fully; a constant score has no correlation."""
    points = np.array([200.0, 120.0, 50.0, 0.0])
    assert agreement(points, np.array([0.9, 0.5, 0.2, 0.1]), 110) == {"rank_correlation": 1.0, "same_side_share": 1.0}
    assert agreement(points, np.array([0.1, 0.2, 0.5, 0.9]), 110)["same_side_share"] == 0.0
    assert np.isnan(agreement(np.zeros(4), points, 110)["rank_correlation"])
