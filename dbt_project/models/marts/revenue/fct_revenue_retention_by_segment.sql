with revenue as (
    select * from {{ ref('int_retained_revenue') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

summed as (
    select
        month_start,
        region,
        segment,
        sum(running_amount) as running_amount,
        sum(case when is_customer then 1 else 0 end) as customers_count,
        sum(subscriptions_count) as subscriptions_count,
        sum(case when is_in_cohort then 1 else 0 end) as cohort_customers_count,
        sum(case when is_lost then 1 else 0 end) as lost_customers_count,
        sum(cohort_amount) as cohort_amount,
        sum(gross_retained_amount) as gross_retained_amount,
        sum(net_retained_amount) as net_retained_amount,
        min(case when is_complete then 1 else 0 end) = 1 as is_complete
    from revenue
    group by month_start, region, segment
),

priced as (
    select
        summed.*,
        case when observation.is_contractual then summed.running_amount end as mrr
    from summed
    cross join observation
),

final as (
    select
        month_start,
        region,
        segment,
        cast(mrr as decimal(18, 2)) as mrr,
        cast({{ metric_of_columns('arr') }} as decimal(18, 2)) as arr,
        cast(customers_count as bigint) as customers_count,
        cast(subscriptions_count as bigint) as subscriptions_count,
        {{ metric_of_columns('arpa', {'revenue_amount': 'mrr'}) }} as arpa_amount,
        {{ metric_of_columns('acv') }} as acv_amount,
        cast(cohort_customers_count as bigint) as cohort_customers_count,
        cast(lost_customers_count as bigint) as lost_customers_count,
        cast(cohort_amount as decimal(18, 2)) as cohort_amount,
        cast(gross_retained_amount as decimal(18, 2)) as gross_retained_amount,
        cast(net_retained_amount as decimal(18, 2)) as net_retained_amount,
        {{ metric_of_columns('grr') }} as grr_ratio,
        {{ metric_of_columns('nrr') }} as nrr_ratio,
        {{ metric_of_columns('logo_churn_rate') }} as logo_churn_ratio,
        is_complete
    from priced
)

select * from final
