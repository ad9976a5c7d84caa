-- In every month, region and segment the cohorts add up to the customers and the revenue that are reported.
{{ config(meta={'dagster': {'ref': {'name': 'fct_cohort_retention'}}}) }}
with cohorts as (
    select
        month_start,
        region,
        segment,
        sum(retained_customers_count) as retained_customers_count,
        sum(retained_amount) as retained_amount
    from {{ ref('fct_cohort_retention') }}
    group by month_start, region, segment
),

movements as (
    select
        movements.month_start,
        movements.region,
        movements.segment,
        sum(movements.amount) as amount
    from {{ ref('fct_revenue_movements') }} as movements
    cross join {{ ref('int_observation_window') }} as observation
    where
        movements.movement = 'closing'
        or (observation.is_transactional and movements.role = 'change')
    group by movements.month_start, movements.region, movements.segment
),

months as (
    select * from {{ ref('fct_monthly_revenue') }}
),

compared as (
    select
        months.month_start,
        months.region,
        months.segment,
        months.customers_count,
        coalesce(movements.amount, 0) as amount,
        coalesce(cohorts.retained_customers_count, 0) as retained_customers_count,
        coalesce(cohorts.retained_amount, 0) as retained_amount
    from months
    left join cohorts
        on months.month_start = cohorts.month_start
        and months.region = cohorts.region
        and months.segment = cohorts.segment
    left join movements
        on months.month_start = movements.month_start
        and months.region = movements.region
        and months.segment = movements.segment
)

select * from compared
where customers_count <> retained_customers_count or amount <> retained_amount
