{{ config(unique_key='as_of', pre_hook="{{ clear_months('as_of') }}") }}

with customers as (
    select * from {{ ref('int_customer_as_of') }}
    where {{ is_in_run('as_of') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

transactions as (
    select * from {{ ref('int_transactions_converted') }}
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
        sum(amounts.amount) as amount
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
        sum(amount) as amount,
        {{ sum_within('1', 'occurred_on', 'as_of', 90) }} as purchases_90d,
        {{ sum_within('amount', 'occurred_on', 'as_of', 90) }} as revenue_90d,
        {{ sum_before('amount', 'occurred_on', 'as_of', 90) }} as revenue_90d_before,
        {{ sum_within('amount', 'occurred_on', 'as_of', 365) }} as revenue_365d
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

rhythm as (
    select
        *,
        {{ day_diff('last_on', 'as_of') }} as recency_days,
        {{ ratio(day_diff('first_on', 'last_on'), 'purchases - 1') }} as gap_days
    from purchases
),

final as (
    select
        customers.account_id,
        customers.as_of,
        cast(coalesce(rhythm.purchases, 0) as double) as purchases_count,
        cast(rhythm.recency_days as double) as recency_days,
        cast({{ day_diff('rhythm.first_on', 'customers.as_of') }} as double) as customer_age_days,
        rhythm.gap_days as purchase_gap_days,
        {{ ratio('rhythm.recency_days', 'rhythm.gap_days') }} as recency_gap_ratio,
        coalesce(rhythm.purchases_90d, 0) as purchases_90d_count,
        {{ ratio('rhythm.amount', 'rhythm.purchases') }} as mean_amount,
        coalesce(rhythm.revenue_90d, 0) as revenue_90d_amount,
        coalesce(rhythm.revenue_365d, 0) as revenue_365d_amount,
        {{ ratio('rhythm.revenue_90d', 'rhythm.revenue_90d_before') }} as revenue_90d_trend_ratio,
        cast(coalesce(habits.refunds_365d, 0) as double) as refunds_365d_count,
        cast(habits.payment_delay_180d as double) as payment_delay_180d_days,
        cast(coalesce(habits.unpaid_invoices, 0) as double) as unpaid_invoices_count
    from customers
    left join rhythm
        on customers.account_id = rhythm.account_id and customers.as_of = rhythm.as_of
    left join habits
        on customers.account_id = habits.account_id and customers.as_of = habits.as_of
)

select * from final
