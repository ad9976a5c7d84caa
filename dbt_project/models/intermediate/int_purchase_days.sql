with transactions as (
    select * from {{ ref('int_transactions_signed') }}
),

purchases as (
    select * from transactions
    where is_purchase
),

final as (
    select
        account_id,
        occurred_on as purchased_on,
        cast(sum(revenue_amount) as decimal(18, 2)) as amount,
        count(*) as transactions_count
    from purchases
    group by account_id, occurred_on
)

select * from final
