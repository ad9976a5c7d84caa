with transitions as (
    select * from {{ ref('int_stage_transitions') }}
    where reached_on is not null
),

longest as (
    select max(window_days) as window_days from {{ ref('funnel_windows') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

measured as (
    select
        from_stage,
        to_stage,
        cohort_month,
        count(*) as leads_count,
        {{ metric_of_rows('stage_velocity_median') }} as median_days,
        {{ metric_of_rows('stage_velocity_p90') }} as p90_days
    from transitions
    group by from_stage, to_stage, cohort_month
),

final as (
    select
        measured.from_stage,
        measured.to_stage,
        measured.cohort_month,
        measured.leads_count,
        cast(measured.median_days as double) as median_days,
        cast(measured.p90_days as double) as p90_days,
        {{ add_days(month_end('measured.cohort_month'), 'longest.window_days') }}
        <= observation.data_until as is_mature
    from measured
    cross join longest
    cross join observation
)

select * from final
