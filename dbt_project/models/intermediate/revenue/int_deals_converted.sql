{{ config(materialized='view') }}

with deals as (
    select * from {{ ref('stg_raw__deals') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

final as (
    select
        deals.deal_id,
        deals.account_id,
        deals.lead_id,
        deals.name,
        {{ in_company_currency('deals.amount') }} as amount,
        deals.amount as given_amount,
        deals.currency,
        deals.pipeline,
        deals.owner_id,
        deals.created_at,
        deals.expected_close_on,
        deals.closed_at,
        deals.outcome,
        deals.lost_reason,
        deals.source,
        deals.known_at,
        deals.created_on,
        deals.closed_on,
        deals.known_on,
        deals.superseded_on
    from deals
    left join rates
        on {{ rate_currency('deals.currency') }} = rates.currency
        and {{ month_start('deals.created_on') }} = rates.month_start
)

select * from final
