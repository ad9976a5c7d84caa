with spells as (
    select * from {{ ref('int_customer_spells') }}
),

final as (
    select
        account_id,
        count(*) as spells_count,
        count(*) > count(ended_on) as is_active,
        min(started_on) as first_started_on,
        max(started_on) as current_started_on,
        case when count(*) = count(ended_on) then max(ended_on) end as churned_on
    from spells
    group by account_id
)

select * from final
