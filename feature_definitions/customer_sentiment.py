"""What a customer answered in surveys, and how that changed.

Belongs here: the columns of features.feat_customer_sentiment. Does not belong here: satisfaction with single
tickets (`customer_support`). NPS answers outside 0 to 10 are data-quality findings and are left out.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, count, days, feature, flag, key
from feature_definitions.entities import CUSTOMER

ASK_WHY = "Call the person who answered and ask why"


class CustomerSentiment(FeatureTable):
    """One row per customer and month end."""

    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end; nothing known later is read.")
    nps_last_score: float = feature(
        "Latest NPS answer of the last 730 days.",
        unit="score",
        driver="sentiment",
        ge=0,
        le=10,
        reason_high="Latest NPS answer is {value:.0f}",
        reason_low="Latest NPS answer is only {value:.0f}",
        reason_missing="Never answered an NPS survey",
        action=ASK_WHY,
    )
    nps_change_score: float = feature(
        "Latest NPS answer minus the one before it.",
        unit="score",
        driver="sentiment",
        ge=-10,
        le=10,
        reason_high="NPS changed by {value:+.0f}",
        reason_low="NPS changed by {value:+.0f}",
        action=ASK_WHY,
    )
    nps_365d_score: float = feature(
        "Mean NPS answer of the last 365 days.",
        unit="score",
        driver="sentiment",
        ge=0,
        le=10,
        reason_high="Mean NPS answer of the year is {value:.1f}",
        reason_low="Mean NPS answer of the year is only {value:.1f}",
        action=ASK_WHY,
    )
    last_nps_days: float = days(
        "Days since the latest NPS answer, up to 730 days back.",
        driver="sentiment",
        le=730,
        reason_high="Last answered a survey {value:.0f} days ago",
        reason_low="Answered a survey {value:.0f} days ago",
        action="Ask for feedback",
    )
    is_detractor: bool = flag(
        "Whether the latest NPS answer is 6 or less.",
        driver="sentiment",
        reason_high="Would not recommend us",
        action=ASK_WHY,
    )
    csat_last_score: float = feature(
        "Latest satisfaction-survey answer of the last 730 days, on the source's scale.",
        unit="score",
        driver="sentiment",
        reason_high="Latest satisfaction answer is {value:.1f}",
        reason_low="Latest satisfaction answer is only {value:.1f}",
        action=ASK_WHY,
    )
    responses_365d_count: float = count(
        "Survey answers in the last 365 days.",
        driver="sentiment",
        reason_high="Answered {value:.0f} surveys in the last year",
        reason_low="Answered only {value:.0f} surveys in the last year",
        action="Ask for feedback",
    )


VIEW = FeatureView(
    name="feat_customer_sentiment",
    entity=CUSTOMER.key,
    schema=CustomerSentiment,
    max_age=timedelta(days=31),
    owner="customer-success",
    version=1,
)
