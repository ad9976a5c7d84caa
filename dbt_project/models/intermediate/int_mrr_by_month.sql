with periods as (
    select * from {{ ref('int_subscription_periods') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_contractual
),

running as (
    select
        periods.account_id,
        months.month_start,
        periods.mrr
    from periods
    cross join observation
    inner join months
        on periods.started_on <= months.measured_on
        and periods.covered_until > months.measured_on
),

final as (
    select
        account_id,
        month_start,
        cast(sum(mrr) as decimal(18, 2)) as mrr,
        count(*) as subscriptions_count
    from running
    group by account_id, month_start
)

select * from final
