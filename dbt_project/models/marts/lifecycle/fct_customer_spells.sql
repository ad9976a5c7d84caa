with spells as (
    select * from {{ ref('int_customer_spells') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select
        spells.account_id,
        spells.spell_number,
        spells.started_on,
        spells.ended_on,
        {{ day_diff('spells.started_on', 'coalesce(spells.ended_on, observation.data_until)') }} as duration_days,
        spells.ended_on is null as is_active,
        spells.spell_number > 1 as is_reactivation
    from spells
    cross join observation
)

select * from final
