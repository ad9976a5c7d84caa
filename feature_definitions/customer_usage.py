"""How much, how broadly and how lately a customer uses the product.

Belongs here: the columns of features.feat_customer_usage. Does not belong here: seats under contract
(`customer_contract`). A company without usage data has zero counts and null ratios.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, count, days, feature, key
from feature_definitions.entities import CUSTOMER

TRAIN_USERS = "Offer a training on what the team does not use yet"
CALL_USERS = "Ask the main users what keeps them away"


class CustomerUsage(FeatureTable):
    """One row per customer and month end."""

    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end; nothing known later is read.")
    events_28d_count: float = count(
        "Actions in the last 28 days.",
        driver="usage",
        reason_high="{value:,.0f} actions in the last four weeks",
        reason_low="Only {value:,.0f} actions in the last four weeks",
        action=CALL_USERS,
    )
    minutes_28d_count: float = count(
        "Minutes of use in the last 28 days.",
        driver="usage",
        reason_high="{value:,.0f} minutes of use in the last four weeks",
        reason_low="Only {value:,.0f} minutes of use in the last four weeks",
        action=CALL_USERS,
    )
    active_days_28d_count: float = count(
        "Days with use in the last 28 days.",
        driver="usage",
        le=28,
        reason_high="Used on {value:.0f} of the last 28 days",
        reason_low="Used on only {value:.0f} of the last 28 days",
        action=CALL_USERS,
    )
    features_28d_count: float = count(
        "Different product features used in the last 28 days.",
        driver="usage_breadth",
        reason_high="Uses {value:.0f} different features",
        reason_low="Uses only {value:.0f} different features",
        action=TRAIN_USERS,
    )
    users_28d_count: float = count(
        "Highest number of persons active on one day of the last 28.",
        driver="usage_breadth",
        reason_high="Up to {value:,.0f} persons use it on one day",
        reason_low="Only {value:,.0f} persons use it on one day",
        action=TRAIN_USERS,
    )
    users_per_seat_28d_ratio: float = feature(
        "Highest daily number of active persons in 28 days divided by the seats under contract.",
        unit="ratio",
        driver="usage_breadth",
        ge=0,
        reason_high="{value:.0%} of the seats are in use",
        reason_low="Only {value:.0%} of the seats are in use",
        action=TRAIN_USERS,
    )
    usage_28d_trend_ratio: float = feature(
        "Actions in the last 28 days divided by those in the 28 days before.",
        unit="ratio",
        driver="usage_trend",
        ge=0,
        reason_high="Usage is at {value:.0%} of the previous four weeks",
        reason_low="Usage fell to {value:.0%} of the previous four weeks",
        action=CALL_USERS,
    )
    usage_90d_trend_ratio: float = feature(
        "Actions in the last 90 days divided by those in the 90 days before.",
        unit="ratio",
        driver="usage_trend",
        ge=0,
        reason_high="Usage is at {value:.0%} of the previous quarter",
        reason_low="Usage fell to {value:.0%} of the previous quarter",
        action=CALL_USERS,
    )
    errors_28d_ratio: float = feature(
        "Errors divided by actions in the last 28 days.",
        unit="ratio",
        driver="usage_errors",
        ge=0,
        reason_high="{value:.1%} of the actions ended in an error",
        reason_low="Only {value:.1%} of the actions ended in an error",
        action="Have the most frequent error looked at",
    )
    last_usage_days: float = days(
        "Days since the last use, up to 180 days back.",
        driver="usage",
        le=180,
        reason_high="Last used {value:.0f} days ago",
        reason_low="Last used {value:.0f} days ago",
        reason_missing="Not used in the last 180 days",
        action=CALL_USERS,
    )


VIEW = FeatureView(
    name="feat_customer_usage",
    entity=CUSTOMER.key,
    schema=CustomerUsage,
    max_age=timedelta(days=31),
    owner="customer-success",
    version=1,
)
