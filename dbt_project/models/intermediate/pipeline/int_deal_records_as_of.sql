{# What the closed deals of the months before a month end taught then: over all, and by each stage they had passed. #}
with closings as (
    select * from {{ ref('int_deal_closings_as_of') }}
),

stage_events as (
    select * from {{ ref('stg_raw__deal_stage_events') }}
),

passed as (
    select distinct
        closings.as_of,
        closings.deal_id,
        closings.is_won,
        stage_events.stage
    from closings
    inner join stage_events
        on closings.deal_id = stage_events.deal_id
        and stage_events.entered_on <= closings.as_of
        and {{ known_as_of('stage_events', 'closings.as_of') }}
),

by_stage as (
    select
        as_of,
        stage,
        count(*) as closed_count,
        sum(case when is_won then 1 else 0 end) as won_count
    from passed
    group by as_of, stage
),

over_all as (
    select
        as_of,
        count(*) as closed_count,
        sum(case when is_won then 1 else 0 end) as won_count,
        median(case when is_won then cycle_days end) as median_cycle_days
    from closings
    group by as_of
),

final as (
    select
        as_of,
        stage,
        closed_count,
        won_count,
        cast(null as double) as median_cycle_days
    from by_stage
    union all
    select
        as_of,
        null as stage,
        closed_count,
        won_count,
        median_cycle_days
    from over_all
)

select * from final
