with purchases as (
    select * from {{ ref('int_purchase_days') }}
),

spells as (
    select * from {{ ref('int_purchase_spells') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
    where is_transactional
),

placed as (
    select
        purchases.account_id,
        purchases.purchased_on,
        purchases.amount,
        spells.spell_number,
        spells.ended_on,
        purchases.purchased_on = spells.started_on as is_first_of_spell,
        {{ day_diff('purchases.purchased_on', 'spells.ended_on') }} < 2 * observation.inactivity_days as is_last_window
    from purchases
    inner join spells
        on purchases.account_id = spells.account_id
        and purchases.purchased_on between spells.started_on and coalesce(spells.ended_on, {{ no_end() }})
    cross join observation
),

sides as (
    select
        account_id,
        {{ month_start('purchased_on') }} as month_start,
        amount as purchased_amount,
        case when is_first_of_spell and spell_number = 1 then amount else 0 end as new_amount,
        case when is_first_of_spell and spell_number > 1 then amount else 0 end as returned_amount,
        case when is_first_of_spell then 0 else amount end as repeat_amount,
        0 as lapsed_amount
    from placed
    union all
    select account_id, {{ month_start('ended_on') }} as month_start, 0, 0, 0, 0, -amount
    from placed
    where is_last_window
),

final as (
    select
        account_id,
        month_start,
        cast(sum(purchased_amount) as decimal(18, 2)) as purchased_amount,
        cast(sum(new_amount) as decimal(18, 2)) as new_amount,
        cast(sum(repeat_amount) as decimal(18, 2)) as repeat_amount,
        cast(sum(returned_amount) as decimal(18, 2)) as returned_amount,
        cast(sum(lapsed_amount) as decimal(18, 2)) as lapsed_amount
    from sides
    group by account_id, month_start
)

select * from final
