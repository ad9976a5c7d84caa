with periods as (
    select * from {{ ref('int_subscription_periods') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_contractual
),

compared as (
    select
        periods.*,
        max(covered_until) over (
            partition by account_id order by started_on, subscription_id
            rows between unbounded preceding and 1 preceding
        ) as covered_before
    from periods
),

marked as (
    select
        compared.*,
        observation.grace_days,
        observation.data_until,
        case
            when started_on <= {{ add_days('covered_before', 'observation.grace_days') }} then 0
            else 1
        end as starts_spell
    from compared
    cross join observation
),

numbered as (
    select
        marked.*,
        sum(starts_spell) over (
            partition by account_id order by started_on, subscription_id
            rows between unbounded preceding and current row
        ) as spell_number
    from marked
),

spells as (
    select
        account_id,
        spell_number,
        min(started_on) as started_on,
        max(covered_until) as covered_until,
        {{ add_days('max(covered_until)', 'max(grace_days)') }} <= max(data_until) as is_over
    from numbered
    group by account_id, spell_number
),

final as (
    select
        account_id,
        cast(spell_number as integer) as spell_number,
        started_on,
        case when is_over then covered_until end as ended_on
    from spells
)

select * from final
