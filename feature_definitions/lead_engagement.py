"""What a lead did so far and how far it came.

Belongs here: the columns of features.feat_lead_engagement. Does not belong here: who the lead is (`lead_profile`).
`touchpoints_*`, `channels_count` and `last_touchpoint_days` leave out the contacts with sales (calls, meetings,
demos, consultations); these have columns of their own that no model reads which scores before the contact.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, category, count, days, flag, key
from feature_definitions.entities import LEAD

FOLLOW_UP = "Follow up on what the lead looked at"
REAWAKEN = "Send something new; the lead has gone quiet"


class LeadEngagement(FeatureTable):
    """One row per open lead and day of scoring."""

    lead_id: str = key("The lead.")
    as_of: pa.DateTime = key("Day of scoring; nothing known later is read.")
    as_of_month: pa.DateTime = key("Month end of that day; the partition.")
    touchpoints_count: float = count(
        "Touchpoints so far.",
        driver="engagement",
        reason_high="{value:.0f} touchpoints so far",
        reason_low="Only {value:.0f} touchpoints so far",
        action=FOLLOW_UP,
    )
    touchpoints_7d_count: float = count(
        "Touchpoints in the last 7 days.",
        driver="engagement",
        reason_high="{value:.0f} touchpoints in the last week",
        reason_low="Only {value:.0f} touchpoints in the last week",
        action=FOLLOW_UP,
    )
    touchpoints_28d_count: float = count(
        "Touchpoints in the last 28 days.",
        driver="engagement",
        reason_high="{value:.0f} touchpoints in the last four weeks",
        reason_low="Only {value:.0f} touchpoints in the last four weeks",
        action=FOLLOW_UP,
    )
    last_touchpoint_days: float = days(
        "Days since the last touchpoint.",
        driver="engagement",
        reason_high="Last touchpoint {value:.0f} days ago",
        reason_low="Last touchpoint {value:.0f} days ago",
        reason_missing="No touchpoint so far",
        action=REAWAKEN,
    )
    active_days_count: float = count(
        "Different days with a touchpoint.",
        driver="engagement",
        reason_high="Active on {value:.0f} days",
        reason_low="Active on only {value:.0f} days",
        action=REAWAKEN,
    )
    channels_count: float = count(
        "Different channels used.",
        driver="engagement",
        reason_high="Came back through {value:.0f} channels",
        reason_low="Known through only {value:.0f} channel(s)",
        action="Answer in the channel the lead used last",
    )
    email_opens_count: float = count(
        "E-mails opened.",
        driver="email",
        reason_high="Opened {value:.0f} e-mails",
        action="Follow up on what the lead looked at",
    )
    email_clicks_count: float = count(
        "Links in e-mails clicked.",
        driver="email",
        reason_high="Clicked in {value:.0f} e-mails",
        reason_low="Clicked in only {value:.0f} e-mails",
        action=FOLLOW_UP,
    )
    page_views_count: float = count(
        "Pages viewed.",
        driver="content",
        reason_high="Viewed {value:.0f} pages",
        reason_low="Viewed only {value:.0f} pages",
        action=FOLLOW_UP,
    )
    content_downloads_count: float = count(
        "Documents downloaded.",
        driver="content",
        reason_high="Downloaded {value:.0f} documents",
        reason_low="Downloaded only {value:.0f} documents",
        action=FOLLOW_UP,
    )
    webinars_count: float = count(
        "Webinars and events attended.",
        driver="content",
        reason_high="Attended {value:.0f} webinars or events",
        reason_low="Attended only {value:.0f} webinars or events",
        action="Invite to the next webinar",
    )
    is_mql: bool = flag(
        "Whether the lead has become marketing-qualified.",
        driver="stage",
        reason_high="Is marketing-qualified",
        reason_low="Is not marketing-qualified yet",
        action="Hand a qualified lead to sales; send the others something to qualify with",
    )
    mql_after_days: float = days(
        "Days from creation to marketing qualification.",
        driver="speed",
        reason_high="Took {value:.0f} days to become marketing-qualified",
        reason_low="Became marketing-qualified within {value:.0f} days",
        action="Contact leads that qualify quickly first",
    )
    current_stage: str = category(
        "Furthest stage reached.",
        driver="stage",
        availability="post_contact",
        reason_low="Has reached the stage {value}",
    )
    calls_count: float = count(
        "Calls so far.", driver="sales", availability="post_contact", reason_high="{value:.0f} calls so far"
    )
    meetings_count: float = count(
        "Meetings so far.", driver="sales", availability="post_contact", reason_high="{value:.0f} meetings so far"
    )
    demos_count: float = count(
        "Demos asked for and consultations booked.",
        driver="sales",
        availability="post_contact",
        reason_high="Asked for {value:.0f} demos or consultations",
    )
    has_deal: bool = flag(
        "Whether sales has opened a deal.",
        driver="sales",
        availability="post_contact",
        reason_high="Sales has opened a deal",
    )


VIEW = FeatureView(
    name="feat_lead_engagement",
    entity=LEAD.key,
    schema=LeadEngagement,
    max_age=timedelta(days=31),
    owner="marketing-operations",
    version=2,
)
