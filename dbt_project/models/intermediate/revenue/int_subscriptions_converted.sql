{{ config(materialized='view') }}

with subscriptions as (
    select * from {{ ref('stg_raw__subscriptions') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

final as (
    select
        subscriptions.subscription_id,
        subscriptions.account_id,
        subscriptions.plan,
        subscriptions.seats,
        {{ in_company_currency('subscriptions.mrr') }} as mrr,
        subscriptions.mrr as given_mrr,
        subscriptions.currency,
        subscriptions.started_on,
        subscriptions.ended_on,
        subscriptions.renewed_from,
        subscriptions.is_trial,
        subscriptions.billing_period,
        subscriptions.auto_renew,
        subscriptions.source,
        subscriptions.known_at,
        subscriptions.known_on,
        subscriptions.superseded_on
    from subscriptions
    left join rates
        on {{ rate_currency('subscriptions.currency') }} = rates.currency
        and {{ month_start('subscriptions.started_on') }} = rates.month_start
)

select * from final
