with spells as (
    select * from {{ ref('int_lead_stage_spells') }}
),

skipped as (
    select * from {{ ref('int_lead_stages_skipped') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

compared as (
    select
        spells.*,
        lag(spells.stage) over (partition by spells.lead_id order by spells.sequence_number) as previous_stage,
        lag(spells.stage_order) over (partition by spells.lead_id order by spells.sequence_number) as order_before,
        lead(spells.stage) over (partition by spells.lead_id order by spells.sequence_number) as next_stage,
        max(case when spells.spell_number = 1 and stages.is_funnel then spells.entered_on end) over (
            partition by spells.lead_id order by spells.stage_order
            range between unbounded preceding and 1 preceding
        ) as lower_stage_on,
        stages.is_funnel and spells.spell_number = 1 as has_order
    from spells
    inner join stages on spells.stage = stages.stage
),

final as (
    select
        compared.lead_id,
        lead_accounts.account_id,
        compared.stage,
        compared.previous_stage,
        compared.next_stage,
        leads.lead_source,
        cast(compared.spell_number as integer) as spell_number,
        cast(compared.sequence_number as integer) as sequence_number,
        coalesce(skipped.skipped_stages_count, 0) as skipped_stages_count,
        {{ day_diff('compared.entered_on', 'coalesce(compared.exited_on, observation.data_until)') }} as stage_days,
        compared.exited_on is null as is_current,
        compared.spell_number > 1 as is_reentry,
        coalesce(compared.stage_order < compared.order_before and compared.previous_stage <> 'churned', false)
            as is_step_back,
        skipped.skipped_stages_count is not null as has_skipped_stage,
        compared.has_order and coalesce(compared.entered_on < compared.lower_stage_on, false) as is_out_of_order,
        compared.entered_on,
        compared.exited_on
    from compared
    cross join observation
    left join skipped
        on compared.lead_id = skipped.lead_id
        and compared.sequence_number = skipped.sequence_number
    left join leads on compared.lead_id = leads.lead_id
    left join lead_accounts on compared.lead_id = lead_accounts.lead_id
)

select * from final
