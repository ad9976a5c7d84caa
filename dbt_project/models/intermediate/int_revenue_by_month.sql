with mrr as (
    select * from {{ ref('int_mrr_by_month') }}
),

transactions as (
    select * from {{ ref('int_transactions_signed') }}
),

customers as (
    select * from {{ ref('int_customers_by_month') }}
),

figures as (
    select account_id, month_start, mrr, 0 as revenue_amount, 0 as customers_count
    from mrr
    union all
    select account_id, {{ month_start('occurred_on') }} as month_start, 0 as mrr, revenue_amount, 0 as customers_count
    from transactions
    union all
    select account_id, month_start, 0 as mrr, 0 as revenue_amount, 1 as customers_count
    from customers
),

final as (
    select
        account_id,
        month_start,
        cast(sum(mrr) as decimal(18, 2)) as mrr,
        cast(sum(revenue_amount) as decimal(18, 2)) as revenue_amount,
        sum(customers_count) > 0 as is_customer
    from figures
    group by account_id, month_start
)

select * from final
