with transitions as (
    select * from {{ ref('int_stage_transitions') }}
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

counted as (
    select
        transitions.cohort_month,
        transitions.from_stage,
        transitions.to_stage,
        windows.window_name,
        windows.window_days,
        windows.mature_days,
        observation.data_until,
        count(*) as entered_count,
        sum(case
            when transitions.days_to_reach <= coalesce(windows.window_days, transitions.days_to_reach) then 1
            else 0
        end) as reached_count
    from transitions
    cross join windows
    cross join observation
    group by
        transitions.cohort_month,
        transitions.from_stage,
        transitions.to_stage,
        windows.window_name,
        windows.window_days,
        windows.mature_days,
        observation.data_until
),

final as (
    select
        cohort_month,
        from_stage,
        to_stage,
        window_name,
        window_days,
        entered_count,
        cast(reached_count as bigint) as reached_count,
        cast(reached_count as double) / nullif(entered_count, 0) as conversion_rate,
        {{ add_days(month_end('cohort_month'), 'mature_days') }} <= data_until as is_mature
    from counted
)

select * from final
