with transitions as (
    select * from {{ ref('fct_stage_transitions') }}
),

windows as (
    select
        window_name,
        window_days,
        coalesce(window_days, max(window_days) over ()) as mature_days
    from {{ ref('funnel_windows') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

placed as (
    select
        transitions.cohort_month,
        transitions.from_stage,
        transitions.to_stage,
        coalesce(transitions.lead_source, 'unknown') as lead_source,
        windows.window_name,
        windows.window_days,
        case
            when transitions.days_to_reach <= coalesce(windows.window_days, transitions.days_to_reach) then 1
            else 0
        end as reached,
        {{ add_days(month_end('transitions.cohort_month'), 'windows.mature_days') }} <= observation.data_until
            as is_mature
    from transitions
    cross join windows
    cross join observation
),

counted as (
    select
        cohort_month,
        from_stage,
        to_stage,
        lead_source,
        window_name,
        window_days,
        is_mature,
        count(*) as entered_count,
        sum(reached) as reached_count
    from placed
    group by cohort_month, from_stage, to_stage, lead_source, window_name, window_days, is_mature
),

final as (
    select
        cohort_month,
        from_stage,
        to_stage,
        lead_source,
        window_name,
        window_days,
        entered_count,
        cast(reached_count as bigint) as reached_count,
        {{ metric_of_columns('conversion_rate') }} as conversion_rate,
        is_mature
    from counted
)

select * from final
