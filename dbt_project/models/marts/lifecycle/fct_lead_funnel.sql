with by_source as (
    select * from {{ ref('fct_lead_funnel_by_source') }}
),

counted as (
    select
        cohort_month,
        from_stage,
        to_stage,
        window_name,
        window_days,
        is_mature,
        sum(entered_count) as entered_count,
        sum(reached_count) as reached_count
    from by_source
    group by cohort_month, from_stage, to_stage, window_name, window_days, is_mature
),

final as (
    select
        cohort_month,
        from_stage,
        to_stage,
        window_name,
        window_days,
        cast(entered_count as bigint) as entered_count,
        cast(reached_count as bigint) as reached_count,
        {{ metric_of_columns('conversion_rate') }} as conversion_rate,
        is_mature
    from counted
)

select * from final
