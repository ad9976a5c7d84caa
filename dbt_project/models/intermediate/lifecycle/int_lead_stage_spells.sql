{# Every dated entry counts, not only the first; entries into the stage the lead is in already continue its spell.
   A day holds no order of its own: stages entered on one day follow in the order of the lifecycle. #}
with first_entries as (
    select * from {{ ref('int_lead_stage_entries') }}
    where is_dated
),

stage_events as (
    select * from {{ ref('stg_raw__lead_stage_events') }}
    where {{ is_newest() }} and coalesce(is_reached, true) and entered_on is not null
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

entries as (
    select lead_id, stage, entered_on from first_entries
    union
    select lead_id, stage, entered_on from stage_events
),

compared as (
    select
        entries.lead_id,
        entries.stage,
        stages.stage_order,
        entries.entered_on,
        lag(entries.stage) over (
            partition by entries.lead_id order by entries.entered_on, stages.stage_order
        ) as stage_before
    from entries
    inner join stages on entries.stage = stages.stage
    cross join observation
    where entries.entered_on <= observation.data_until
),

starts as (
    select * from compared
    where stage_before is null or stage_before <> stage
),

final as (
    select
        lead_id,
        stage,
        stage_order,
        row_number() over (partition by lead_id, stage order by entered_on) as spell_number,
        row_number() over (partition by lead_id order by entered_on, stage_order) as sequence_number,
        entered_on,
        lead(entered_on) over (partition by lead_id order by entered_on, stage_order) as exited_on
    from starts
)

select * from final
