{# The cohort of a month: the customers of twelve months earlier, with what they stood for then. #}
with revenue as (
    select * from {{ ref('int_running_revenue_by_month') }}
    where running_amount > 0
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

sides as (
    select account_id, month_start, 0 as earlier_amount, running_amount as later_amount, subscriptions_count
    from revenue
    union all
    select account_id, {{ add_months('month_start', var('trailing_months')) }}, running_amount, 0, 0
    from revenue
),

compared as (
    select
        account_id,
        month_start,
        sum(earlier_amount) as earlier_amount,
        sum(later_amount) as later_amount,
        sum(subscriptions_count) as subscriptions_count
    from sides
    group by account_id, month_start
),

final as (
    select
        compared.account_id,
        compared.month_start,
        accounts.region,
        accounts.segment,
        compared.later_amount as running_amount,
        compared.subscriptions_count,
        compared.earlier_amount as cohort_amount,
        least(compared.later_amount, compared.earlier_amount) as gross_retained_amount,
        case when compared.earlier_amount > 0 then compared.later_amount else 0 end as net_retained_amount,
        compared.later_amount > 0 as is_customer,
        compared.earlier_amount > 0 as is_in_cohort,
        compared.earlier_amount > 0 and compared.later_amount = 0 as is_lost,
        months.is_complete
    from compared
    inner join accounts on compared.account_id = accounts.account_id
    inner join months on compared.month_start = months.month_start
)

select * from final
