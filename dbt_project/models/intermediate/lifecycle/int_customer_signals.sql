{# What can change the stage of an account that has been a customer. #}
with spells as (
    select * from {{ ref('int_customer_spells') }}
),

milestones as (
    select * from {{ ref('int_spell_milestones') }}
),

periods as (
    select * from {{ ref('int_subscription_periods') }}
),

final as (
    select account_id, 'spell_start' as signal, cast(null as varchar) as stage, 1 as amount, started_on as happened_on
    from spells
    union all
    select account_id, 'spell_end', null, 1, ended_on from spells
    union all
    select account_id, 'retained', null, 0, retained_on from milestones
    union all
    select account_id, 'mrr', null, mrr, started_on from periods
    union all
    select account_id, 'mrr', null, -mrr, covered_until from periods
)

select * from final
