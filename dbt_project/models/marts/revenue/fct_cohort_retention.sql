with customers as (
    select * from {{ ref('int_customer_cohorts') }}
),

active as (
    select * from {{ ref('int_customers_by_month') }}
),

revenue as (
    select * from {{ ref('int_running_revenue_by_month') }}
    where month_amount > 0
),

months as (
    select * from {{ ref('int_month_spine') }}
),

cohorts as (
    select
        cohort_month,
        region,
        segment,
        count(*) as cohort_customers_count,
        sum(first_amount) as cohort_amount
    from customers
    group by cohort_month, region, segment
),

sides as (
    select account_id, month_start, 1 as retained, 0 as paying, 0 as amount from active
    union all
    select account_id, month_start, 0 as retained, 1 as paying, month_amount as amount from revenue
),

summed as (
    select
        customers.cohort_month,
        customers.region,
        customers.segment,
        sides.month_start,
        sum(sides.retained) as retained_customers_count,
        sum(sides.paying) as paying_customers_count,
        sum(sides.amount) as retained_amount
    from sides
    inner join customers on sides.account_id = customers.account_id
    group by customers.cohort_month, customers.region, customers.segment, sides.month_start
),

final as (
    select
        cohorts.cohort_month,
        months.month_start,
        cohorts.region,
        cohorts.segment,
        {{ month_diff('cohorts.cohort_month', 'months.month_start') }} as months_since,
        cohorts.cohort_customers_count,
        cast(coalesce(summed.retained_customers_count, 0) as bigint) as retained_customers_count,
        cast(coalesce(summed.paying_customers_count, 0) as bigint) as paying_customers_count,
        cast(cohorts.cohort_amount as decimal(18, 2)) as cohort_amount,
        cast(coalesce(summed.retained_amount, 0) as decimal(18, 2)) as retained_amount,
        {{ ratio('coalesce(summed.retained_customers_count, 0)', 'cohorts.cohort_customers_count') }}
            as retained_customers_ratio,
        {{ ratio('coalesce(summed.retained_amount, 0)', 'cohorts.cohort_amount') }} as retained_amount_ratio,
        months.is_complete as is_mature
    from cohorts
    inner join months on cohorts.cohort_month <= months.month_start
    left join summed
        on cohorts.cohort_month = summed.cohort_month
        and cohorts.region = summed.region
        and cohorts.segment = summed.segment
        and months.month_start = summed.month_start
)

select * from final
