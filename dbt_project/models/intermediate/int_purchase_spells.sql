with purchases as (
    select * from {{ ref('int_purchase_days') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_transactional
),

compared as (
    select
        account_id,
        purchased_on,
        lag(purchased_on) over (partition by account_id order by purchased_on) as purchased_before
    from purchases
),

marked as (
    select
        compared.*,
        observation.inactivity_days,
        observation.data_until,
        case
            when purchased_on <= {{ add_days('purchased_before', 'observation.inactivity_days') }} then 0
            else 1
        end as starts_spell
    from compared
    cross join observation
),

numbered as (
    select
        marked.*,
        sum(starts_spell) over (
            partition by account_id order by purchased_on
            rows between unbounded preceding and current row
        ) as spell_number
    from marked
),

spells as (
    select
        account_id,
        spell_number,
        min(purchased_on) as started_on,
        {{ add_days('max(purchased_on)', 'max(inactivity_days)') }} as lapsed_on,
        max(data_until) as data_until
    from numbered
    group by account_id, spell_number
),

final as (
    select
        account_id,
        cast(spell_number as integer) as spell_number,
        started_on,
        case when lapsed_on <= data_until then lapsed_on end as ended_on
    from spells
)

select * from final
