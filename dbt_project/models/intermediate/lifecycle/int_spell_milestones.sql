with spells as (
    select * from {{ ref('int_customer_spells') }}
),

periods as (
    select * from {{ ref('int_subscription_periods') }}
),

purchases as (
    select * from {{ ref('int_purchase_days') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

placed_periods as (
    select
        spells.account_id,
        spells.spell_number,
        spells.started_on as spell_started_on,
        periods.started_on,
        periods.is_renewal,
        min(periods.covered_until) over (
            partition by spells.account_id, spells.spell_number
        ) as first_covered_until
    from spells
    cross join observation
    inner join periods
        on spells.account_id = periods.account_id
        and spells.started_on <= periods.started_on
        and coalesce(spells.ended_on, {{ no_end() }}) > periods.started_on
    where observation.is_contractual
),

renewals as (
    select
        account_id,
        spell_number,
        started_on as retained_on
    from placed_periods
    where started_on > spell_started_on and (is_renewal or started_on >= first_covered_until)
),

repeats as (
    select
        spells.account_id,
        spells.spell_number,
        purchases.purchased_on as retained_on
    from spells
    cross join observation
    inner join purchases
        on spells.account_id = purchases.account_id
        and spells.started_on < purchases.purchased_on
        and coalesce(spells.ended_on, {{ no_end() }}) > purchases.purchased_on
    where observation.is_transactional
),

retained as (
    select * from renewals
    union all
    select * from repeats
),

final as (
    select
        account_id,
        spell_number,
        min(retained_on) as retained_on
    from retained
    group by account_id, spell_number
)

select * from final
