with segments as (
    select * from {{ ref('fct_revenue_retention_by_segment') }}
),

summed as (
    select
        month_start,
        sum(mrr) as mrr,
        {% for column in ['customers', 'subscriptions', 'cohort_customers', 'lost_customers'] -%}
        cast(sum({{ column }}_count) as bigint) as {{ column }}_count,
        {% endfor -%}
        {% for column in ['cohort', 'gross_retained', 'net_retained'] -%}
        cast(sum({{ column }}_amount) as decimal(18, 2)) as {{ column }}_amount,
        {% endfor -%}
        min(case when is_complete then 1 else 0 end) = 1 as is_complete
    from segments
    group by month_start
),

final as (
    select
        month_start,
        cast(mrr as decimal(18, 2)) as mrr,
        cast(12 * mrr as decimal(18, 2)) as arr,
        customers_count,
        subscriptions_count,
        {{ ratio('mrr', 'customers_count') }} as arpa_amount,
        {{ ratio('12 * mrr', 'subscriptions_count') }} as acv_amount,
        cohort_customers_count,
        lost_customers_count,
        cohort_amount,
        gross_retained_amount,
        net_retained_amount,
        {{ ratio('gross_retained_amount', 'cohort_amount') }} as grr_ratio,
        {{ ratio('net_retained_amount', 'cohort_amount') }} as nrr_ratio,
        {{ ratio('lost_customers_count', 'cohort_customers_count') }} as logo_churn_ratio,
        is_complete
    from summed
)

select * from final
