"""What a customer asked of support, how long it took, and how closely the customer was looked after.

Belongs here: the columns of features.feat_customer_support: tickets, actions of ours, contacts with the account.
Does not belong here: surveys (`customer_sentiment`). What support adds to a ticket later (resolution, satisfaction,
escalation) counts from the day of the resolution on.
"""

from datetime import timedelta

import pandera.pandas as pa

from feature_definitions.base import FeatureTable, FeatureView, count, days, feature, key
from feature_definitions.entities import CUSTOMER

CLEAR_TICKETS = "Clear the open tickets and say when the rest will be done"
GET_IN_TOUCH = "Get in touch with the account"


class CustomerSupport(FeatureTable):
    """One row per customer and month end."""

    account_id: str = key("The customer.")
    as_of: pa.DateTime = key("Month end; nothing known later is read.")
    tickets_30d_count: float = count(
        "Tickets opened in the last 30 days.",
        driver="support_load",
        reason_high="{value:.0f} tickets in the last 30 days",
        reason_low="Only {value:.0f} tickets in the last 30 days",
        action=CLEAR_TICKETS,
    )
    tickets_90d_count: float = count(
        "Tickets opened in the last 90 days.",
        driver="support_load",
        reason_high="{value:.0f} tickets in the last 90 days",
        reason_low="Only {value:.0f} tickets in the last 90 days",
        action=CLEAR_TICKETS,
    )
    tickets_90d_trend_ratio: float = feature(
        "Tickets opened in the last 90 days divided by those in the 90 days before.",
        unit="ratio",
        driver="support_load",
        ge=0,
        reason_high="Tickets rose to {value:.0%} of the quarter before",
        reason_low="Tickets are at {value:.0%} of the quarter before",
        action=CLEAR_TICKETS,
    )
    escalated_90d_count: float = count(
        "Tickets opened in the last 90 days and resolved since that had been escalated.",
        driver="support_load",
        reason_high="{value:.0f} escalated tickets in the last 90 days",
        reason_low="{value:.0f} escalated tickets in the last 90 days",
        action="Have a manager follow up on the escalation",
    )
    open_tickets_count: float = count(
        "Tickets opened in the last 365 days that are not resolved.",
        driver="support_load",
        reason_high="{value:.0f} tickets are open",
        reason_low="{value:.0f} tickets are open",
        action=CLEAR_TICKETS,
    )
    oldest_open_ticket_days: float = days(
        "Age of the oldest of these open tickets.",
        driver="support_delay",
        reason_high="A ticket has been open for {value:.0f} days",
        reason_low="The oldest open ticket is {value:.0f} days old",
        action=CLEAR_TICKETS,
    )
    first_response_90d_hours: float = feature(
        "Mean hours from opening to the first answer, tickets of the last 90 days.",
        unit="hours",
        driver="support_delay",
        ge=0,
        reason_high="First answers took {value:.0f} hours",
        reason_low="First answers took only {value:.0f} hours",
        action="Answer this customer first",
    )
    resolution_90d_hours: float = feature(
        "Mean hours from opening to resolution, tickets of the last 90 days.",
        unit="hours",
        driver="support_delay",
        ge=0,
        reason_high="Tickets took {value:.0f} hours to resolve",
        reason_low="Tickets took only {value:.0f} hours to resolve",
        action=CLEAR_TICKETS,
    )
    csat_180d_score: float = feature(
        "Mean satisfaction given on resolved tickets of the last 180 days, on the source's scale.",
        unit="score",
        driver="sentiment",
        reason_high="Rated support {value:.1f}",
        reason_low="Rated support only {value:.1f}",
        action="Ask about the tickets that were rated badly",
    )
    last_ticket_days: float = days(
        "Days since the last ticket was opened, up to 365 days back.",
        driver="support_load",
        le=365,
        reason_high="Last ticket {value:.0f} days ago",
        reason_low="Last ticket {value:.0f} days ago",
        reason_missing="No ticket in the last year",
        action="Ask how the last ticket went",
    )
    actions_90d_count: float = count(
        "Things done for the account in the last 90 days; accounts held out for comparison have none.",
        driver="care",
        reason_high="{value:.0f} actions of ours in the last 90 days",
        reason_low="Only {value:.0f} actions of ours in the last 90 days",
        action=GET_IN_TOUCH,
    )
    touchpoints_90d_count: float = count(
        "Contacts with persons of the account in the last 90 days.",
        driver="care",
        reason_high="{value:.0f} contacts in the last 90 days",
        reason_low="Only {value:.0f} contacts in the last 90 days",
        action=GET_IN_TOUCH,
    )
    last_contact_days: float = days(
        "Days since the last action or contact, up to 365 days back.",
        driver="care",
        le=365,
        reason_high="Last contact {value:.0f} days ago",
        reason_low="Last contact {value:.0f} days ago",
        reason_missing="No contact in the last year",
        action=GET_IN_TOUCH,
    )


VIEW = FeatureView(
    name="feat_customer_support",
    entity=CUSTOMER.key,
    schema=CustomerSupport,
    max_age=timedelta(days=31),
    owner="customer-success",
    version=1,
)
