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
        cast({{ metric_of_columns('arr') }} as decimal(18, 2)) as arr,
        customers_count,
        subscriptions_count,
        {{ metric_of_columns('arpa', {'revenue_amount': 'mrr'}) }} as arpa_amount,
        {{ metric_of_columns('acv') }} as acv_amount,
        cohort_customers_count,
        lost_customers_count,
        cohort_amount,
        gross_retained_amount,
        net_retained_amount,
        {{ metric_of_columns('grr') }} as grr_ratio,
        {{ metric_of_columns('nrr') }} as nrr_ratio,
        {{ metric_of_columns('logo_churn_rate') }} as logo_churn_ratio,
        is_complete
    from summed
)

select * from final
