{# Stages that the company uses, between the furthest one the lead had been in and the one it enters. A stage that only
   a flag without a date claims was not skipped: nobody knows when it was. #}
with spells as (
    select * from {{ ref('int_lead_stage_spells') }}
),

entries as (
    select * from {{ ref('int_lead_stage_entries') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

used as (
    select distinct
        stages.stage,
        stages.stage_order
    from stages
    inner join entries on stages.stage = entries.stage
    where stages.is_funnel
),

walked as (
    select
        spells.lead_id,
        spells.sequence_number,
        spells.stage_order,
        stages.is_funnel or stages.is_customer as goes_forward,
        max(case when stages.is_funnel then spells.stage_order end) over (
            partition by spells.lead_id order by spells.sequence_number
            rows between unbounded preceding and 1 preceding
        ) as furthest_before
    from spells
    inner join stages on spells.stage = stages.stage
),

final as (
    select
        walked.lead_id,
        walked.sequence_number,
        count(*) as skipped_stages_count
    from walked
    inner join used
        on walked.furthest_before < used.stage_order
        and walked.stage_order > used.stage_order
    left join entries
        on walked.lead_id = entries.lead_id
        and used.stage = entries.stage
        and not entries.is_dated
    where walked.goes_forward and entries.lead_id is null
    group by walked.lead_id, walked.sequence_number
)

select * from final
