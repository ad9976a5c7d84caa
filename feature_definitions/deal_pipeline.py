"""Where an open deal stands: stage, age, amount, momentum and the record of its owner.

Belongs here: the columns of features.feat_deal_pipeline. Does not belong here: the lead's own behaviour before the
deal (`lead_engagement`). The outcome, and the day of it, are masked until that day.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, category, count, days, feature, flag, key
from feature_definitions.entities import DEAL

MOVE_ON = "Agree the next step with the buyer, or close the deal"
GET_IN_TOUCH = "Get in touch with the buyer"


class DealPipeline(FeatureTable):
    """One row per open deal and month end, and one on the day of its creation."""

    deal_id: str = key("The deal.")
    as_of: pa.DateTime = key("Day of scoring; nothing known later is read.")
    as_of_month: pa.DateTime = key("Month end of that day; the partition.")
    deal_age_days: float = days(
        "Days since the deal was created.",
        driver="age",
        reason_high="Open for {value:.0f} days",
        reason_low="Open for only {value:.0f} days",
        action=MOVE_ON,
    )
    current_stage: str = category(
        "Latest stage entered.",
        driver="stage",
        reason_low="Is in the stage {value}",
        action="Agree the next step with the buyer, or close the deal",
    )
    stage_days: float = days(
        "Days in the current stage; since creation where no stage is known.",
        driver="stage",
        reason_high="In this stage for {value:.0f} days",
        reason_low="In this stage for only {value:.0f} days",
        action=MOVE_ON,
    )
    stage_changes_count: float = count(
        "Stages entered so far.",
        driver="stage",
        reason_high="Has moved through {value:.0f} stages",
        reason_low="Has moved through only {value:.0f} stage(s)",
        action=MOVE_ON,
    )
    stage_probability: float = feature(
        "The source's own win probability of the current stage.",
        unit="ratio",
        driver="stage",
        ge=0,
        le=1,
        reason_high="Sales gives it {value:.0%}",
        reason_low="Sales gives it only {value:.0%}",
        action="Check with the buyer what is missing for the next stage",
    )
    amount: float = feature(
        "Value of the deal in the company's currency.",
        unit="amount",
        driver="amount",
        reason_high="Value of {value:,.0f}",
        reason_low="Value of only {value:,.0f}",
        action="Check that the scope fits the budget of the buyer",
    )
    amount_segment_ratio: float = feature(
        "Value divided by the median value of the deals created in the 365 days before in the same industry "
        "(of all industries where fewer than five are known).",
        unit="ratio",
        driver="amount",
        reason_high="Worth {value:.1f} times the usual deal of the industry",
        reason_low="Worth only {value:.1f} times the usual deal of the industry",
        action="Check that the scope fits the budget of the buyer",
    )
    expected_close_overdue_days: float = feature(
        "Days by which the expected close has passed; negative while it lies ahead.",
        unit="days",
        driver="timing",
        reason_high="Expected close passed {value:.0f} days ago",
        reason_low="Expected close: {value:+.0f} days",
        action="Set a new expected close with the buyer",
    )
    owner_win_ratio: float = feature(
        "Share of the owner's deals closed so far that were won, shrunken to the company's share by ten deals.",
        unit="ratio",
        driver="owner",
        nullable=False,
        ge=0,
        le=1,
    )
    touchpoints_28d_count: float = count(
        "Contacts with the deal's lead or account in the last 28 days.",
        driver="activity",
        reason_high="{value:.0f} contacts in the last four weeks",
        reason_low="Only {value:.0f} contacts in the last four weeks",
        action=GET_IN_TOUCH,
    )
    last_touchpoint_days: float = days(
        "Days since the last contact, up to 365 days back.",
        driver="activity",
        le=365,
        reason_high="Last contact {value:.0f} days ago",
        reason_low="Last contact {value:.0f} days ago",
        reason_missing="No contact in the last year",
        action=GET_IN_TOUCH,
    )
    pipeline: str = category("Sales pipeline.", driver="profile")
    lead_source: str = category(
        "Channel that brought the deal's lead.",
        driver="source",
        reason_low="Came through {value}",
        action="Take up what the channel promised",
    )
    industry: str = category("Industry of the account, else of the lead.", driver="profile")
    region: str = category("Region of the account, else of the lead.", driver="profile")
    is_from_lead: bool = flag(
        "Whether the deal came from a known lead.",
        driver="source",
    )
    has_account: bool = flag(
        "Whether the deal is linked to an account.",
        driver="profile",
        reason_low="Is not linked to an account",
        action="Link the deal to its account",
    )


VIEW = FeatureView(
    name="feat_deal_pipeline",
    entity=DEAL.key,
    schema=DealPipeline,
    max_age=timedelta(days=31),
    owner="sales-operations",
    version=2,
)
