"""What a customer bought and how it pays: recency, frequency, money, refunds and delays.

Belongs here: the columns of features.feat_customer_payments, for invoices as for orders. A purchase is a day with a
positive invoice or order; refunds are counted apart. Does not belong here: recurring revenue (`customer_contract`).
In the notation of BG/NBD: x = purchases_count - 1, T = customer_age_days, t_x = customer_age_days - recency_days.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, count, days, feature, key
from feature_definitions.entities import CUSTOMER

WIN_BACK = "Make an offer that fits the last purchase"
DUN = "Clear the open invoice with accounting"


class CustomerPayments(FeatureTable):
    """One row per customer and month end."""

    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end; nothing known later is read.")
    purchases_count: float = count(
        "Days with a purchase so far; the repeat frequency is one less.",
        driver="purchases",
        reason_high="Has bought {value:.0f} times",
        reason_low="Has bought only {value:.0f} times",
        action=WIN_BACK,
    )
    recency_days: float = days(
        "Days since the last purchase.",
        driver="purchases",
        reason_high="Last invoice or order was {value:.0f} days ago",
        reason_low="Last invoice or order was {value:.0f} days ago",
        reason_missing="Nothing has been invoiced or ordered yet",
        action=WIN_BACK,
    )
    customer_age_days: float = days(
        "Days since the first purchase.",
        driver="tenure",
    )
    purchase_gap_days: float = days(
        "Mean days between purchases so far.",
        driver="purchases",
        reason_high="Buys every {value:.0f} days",
        reason_low="Buys every {value:.0f} days",
        action="Remind the customer when the next purchase is due",
    )
    recency_gap_ratio: float = feature(
        "Days since the last purchase divided by the mean days between purchases.",
        unit="ratio",
        driver="purchases",
        ge=0,
        reason_high="Next purchase is late: {value:.1f} times the usual gap",
        reason_low="Within the usual rhythm of purchases",
        action=WIN_BACK,
    )
    purchases_90d_count: float = count(
        "Days with a purchase in the last 90 days.",
        driver="purchases",
        le=90,
        reason_high="Bought {value:.0f} times in the last 90 days",
        reason_low="Bought only {value:.0f} times in the last 90 days",
        action=WIN_BACK,
    )
    mean_amount: float = feature(
        "Mean amount of a purchase day so far, in the company's currency.",
        unit="amount",
        driver="revenue",
        ge=0,
        reason_high="Spends {value:,.0f} a purchase",
        reason_low="Spends only {value:,.0f} a purchase",
        action="Offer what goes with the last purchases",
    )
    revenue_90d_amount: float = feature(
        "Amount bought in the last 90 days in the company's currency, refunds not deducted.",
        unit="amount",
        driver="revenue",
        nullable=False,
        ge=0,
        reason_high="Bought for {value:,.0f} in the last 90 days",
        reason_low="Bought for only {value:,.0f} in the last 90 days",
        action=WIN_BACK,
    )
    revenue_365d_amount: float = feature(
        "Amount bought in the last 365 days in the company's currency, refunds not deducted.",
        unit="amount",
        driver="revenue",
        nullable=False,
        ge=0,
        reason_high="Bought for {value:,.0f} in the last year",
        reason_low="Bought for only {value:,.0f} in the last year",
        action=WIN_BACK,
    )
    revenue_90d_trend_ratio: float = feature(
        "Amount bought in the last 90 days divided by that of the 90 days before.",
        unit="ratio",
        driver="revenue",
        ge=0,
        reason_high="Spending is at {value:.0%} of the previous quarter",
        reason_low="Spending fell to {value:.0%} of the previous quarter",
        action=WIN_BACK,
    )
    refunds_365d_count: float = count(
        "Refunds in the last 365 days.",
        driver="refunds",
        reason_high="{value:.0f} refunds in the last year",
        reason_low="{value:.0f} refunds in the last year",
        action="Find out what was sent back and why",
    )
    payment_delay_180d_days: float = days(
        "Mean days from an invoice to its payment, invoices of the last 180 days paid so far.",
        driver="payment_delay",
        reason_high="Pays {value:.0f} days after the invoice",
        reason_low="Pays {value:.0f} days after the invoice",
        action=DUN,
    )
    unpaid_invoices_count: float = count(
        "Invoices of the last 365 days unpaid for more than 30 days; zero where the source records no payment.",
        driver="payment_delay",
        reason_high="{value:.0f} invoices are unpaid for more than 30 days",
        reason_low="{value:.0f} invoices are unpaid for more than 30 days",
        action=DUN,
    )


VIEW = FeatureView(
    name="feat_customer_payments",
    entity=CUSTOMER.key,
    schema=CustomerPayments,
    max_age=timedelta(days=31),
    owner="finance",
    version=2,
)
