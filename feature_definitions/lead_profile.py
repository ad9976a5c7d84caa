"""Who a lead is and where it came from, with the points of the rule score.

Belongs here: the columns of features.feat_lead_profile. Does not belong here: what the lead did
(`lead_engagement`), apart from the touchpoints that give rule points.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, category, days, feature, flag, key
from feature_definitions.entities import LEAD


class LeadProfile(FeatureTable):
    """One row per open lead and day of scoring."""

    lead_id: str = key("The lead.")
    as_of: pa.DateTime = key("Day of scoring; nothing known later is read.")
    as_of_month: pa.DateTime = key("Month end of that day; the partition.")
    lead_age_days: float = days(
        "Days since the lead was created.",
        driver="speed",
        reason_high="Has been open for {value:.0f} days",
        reason_low="Is only {value:.0f} days old",
        action="Get in touch while the interest is fresh",
    )
    created_month: float = feature(
        "Calendar month of creation, 1 to 12.", unit="month", driver="season", nullable=False, ge=1, le=12
    )
    created_weekday: float = feature(
        "Weekday of creation, 1 (Monday) to 7.", unit="weekday", driver="season", nullable=False, ge=1, le=7
    )
    lead_source: str = category(
        "Channel that brought the lead.",
        driver="source",
        reason_low="Came through {value}",
        action="Take up what the channel promised",
    )
    campaign: str = category(
        "Campaign or landing page.",
        driver="source",
        reason_low="Came from the campaign {value}",
        action="Take up what the campaign promised",
    )
    country: str = category("Country of the lead.", driver="profile")
    region: str = category("Sales region of the lead.", driver="profile")
    industry: str = category(
        "Industry of the lead's company.",
        driver="profile",
        reason_low="Industry is {value}",
        action="Show a reference of the same industry",
    )
    company_size: str = category(
        "Size of the lead's company.",
        driver="profile",
        reason_low="Company size is {value}",
        action="Show a reference of the same size",
    )
    seniority: str = category(
        "Level of the lead's job.",
        driver="role",
        reason_low="Level of the job is {value}",
        action="Speak to what counts at this level",
    )
    job_title: str = category(
        "Job title, lower case.",
        driver="role",
        reason_low="Job title is {value}",
        action="Speak to what counts in this role",
    )
    has_consent: bool = flag(
        "Whether the person agreed to be contacted.",
        driver="consent",
        reason_high="Agreed to be contacted",
        reason_low="Has not agreed to be contacted",
        action="Ask for consent",
    )
    has_account: bool = flag(
        "Whether the lead is linked to an account that exists; sales links it after the contact.",
        driver="sales",
        availability="post_contact",
        reason_high="Is linked to an account",
    )
    source_score: float = feature(
        "The source's own score, from its latest stage event before sales took over (lead or MQL).",
        unit="score",
        driver="source_score",
        reason_high="The source's own score is {value:.0f}",
        reason_low="The source's own score is only {value:.0f}",
        action="Go through what the source knows of the lead",
    )
    rule_score: float = feature(
        "Points by the company's rules: role, size, source, and each kind of touchpoint once; capped to 0 to 200.",
        unit="score",
        driver="rule_score",
        nullable=False,
        ge=0,
        le=200,
        reason_high="Rule score is {value:.0f}",
        reason_low="Rule score is only {value:.0f}",
        action="Treat the lead as the rules say: SQL to sales, MQL to marketing",
    )
    is_rule_sql: bool = flag(
        "Whether the rules call the lead sales-qualified: enough points, or a touchpoint that qualifies at once.",
        driver="rule_score",
        reason_high="The rules call it sales-qualified",
        action="Hand the lead to sales",
    )


VIEW = FeatureView(
    name="feat_lead_profile",
    entity=LEAD.key,
    schema=LeadProfile,
    max_age=timedelta(days=31),
    owner="marketing-operations",
    version=2,
)
