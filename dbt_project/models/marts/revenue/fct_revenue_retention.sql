{# The cohort of a month: the customers with recurring revenue twelve months earlier. #}
with mrr as (
    select * from {{ ref('int_mrr_by_month') }}
),

months as (
    select * from {{ ref('int_month_spine') }}
),

closing as (
    select
        month_start,
        count(*) as customers_count,
        sum(mrr) as mrr
    from mrr
    group by month_start
),

compared as (
    select
        {{ add_months('earlier.month_start', var('trailing_months')) }} as month_start,
        earlier.mrr as earlier_mrr,
        coalesce(later.mrr, 0) as later_mrr
    from mrr as earlier
    left join mrr as later
        on earlier.account_id = later.account_id
        and {{ add_months('earlier.month_start', var('trailing_months')) }} = later.month_start
),

cohorts as (
    select
        month_start,
        count(*) as cohort_customers_count,
        sum(earlier_mrr) as cohort_mrr,
        sum(later_mrr) as net_mrr,
        sum(least(later_mrr, earlier_mrr)) as gross_mrr,
        sum(case when later_mrr = 0 then 1 else 0 end) as lost_customers_count
    from compared
    group by month_start
),

final as (
    select
        closing.month_start,
        cast(closing.mrr as decimal(18, 2)) as mrr,
        cast({{ var('trailing_months') }} * closing.mrr as decimal(18, 2)) as arr,
        closing.customers_count,
        cast(closing.mrr as double) / nullif(closing.customers_count, 0) as arpa_amount,
        cast(cohorts.gross_mrr as double) / nullif(cast(cohorts.cohort_mrr as double), 0) as grr_ratio,
        cast(cohorts.net_mrr as double) / nullif(cast(cohorts.cohort_mrr as double), 0) as nrr_ratio,
        cast(cohorts.lost_customers_count as double) / nullif(cohorts.cohort_customers_count, 0) as logo_churn_ratio,
        months.is_complete
    from closing
    inner join months on closing.month_start = months.month_start
    left join cohorts on closing.month_start = cohorts.month_start
)

select * from final
