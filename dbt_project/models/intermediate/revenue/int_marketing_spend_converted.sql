{{ config(materialized='view') }}

with marketing_spend as (
    select * from {{ ref('stg_raw__marketing_spend') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

final as (
    select
        marketing_spend.spend_id,
        marketing_spend.month,
        marketing_spend.channel,
        {{ in_company_currency('marketing_spend.amount') }} as amount,
        marketing_spend.amount as given_amount,
        marketing_spend.currency,
        marketing_spend.source,
        marketing_spend.known_at,
        marketing_spend.known_on,
        marketing_spend.superseded_on
    from marketing_spend
    left join rates
        on {{ rate_currency('marketing_spend.currency') }} = rates.currency
        and {{ month_start('marketing_spend.month') }} = rates.month_start
)

select * from final
