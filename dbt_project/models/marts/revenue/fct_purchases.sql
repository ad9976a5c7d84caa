with purchases as (
    select * from {{ ref('int_purchase_days') }}
),

transactions as (
    select * from {{ ref('int_transactions_signed') }}
),

timeline as (
    select account_id, purchased_on as happened_on, purchased_on, 0 as refunded_amount
    from purchases
    union all
    select account_id, occurred_on as happened_on, null as purchased_on, -revenue_amount as refunded_amount
    from transactions
    where is_refund
),

attributed as (
    select
        account_id,
        refunded_amount,
        max(purchased_on) over (
            partition by account_id order by happened_on
            range between unbounded preceding and current row
        ) as purchased_on
    from timeline
),

refunds as (
    select
        account_id,
        purchased_on,
        cast(sum(refunded_amount) as decimal(18, 2)) as refunded_amount
    from attributed
    group by account_id, purchased_on
),

final as (
    select
        purchases.account_id,
        purchases.purchased_on,
        purchases.amount,
        refunds.refunded_amount,
        purchases.transactions_count
    from purchases
    inner join refunds
        on purchases.account_id = refunds.account_id
        and purchases.purchased_on = refunds.purchased_on
)

select * from final
