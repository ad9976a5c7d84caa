{# The window is the company's inactivity window: who is active has bought in it. #}
with transactions as (
    select * from {{ ref('int_transactions_signed') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_transactional
),

placed as (
    select
        transactions.account_id,
        transactions.occurred_on,
        transactions.is_purchase,
        transactions.revenue_amount,
        months.month_start,
        {{ day_diff('transactions.occurred_on', 'months.measured_on') }} < observation.inactivity_days as is_recent
    from transactions
    cross join observation
    inner join months
        on transactions.occurred_on <= months.measured_on
        and transactions.occurred_on > {{ add_days('months.measured_on', '-2 * observation.inactivity_days') }}
),

final as (
    select
        account_id,
        month_start,
        cast(sum(case when is_recent then revenue_amount else 0 end) as decimal(18, 2)) as recent_amount,
        cast(sum(case when is_recent then 0 else revenue_amount end) as decimal(18, 2)) as earlier_amount,
        max(case when is_purchase then occurred_on end) as last_purchased_on
    from placed
    group by account_id, month_start
)

select * from final
