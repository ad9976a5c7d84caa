with spells as (
    select * from {{ ref('int_account_stage_spells') }}
),

skipped as (
    select * from {{ ref('int_account_stages_skipped') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

compared as (
    select
        *,
        lag(stage) over (partition by account_id order by sequence_number) as previous_stage,
        lag(stage_order) over (partition by account_id order by sequence_number) as order_before,
        lead(stage) over (partition by account_id order by sequence_number) as next_stage
    from spells
),

final as (
    select
        compared.account_id,
        compared.stage,
        compared.previous_stage,
        compared.next_stage,
        cast(compared.spell_number as integer) as spell_number,
        cast(compared.sequence_number as integer) as sequence_number,
        cast(compared.customer_spell_number as integer) as customer_spell_number,
        coalesce(skipped.skipped_stages_count, 0) as skipped_stages_count,
        {{ day_diff('compared.entered_on', 'coalesce(compared.exited_on, observation.data_until)') }} as stage_days,
        compared.exited_on is null as is_current,
        compared.spell_number > 1 as is_reentry,
        coalesce(compared.stage_order < compared.order_before and compared.previous_stage <> 'churned', false)
            as is_step_back,
        skipped.skipped_stages_count is not null as has_skipped_stage,
        compared.stage <> 'churned'
        and coalesce(compared.previous_stage = 'churned' and compared.customer_spell_number > 1, false)
            as is_reactivation,
        compared.entered_on,
        compared.exited_on
    from compared
    cross join observation
    left join skipped
        on compared.account_id = skipped.account_id
        and compared.sequence_number = skipped.sequence_number
)

select * from final
