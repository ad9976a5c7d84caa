"""The source contract: the 13 raw tables that every source lands a subset of, as Pandera models.

Belongs here: what a raw row must look like to be accepted (columns, kinds, what may be null, allowed values) and
what each table and column means. Does not belong here: whether an accepted row is plausible. Negative money, a
score out of range, dates out of order, orphan rows or a stage without a date are facts about the source; they land
and become data-quality findings.
"""

import pandas as pd
import pandera.pandas as pa

from ingestion.contract_fields import RawModel, RawTable, count, currency, day, flag, instant, key, measure, money, text

LEAD_STAGES = ("lead", "mql", "sql", "opportunity", "customer", "retained", "expanded", "churned")
DEAL_OUTCOMES = ("open", "won", "lost")
TRANSACTION_KINDS = ("invoice", "order", "refund")
SURVEY_KINDS = ("nps", "csat")


class Accounts(RawModel):
    """Companies (or, for a shop, buyers) that are or may become customers."""

    account_id: str = key("Identifies the account in its source.")
    name: str = text("Name of the company.")
    domain: str = text("Internet domain, lower case, for example example.com.")
    industry: str = text("Industry as the source names it; the segment of reports.")
    employee_count: pd.Int64Dtype = count("Number of employees.")
    annual_revenue: float = money("Yearly revenue of the account itself, in the company's currency.")
    country: str = text("Country.")
    region: str = text("Sales region, state or province.")
    owner_id: str = key("Person who owns the account.", nullable=True)
    created_at: pa.DateTime = instant("When the account came into being at the source; null when it does not say.")
    is_churned: pd.BooleanDtype = flag(
        "Whether the source itself says that the account has left; null when it does not say.", added_later=True
    )


class Leads(RawModel):
    """Persons (or companies) that showed interest."""

    lead_id: str = key("Identifies the lead in its source.")
    account_id: str = key("Account the lead belongs to, if known.", nullable=True)
    email_hash: str = text("SHA-256 of the lower-case e-mail address; never the address itself.")
    job_title: str = text("Job title.")
    seniority: str = text("Level of the job, for example c_level, director, manager.")
    lead_source: str = text("Channel that brought the lead.")
    campaign: str = text("Campaign or landing page.")
    country: str = text("Country.")
    region: str = text("Sales region.")
    industry: str = text("Industry of the lead's company.")
    company_size: str = text("Size of the lead's company, as a number or a band.")
    created_at: pa.DateTime = instant("When the lead became known.", nullable=False)
    consent: pd.BooleanDtype = flag("Whether the person agreed to be contacted.")


class LeadStageEvents(RawModel):
    """Changes of a lead's lifecycle stage."""

    event_id: str = key("Identifies the change; generated where the source has none.")
    lead_id: str = key("The lead.")
    stage: str = text("Stage entered.", nullable=False, isin=LEAD_STAGES)
    entered_at: pa.DateTime = instant("When the stage was entered; null when the source only sets a flag.")
    actor: str = text("Who or what changed the stage.")
    reason: str = text("Why, as the source says it.")
    source_score: float = measure("The source's own score at that time.")
    is_reached: pd.BooleanDtype = flag(
        "False when the source dates a stage that its own flag denies; null when it has no flag beside the date."
    )


class Touchpoints(RawModel):
    """Interactions with a lead or an account."""

    touchpoint_id: str = key("Identifies the interaction.")
    lead_id: str = key("The lead, if known.", nullable=True)
    account_id: str = key("The account, if known.", nullable=True)
    channel: str = text("Channel, for example email, web, phone.")
    kind: str = text("What happened, for example email_click, demo_request.", nullable=False)
    occurred_at: pa.DateTime = instant("When it happened.", nullable=False)
    properties: str = text("Further facts as JSON text.")


class Deals(RawModel):
    """Sales opportunities."""

    deal_id: str = key("Identifies the deal.")
    account_id: str = key("Account of the deal, if known.", nullable=True)
    lead_id: str = key("Lead the deal came from, if known.", nullable=True)
    name: str = text("Name of the deal.")
    amount: float = money("Value of the deal.")
    currency: str = currency()
    pipeline: str = text("Sales pipeline the deal runs through.")
    owner_id: str = key("Sales person.", nullable=True)
    created_at: pa.DateTime = instant("When the deal was opened.", nullable=False)
    expected_close_on: pa.DateTime = day("Day on which sales expects to close.")
    closed_at: pa.DateTime = instant("When the deal was won or lost.")
    outcome: str = text("State of the deal.", nullable=False, isin=DEAL_OUTCOMES)
    lost_reason: str = text("Why the deal was lost.")


class DealStageEvents(RawModel):
    """Changes of a deal's stage."""

    event_id: str = key("Identifies the change; generated where the source has none.")
    deal_id: str = key("The deal.")
    stage: str = text("Stage entered, as the source names it.", nullable=False)
    entered_at: pa.DateTime = instant("When the stage was entered; null when the source does not say.")
    probability: float = measure("The source's own win probability in that stage, 0 to 1.", ge=0, le=1)


class Subscriptions(RawModel):
    """Contract periods."""

    subscription_id: str = key("Identifies the contract period.")
    account_id: str = key("The account.")
    plan: str = text("Plan or tier.")
    seats: pd.Int64Dtype = count("Seats under contract.")
    mrr: float = money("Monthly recurring revenue.", nullable=False)
    currency: str = currency()
    started_on: pa.DateTime = day("First day of the period.", nullable=False)
    ended_on: pa.DateTime = day("Day on which it ended or will end; null while it runs without an end.")
    renewed_from: str = key("Contract period that this one renews.", nullable=True)
    is_trial: pd.BooleanDtype = flag("Whether the period is a trial.")
    billing_period: str = text("For example monthly, annual.")
    auto_renew: pd.BooleanDtype = flag("Whether it renews by itself.")


class Transactions(RawModel):
    """Invoices, orders and refunds, one row per payment or order total."""

    transaction_id: str = key("Identifies the transaction; generated where the source has none.")
    account_id: str = key("The account.")
    amount: float = money("Amount; refunds are positive with kind refund.", nullable=False)
    currency: str = currency()
    kind: str = text("What it is.", nullable=False, isin=TRANSACTION_KINDS)
    occurred_at: pa.DateTime = instant("When it was issued or ordered.", nullable=False)
    paid_at: pa.DateTime = instant("When it was paid.")


class ProductUsage(RawModel):
    """Use of the product by account, day and feature."""

    usage_id: str = key("Identifies the row; generated where the source has none.")
    account_id: str = key("The account.")
    subscription_id: str = key("The contract period it was used under, if known.", nullable=True)
    used_on: pa.DateTime = day("Day of use.", nullable=False)
    feature: str = text("Feature used.")
    active_users: pd.Int64Dtype = count("Persons active that day.")
    events: pd.Int64Dtype = count("Actions counted that day.")
    minutes: float = measure("Minutes of use that day.", ge=0)
    errors: pd.Int64Dtype = count("Errors met that day.")


class SupportTickets(RawModel):
    """Requests to support."""

    ticket_id: str = key("Identifies the ticket.")
    account_id: str = key("The account.")
    priority: str = text("Priority as the source names it.")
    opened_at: pa.DateTime = instant("When it was opened.", nullable=False)
    first_response_at: pa.DateTime = instant("When support first answered.")
    resolved_at: pa.DateTime = instant("When it was resolved.")
    escalated: pd.BooleanDtype = flag("Whether it was escalated.")
    csat: float = measure("Satisfaction given after it, on the source's scale.")


class SurveyResponses(RawModel):
    """Answers to surveys."""

    response_id: str = key("Identifies the answer.")
    account_id: str = key("The account.")
    kind: str = text("Survey.", nullable=False, isin=SURVEY_KINDS)
    score: float = measure("Score given; nps is 0 to 10.", nullable=False)
    responded_at: pa.DateTime = instant("When it was answered.", nullable=False)
    comment: str = text("Free text.")


class MarketingSpend(RawModel):
    """What was spent on a channel in a month."""

    spend_id: str = key("Identifies the row; generated where the source has none.")
    month: pa.DateTime = day("First day of the month.", nullable=False)
    channel: str = text("Channel, in the words of the leads' lead_source.", nullable=False)
    amount: float = money("Amount spent.", nullable=False)
    currency: str = currency()


class AccountActions(RawModel):
    """What was done for an account, and which accounts were held out."""

    action_id: str = key("Identifies the action.")
    account_id: str = key("The account.")
    kind: str = text("What was done.", nullable=False)
    assigned_to: str = key("Person who did it.", nullable=True)
    started_at: pa.DateTime = instant("When it began.", nullable=False)
    outcome: str = text("What came of it.")
    holdout: pd.BooleanDtype = flag("True when the account was deliberately left alone for comparison.")


TABLES: dict[str, RawTable] = {
    table.name: table
    for table in (
        RawTable("accounts", "one account", "account_id", "created_at", Accounts),
        RawTable("leads", "one lead", "lead_id", "created_at", Leads),
        RawTable("lead_stage_events", "one change of a lead's stage", "event_id", "entered_at", LeadStageEvents),
        RawTable("touchpoints", "one interaction", "touchpoint_id", "occurred_at", Touchpoints),
        RawTable("deals", "one deal", "deal_id", "created_at", Deals),
        RawTable("deal_stage_events", "one change of a deal's stage", "event_id", "entered_at", DealStageEvents),
        RawTable("subscriptions", "one contract period", "subscription_id", "started_on", Subscriptions),
        RawTable("transactions", "one transaction", "transaction_id", "occurred_at", Transactions),
        RawTable("product_usage", "one account, day and feature", "usage_id", "used_on", ProductUsage),
        RawTable("support_tickets", "one ticket", "ticket_id", "opened_at", SupportTickets),
        RawTable("survey_responses", "one answer", "response_id", "responded_at", SurveyResponses),
        RawTable("marketing_spend", "one month and channel", "spend_id", "month", MarketingSpend),
        RawTable("account_actions", "one action", "action_id", "started_at", AccountActions),
    )
}
