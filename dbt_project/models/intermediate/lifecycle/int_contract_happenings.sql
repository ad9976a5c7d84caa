{# Spells and contracts; what a contract says is told as given, a trial by its own name. #}
with spells as (
    select * from {{ ref('int_customer_spells') }}
),

subscriptions as (
    select
        *,
        case
            when is_trial then 'trial_started'
            when renewed_from is not null then 'subscription_renewed'
            else 'subscription_started'
        end as starting,
        case when is_trial then 'trial_ended' else 'subscription_ended' end as ending
    from {{ ref('stg_raw__subscriptions') }}
    where {{ is_newest() }}
),

final as (
    select
        account_id,
        cast(null as varchar) as lead_id,
        case when spell_number = 1 then 'became_customer' else 'reactivated' end as kind,
        cast(spell_number as varchar) as detail,
        cast(null as decimal(18, 2)) as amount,
        cast(null as double) as score,
        'customer_spells' as table_name,
        account_id as row_key,
        started_on as happened_on
    from spells
    union all
    select
        account_id, null, 'churned', cast(spell_number as varchar), null, null,
        'customer_spells', account_id, ended_on
    from spells
    union all
    select account_id, null, starting, plan, mrr, null, 'subscriptions', subscription_id, started_on
    from subscriptions
    union all
    select account_id, null, ending, plan, null, null, 'subscriptions', subscription_id, ended_on
    from subscriptions
)

select * from final
