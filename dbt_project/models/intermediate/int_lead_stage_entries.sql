{# A stage is reached when an event says so, or when a deal of the lead proves it. #}
with leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

stage_events as (
    select * from {{ ref('stg_raw__lead_stage_events') }}
    where {{ is_newest() }} and coalesce(is_reached, true)
),

deals as (
    select * from {{ ref('stg_raw__deals') }}
    where {{ is_newest() }} and lead_id is not null
),

won_deals as (
    select * from deals
    where outcome = 'won'
),

reached as (
    select lead_id, 'lead' as stage, created_on as entered_on from leads
    union all
    select lead_id, stage, entered_on from stage_events
    union all
    select lead_id, 'opportunity' as stage, created_on as entered_on from deals
    union all
    select lead_id, 'customer' as stage, closed_on as entered_on from won_deals
),

final as (
    select
        lead_id,
        stage,
        min(entered_on) as entered_on,
        count(entered_on) > 0 as is_dated
    from reached
    group by lead_id, stage
)

select * from final
