{{ config(unique_key='as_of', pre_hook="{{ clear_months('as_of') }}") }}

with customers as (
    select * from {{ ref('int_customer_as_of') }}
    where {{ is_in_run('as_of') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

accounts as (
    select * from {{ ref('stg_raw__accounts') }}
),

subscriptions as (
    select * from {{ ref('stg_raw__subscriptions') }}
),

measured as (
    select * from {{ ref('int_subscriptions_as_of') }}
),

past as (
    select
        subscriptions.account_id,
        as_of_dates.as_of,
        count(subscriptions.renewed_from) as renewals_count,
        max(case when subscriptions.is_trial then 1 else 0 end) = 1 as has_had_trial
    from subscriptions
    inner join as_of_dates
        on subscriptions.started_on <= as_of_dates.as_of
        and {{ known_as_of('subscriptions', 'as_of_dates.as_of') }}
    group by subscriptions.account_id, as_of_dates.as_of
),

active as (
    select
        *,
        row_number() over (
            partition by account_id, as_of order by mrr desc, started_on desc, subscription_id desc
        ) as size_rank,
        {{ day_diff('as_of', next_anniversary('started_on', 'as_of', 'billing_months')) }} as renewal_due_days
    from measured
    where days_back = 0
),

current_contract as (
    select
        account_id,
        as_of,
        max(case when size_rank = 1 then plan end) as plan,
        max(case when size_rank = 1 then billing_period end) as billing_period,
        min(case when auto_renew then 1 else 0 end) = 1 as has_auto_renew,
        count(*) as subscriptions_count,
        sum(seats) as seats,
        sum(mrr) as mrr,
        min(renewal_due_days) as renewal_due_days
    from active
    group by account_id, as_of
),

earlier_contract as (
    select
        account_id,
        as_of,
        sum(case when days_back = 90 then mrr end) as mrr_90d,
        sum(case when days_back = 90 then seats end) as seats_90d,
        sum(case when days_back = 180 then mrr end) as mrr_180d,
        sum(case when days_back = 180 then seats end) as seats_180d
    from measured
    where days_back > 0
    group by account_id, as_of
),

final as (
    select
        customers.account_id,
        customers.as_of,
        coalesce(accounts.region, 'unknown') as region,
        coalesce(accounts.industry, 'unknown') as industry,
        cast(accounts.employee_count as double) as employee_count,
        cast({{ day_diff('customers.customer_since_on', 'customers.as_of') }} as double) as tenure_days,
        customers.is_returned,
        coalesce(current_contract.plan, 'unknown') as plan,
        coalesce(current_contract.billing_period, 'unknown') as billing_period,
        coalesce(current_contract.has_auto_renew, false) as has_auto_renew,
        coalesce(past.has_had_trial, false) as has_had_trial,
        cast(coalesce(current_contract.subscriptions_count, 0) as double) as subscriptions_count,
        cast(coalesce(past.renewals_count, 0) as double) as renewals_count,
        cast(current_contract.seats as double) as seats_count,
        cast(current_contract.mrr as double) as mrr_amount,
        {{ ratio('current_contract.mrr', 'current_contract.seats') }} as mrr_per_seat_amount,
        cast(current_contract.renewal_due_days as double) as renewal_due_days,
        {{ ratio('current_contract.mrr', 'earlier_contract.mrr_90d') }} as mrr_90d_trend_ratio,
        {{ ratio('current_contract.seats', 'earlier_contract.seats_90d') }} as seats_90d_trend_ratio,
        {{ ratio(
            ratio('current_contract.mrr', 'current_contract.seats'),
            ratio('earlier_contract.mrr_180d', 'earlier_contract.seats_180d')
        ) }} as price_180d_trend_ratio
    from customers
    left join accounts
        on customers.account_id = accounts.account_id
        and {{ known_as_of('accounts', 'customers.as_of') }}
    left join past
        on customers.account_id = past.account_id and customers.as_of = past.as_of
    left join current_contract
        on customers.account_id = current_contract.account_id and customers.as_of = current_contract.as_of
    left join earlier_contract
        on customers.account_id = earlier_contract.account_id and customers.as_of = earlier_contract.as_of
)

select * from final
