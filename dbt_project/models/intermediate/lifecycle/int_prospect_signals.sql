{# What can change the stage of an account that has no spell yet; what has no day cannot be placed. A deal that was
   closed on an unknown day, or before it was created, was never open as far as anyone can tell. #}
with accounts as (
    select * from {{ ref('int_accounts_known') }}
),

subscriptions as (
    select * from {{ ref('stg_raw__subscriptions') }}
    where {{ is_newest() }}
),

transactions as (
    select * from {{ ref('int_transactions_signed') }}
),

entries as (
    select * from {{ ref('int_lead_stage_entries') }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
    where account_id is not null
),

deals as (
    select * from {{ ref('int_deals_enriched') }}
    where account_id is not null
),

first_days as (
    select * from {{ ref('int_account_first_days') }}
),

open_deals as (
    select * from deals
    where is_open or closed_on >= created_on
),

account_entries as (
    select
        lead_accounts.account_id,
        entries.stage,
        entries.entered_on
    from entries
    inner join lead_accounts on entries.lead_id = lead_accounts.lead_id
),

final as (
    select account_id, 'known' as signal, cast(null as varchar) as stage, 0 as amount, created_on as happened_on
    from accounts
    union all
    select account_id, 'known', null, 0, started_on from subscriptions
    union all
    select account_id, 'known', null, 0, occurred_on from transactions
    union all
    select account_id, 'known', null, 0, created_on from deals
    union all
    select account_id, 'stage', stage, 0, entered_on from account_entries
    union all
    select account_id, 'deals', null, 1, created_on from open_deals
    union all
    select account_id, 'deals', null, -1, closed_on from open_deals
    union all
    select account_id, 'customer', null, 0, first_customer_on from first_days
)

select * from final
