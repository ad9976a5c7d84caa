-- The retained part is no more than there was, nothing that is left is lost, and the MRR is the one that is reported.
{{ config(meta={'dagster': {'ref': {'name': 'fct_revenue_retention_by_segment'}}}) }}
with retention as (
    select * from {{ ref('fct_revenue_retention_by_segment') }}
),

earlier as (
    select
        {{ add_months('month_start', var('trailing_months')) }} as month_start,
        region,
        segment,
        customers_count,
        mrr
    from retention
),

revenue as (
    select * from {{ ref('fct_monthly_revenue') }}
),

compared as (
    select
        retention.*,
        revenue.mrr as reported_mrr,
        coalesce(earlier.customers_count, 0) as earlier_customers_count,
        coalesce(earlier.mrr, 0) as earlier_mrr
    from retention
    left join revenue
        on retention.month_start = revenue.month_start
        and retention.region = revenue.region
        and retention.segment = revenue.segment
    left join earlier
        on retention.month_start = earlier.month_start
        and retention.region = earlier.region
        and retention.segment = earlier.segment
)

select * from compared
where
    gross_retained_amount > cohort_amount
    or gross_retained_amount > net_retained_amount
    or lost_customers_count > cohort_customers_count
    or cohort_customers_count <> earlier_customers_count
    or (mrr is not null and (mrr <> coalesce(reported_mrr, -1) or cohort_amount <> earlier_mrr))
