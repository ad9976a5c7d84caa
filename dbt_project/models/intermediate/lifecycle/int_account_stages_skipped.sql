{# Stages that the company's accounts use, between the furthest one the account had been in and the one it enters, of
   which neither its leads nor its deals say that it was in them, with or without a day. #}
with spells as (
    select * from {{ ref('int_account_stage_spells') }}
),

signals as (
    select * from {{ ref('int_prospect_signals') }}
),

entries as (
    select * from {{ ref('int_lead_stage_entries') }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
    where is_funnel
),

evidence as (
    select lead_accounts.account_id, entries.stage
    from entries
    inner join lead_accounts on entries.lead_id = lead_accounts.lead_id
    union
    select account_id, 'opportunity' from signals
    where signal = 'deals'
),

used as (
    select distinct
        stages.stage,
        stages.stage_order
    from stages
    inner join spells on stages.stage = spells.stage
),

walked as (
    select
        spells.*,
        max(stages.stage_order) over (
            partition by spells.account_id order by spells.sequence_number
            rows between unbounded preceding and 1 preceding
        ) as furthest_before
    from spells
    left join stages on spells.stage = stages.stage
),

final as (
    select
        walked.account_id,
        walked.sequence_number,
        count(*) as skipped_stages_count
    from walked
    inner join used
        on walked.furthest_before < used.stage_order
        and walked.stage_order > used.stage_order
    left join evidence
        on walked.account_id = evidence.account_id
        and used.stage = evidence.stage
    where walked.stage <> 'churned' and evidence.account_id is null
    group by walked.account_id, walked.sequence_number
)

select * from final
