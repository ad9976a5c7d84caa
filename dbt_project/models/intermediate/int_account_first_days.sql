{# First customer day: the earliest of a won deal, a paid subscription, a paid transaction and a stage event. #}
with deals as (
    select * from {{ ref('int_deals_enriched') }}
    where is_won and account_id is not null
),

periods as (
    select * from {{ ref('int_subscription_periods') }}
),

purchases as (
    select * from {{ ref('int_purchase_days') }}
),

stage_events as (
    select * from {{ ref('int_lead_stage_entries') }}
    where stage = 'customer'
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
    where account_id is not null
),

days as (
    select account_id, closed_on as customer_on from deals
    union all
    select account_id, started_on as customer_on from periods
    union all
    select account_id, purchased_on as customer_on from purchases
    union all
    select lead_accounts.account_id, stage_events.entered_on as customer_on
    from stage_events
    inner join lead_accounts on stage_events.lead_id = lead_accounts.lead_id
),

final as (
    select
        account_id,
        min(customer_on) as first_customer_on
    from days
    group by account_id
)

select * from final
