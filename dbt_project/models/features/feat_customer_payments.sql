{{ config(unique_key='as_of', pre_hook="{{ clear_months('as_of') }}") }}

with customers as (
    select * from {{ ref('int_customer_as_of') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

transactions as (
    select * from {{ ref('stg_raw__transactions') }}
),

first_payment as (
    select min(paid_on) as first_paid_on
    from transactions
    where kind = 'invoice'
),

amounts as (
    select
        account_id,
        occurred_on,
        known_on,
        superseded_on,
        sum(amount) as amount
    from transactions
    where kind <> 'refund' and amount > 0
    group by account_id, occurred_on, known_on, superseded_on
),

purchase_days as (
    select
        amounts.account_id,
        as_of_dates.as_of,
        amounts.occurred_on,
        cast(sum(amounts.amount) as double) as amount
    from amounts
    inner join as_of_dates
        on amounts.occurred_on <= as_of_dates.as_of
        and {{ known_as_of('amounts', 'as_of_dates.as_of') }}
    group by amounts.account_id, as_of_dates.as_of, amounts.occurred_on
),

purchases as (
    select
        account_id,
        as_of,
        count(*) as purchases,
        min(occurred_on) as first_on,
        max(occurred_on) as last_on,
        cast(sum(cast(amount as decimal(38, 2))) as double) as amount,
        {{ sum_within('1', 'occurred_on', 'as_of', 90) }} as purchases_90d,
        {{ sum_within('cast(amount as decimal(38, 2))', 'occurred_on', 'as_of', 90) }} as revenue_90d,
        {{ sum_before('cast(amount as decimal(38, 2))', 'occurred_on', 'as_of', 90) }} as revenue_90d_before,
        {{ sum_within('cast(amount as decimal(38, 2))', 'occurred_on', 'as_of', 365) }} as revenue_365d
    from purchase_days
    group by account_id, as_of
),

yearly as (
    select
        transactions.account_id,
        as_of_dates.as_of,
        transactions.kind,
        transactions.occurred_on,
        case when transactions.paid_on <= as_of_dates.as_of then transactions.paid_on end as paid_on,
        transactions.amount > 0
        and first_payment.first_paid_on <= as_of_dates.as_of
        and transactions.occurred_on < {{ add_days('as_of_dates.as_of', -30) }} as is_due
    from transactions
    cross join first_payment
    inner join as_of_dates
        on {{ within_days('transactions.occurred_on', 'as_of_dates.as_of', 365) }}
        and {{ known_as_of('transactions', 'as_of_dates.as_of') }}
),

habits as (
    select
        account_id,
        as_of,
        sum(case when kind = 'refund' then 1 else 0 end) as refunds_365d,
        avg(case
            when kind = 'invoice' and paid_on >= occurred_on and {{ within_days('occurred_on', 'as_of', 180) }}
                then {{ day_diff('occurred_on', 'paid_on') }}
        end) as payment_delay_180d,
        sum(case when kind = 'invoice' and is_due and paid_on is null then 1 else 0 end) as unpaid_invoices
    from yearly
    group by account_id, as_of
),

measured as (
    select
        customers.account_id,
        customers.as_of,
        purchases.*,
        {{ day_diff('purchases.last_on', 'customers.as_of') }} as recency_days,
        {{ ratio(day_diff('purchases.first_on', 'purchases.last_on'), 'purchases.purchases - 1') }} as gap_days
    from customers
    left join purchases
        on customers.account_id = purchases.account_id and customers.as_of = purchases.as_of
),

final as (
    select
        measured.account_id
    from measured
)

select * from final
