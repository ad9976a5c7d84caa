{# Known once the company records use, and for an account that has been a customer for the whole window. An account
   without use is one that does not use the product. #}
with population as (
    select * from {{ ref('int_health_population') }}
),

usage as (
    select * from {{ ref('fct_account_usage_monthly') }}
),

months as (
    select * from {{ ref('int_usage_months') }}
),

final as (
    select
        population.account_id,
        population.month_start,
        cast(coalesce(usage.active_days_28d_count, 0) as double) as active_days_28d_count,
        usage.usage_28d_trend_ratio,
        {{ ratio('coalesce(usage.features_28d_count, 0)', 'months.features_seen_count') }} as features_28d_ratio
    from population
    inner join months on population.month_start = months.month_start
    left join usage
        on population.account_id = usage.account_id and population.month_start = usage.month_start
    where population.customer_since_on <= {{ add_days('population.measured_on', -var('usage_window_days')) }}
)

select * from final
