"""What a customer has signed: tenure, plan, seats, money, their changes, and the day on which it renews.

Belongs here: the columns of features.feat_customer_contract. Does not belong here: what was invoiced or ordered
(`customer_payments`). A company without subscriptions has tenure and profile only.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, category, count, days, feature, flag, key
from feature_definitions.entities import CUSTOMER


class CustomerContract(FeatureTable):
    """One row per customer and month end."""

    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end; nothing known later is read.")
    region: str = category("Sales region of the account.", driver="profile")
    industry: str = category("Industry of the account.", driver="profile")
    employee_count: float = feature(
        "Employees of the account.",
        unit="count",
        driver="profile",
    )
    tenure_days: float = feature(
        "Days since the account first became a customer (first paid subscription or first purchase).",
        unit="days",
        driver="tenure",
        nullable=False,
        ge=0,
        reason_high="Customer for {value:,.0f} days",
        reason_low="Customer for only {value:,.0f} days",
        action="Check that onboarding reached its goals",
    )
    is_returned: bool = flag(
        "Whether the customer had left (for longer than the grace period or the inactivity window) and came back.",
        driver="tenure",
        reason_high="Came back after having left",
        reason_low="Has never left before",
        action="Ask what made them leave the first time, and whether it is mended",
    )
    plan: str = category(
        "Plan of the largest active subscription.",
        driver="contract",
        reason_low="Is on the plan {value}",
        action="Check that the plan fits what the customer uses",
    )
    billing_period: str = category(
        "Billing period of the largest active subscription.",
        driver="contract",
        reason_low="Pays {value}",
        action="Offer a longer term",
    )
    has_auto_renew: bool = flag(
        "Whether every active subscription renews by itself.",
        driver="contract",
        reason_high="Contract renews by itself",
        reason_low="Contract does not renew by itself",
        action="Agree the renewal before the contract ends",
    )
    has_had_trial: bool = flag(
        "Whether the account ever had a trial.",
        driver="contract",
    )
    subscriptions_count: float = count(
        "Active paid subscriptions.",
        driver="contract",
        reason_high="Has {value:.0f} subscriptions",
        reason_low="Has only {value:.0f} subscription(s)",
        action="Show what the other products would add",
    )
    renewals_count: float = count(
        "Contract periods that renewed an earlier one.",
        driver="tenure",
    )
    seats_count: float = feature(
        "Seats under contract.",
        unit="count",
        driver="contract",
        ge=0,
        reason_high="Has {value:,.0f} seats",
        reason_low="Has only {value:,.0f} seats",
        action="Find out which other teams could use the product",
    )
    mrr_amount: float = feature(
        "Monthly recurring revenue of the active paid subscriptions, in the company's currency.",
        unit="amount",
        driver="contract",
        ge=0,
        reason_high="Pays {value:,.0f} a month",
        reason_low="Pays only {value:,.0f} a month",
        action="Go through what the customer gets for the price",
    )
    mrr_per_seat_amount: float = feature(
        "Monthly recurring revenue per seat.",
        unit="amount",
        driver="price",
        ge=0,
        reason_high="Pays {value:,.0f} per seat and month",
        reason_low="Pays only {value:,.0f} per seat and month",
        action="Go through what the customer gets for the price",
    )
    renewal_due_days: float = days(
        "Days to the next renewal: the next anniversary of a subscription by its billing period.",
        driver="renewal",
        reason_high="Next renewal is {value:.0f} days away",
        reason_low="Renewal is due in {value:.0f} days",
        action="Talk about the renewal now",
    )
    mrr_90d_trend_ratio: float = feature(
        "Monthly recurring revenue divided by that of 90 days before, as it was known then.",
        unit="ratio",
        driver="contract",
        ge=0,
        reason_high="Monthly revenue is at {value:.0%} of 90 days ago",
        reason_low="Monthly revenue is at {value:.0%} of 90 days ago",
        action="Ask what changed since the contract was altered",
    )
    seats_90d_trend_ratio: float = feature(
        "Seats divided by those of 90 days before, as they were known then.",
        unit="ratio",
        driver="contract",
        ge=0,
        reason_high="Seats are at {value:.0%} of 90 days ago",
        reason_low="Seats are at {value:.0%} of 90 days ago",
        action="Find out which team stopped using its seats",
    )
    price_180d_trend_ratio: float = feature(
        "Revenue per seat divided by that of 180 days before, as it was known then.",
        unit="ratio",
        driver="price",
        ge=0,
        reason_high="Price per seat is at {value:.0%} of half a year ago",
        reason_low="Price per seat is at {value:.0%} of half a year ago",
        action="Explain the price change and offer a longer term",
    )


VIEW = FeatureView(
    name="feat_customer_contract",
    entity=CUSTOMER.key,
    schema=CustomerContract,
    max_age=timedelta(days=31),
    owner="customer-success",
    version=2,
)
