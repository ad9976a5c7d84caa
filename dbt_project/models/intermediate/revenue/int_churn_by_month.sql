{# At risk in a month: who was a customer when it began. Twelve months at once, as a month alone may lose nobody. #}
{% set twelve_months = 'rows between 11 preceding and current row' %}

with months as (
    select * from {{ ref('int_month_spine') }}
),

customers as (
    select * from {{ ref('int_customers_by_month') }}
),

spells as (
    select * from {{ ref('int_customer_spells') }}
    where ended_on is not null
),

sides as (
    select month_start, 0 as at_risk_count, 0 as churned_count from months
    union all
    select {{ add_months('month_start', 1) }} as month_start, 1 as at_risk_count, 0 as churned_count from customers
    union all
    select {{ month_start('ended_on') }} as month_start, 0 as at_risk_count, 1 as churned_count from spells
),

counted as (
    select
        months.month_start,
        sum(sides.at_risk_count) as at_risk_count,
        sum(sides.churned_count) as churned_count
    from sides
    inner join months on sides.month_start = months.month_start
    group by months.month_start
),

summed as (
    select
        month_start,
        sum(at_risk_count) over (order by month_start {{ twelve_months }}) as at_risk_12m_count,
        sum(churned_count) over (order by month_start {{ twelve_months }}) as churned_12m_count
    from counted
),

final as (
    select
        month_start,
        cast(at_risk_12m_count as bigint) as at_risk_12m_count,
        cast(churned_12m_count as bigint) as churned_12m_count
    from summed
)

select * from final
