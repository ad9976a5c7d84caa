{{ config(materialized='view') }}

with transactions as (
    select * from {{ ref('stg_raw__transactions') }}
),

rates as (
    select * from {{ ref('int_exchange_rates') }}
),

final as (
    select
        transactions.transaction_id,
        transactions.account_id,
        {{ in_company_currency('transactions.amount') }} as amount,
        transactions.amount as given_amount,
        transactions.currency,
        transactions.kind,
        transactions.occurred_at,
        transactions.paid_at,
        transactions.source,
        transactions.known_at,
        transactions.occurred_on,
        transactions.paid_on,
        transactions.known_on,
        transactions.superseded_on
    from transactions
    left join rates
        on {{ rate_currency('transactions.currency') }} = rates.currency
        and {{ month_start('transactions.occurred_on') }} = rates.month_start
)

select * from final
