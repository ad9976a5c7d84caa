{# A stage dated before the one it should follow is a finding, not a transition. #}
with entries as (
    select * from {{ ref('int_lead_stage_entries') }}
    where is_dated
),

steps as (
    select * from {{ ref('funnel_steps') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

entered as (
    select
        entries.lead_id,
        steps.from_stage,
        steps.to_stage,
        entries.entered_on,
        observation.data_until
    from entries
    inner join steps on entries.stage = steps.from_stage
    cross join observation
    where entries.entered_on <= observation.data_until
),

final as (
    select
        entered.lead_id,
        entered.from_stage,
        entered.to_stage,
        {{ month_start('entered.entered_on') }} as cohort_month,
        entered.entered_on,
        reached.entered_on as reached_on,
        {{ day_diff('entered.entered_on', 'reached.entered_on') }} as days_to_reach
    from entered
    left join entries as reached
        on entered.lead_id = reached.lead_id
        and entered.to_stage = reached.stage
        and reached.entered_on between entered.entered_on and entered.data_until
)

select * from final
