{# The window of a transactional company's customers is the one that decides whether they are customers. #}
with mrr as (
    select * from {{ ref('int_mrr_by_month') }}
),

purchases as (
    select * from {{ ref('int_purchase_days') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_transactional
),

sides as (
    select account_id, month_start, mrr as running_amount, mrr as month_amount, subscriptions_count
    from mrr
    union all
    select purchases.account_id, months.month_start, purchases.amount, 0, 0
    from purchases
    cross join observation
    inner join months
        on purchases.purchased_on <= months.measured_on
        and {{ add_days('purchases.purchased_on', 'observation.inactivity_days') }} > months.measured_on
    union all
    select purchases.account_id, {{ month_start('purchases.purchased_on') }}, 0, purchases.amount, 0
    from purchases
    cross join observation
),

final as (
    select
        account_id,
        month_start,
        cast(sum(running_amount) as decimal(18, 2)) as running_amount,
        cast(sum(month_amount) as decimal(18, 2)) as month_amount,
        cast(sum(subscriptions_count) as bigint) as subscriptions_count
    from sides
    group by account_id, month_start
)

select * from final
