with purchases as (
    select * from {{ ref('int_purchase_days') }}
),

spells as (
    select * from {{ ref('int_account_spell_states') }}
),

final as (
    select
        purchases.account_id,
        count(*) as purchases_count,
        max(case when purchases.purchased_on > spells.current_started_on then 1 else 0 end) = 1 as has_repeated,
        max(purchases.purchased_on) as last_purchased_on
    from purchases
    left join spells on purchases.account_id = spells.account_id
    group by purchases.account_id
)

select * from final
