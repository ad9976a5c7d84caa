{# Use of the product when there was nothing to use: one finding per account or subscription, with its rows. #}
with usage as (
    select * from {{ ref('stg_raw__product_usage') }}
    where {{ is_newest() }}
),

subscriptions as (
    select * from {{ ref('stg_raw__subscriptions') }}
    where {{ is_newest() }}
),

first_days as (
    select
        account_id,
        min(started_on) as started_on
    from subscriptions
    group by account_id
),

spells as (
    select * from {{ ref('int_account_spell_states') }}
    where not is_active
),

churned as (
    select {{ finding(
        'usage_after_churn', 'product_usage', 'usage.account_id',
        "concat('Account churned on ', cast(max(spells.churned_on) as varchar), ' and was used until '"
        ~ ", cast(max(usage.used_on) as varchar), '.')", 'min(usage.known_on)', 'count(*)', 'min(usage.source)'
    ) }}
    from usage
    inner join spells on usage.account_id = spells.account_id
    where usage.used_on > spells.churned_on
    group by usage.account_id
),

linked as (
    select
        coalesce(usage.subscription_id, usage.account_id) as row_key,
        coalesce(subscriptions.started_on, first_days.started_on) as started_on,
        subscriptions.ended_on,
        usage.source,
        usage.used_on,
        usage.known_on
    from usage
    left join subscriptions on usage.subscription_id = subscriptions.subscription_id
    left join first_days on usage.account_id = first_days.account_id
),

early as (
    select {{ finding(
        'usage_before_subscription', 'product_usage', 'row_key',
        "concat('Used from ', cast(min(used_on) as varchar), ', subscribed from '"
        ~ ", cast(min(started_on) as varchar), '.')", 'min(known_on)', 'count(*)', 'min(source)'
    ) }}
    from linked
    where used_on < started_on
    group by row_key
),

late as (
    select {{ finding(
        'usage_after_subscription_end', 'product_usage', 'row_key',
        "concat('Used until ', cast(max(used_on) as varchar), ', subscription ended on '"
        ~ ", cast(max(ended_on) as varchar), '.')", 'min(known_on)', 'count(*)', 'min(source)'
    ) }}
    from linked
    where used_on > ended_on
    group by row_key
),

final as (
    select * from churned
    union all
    select * from early
    union all
    select * from late
)

select * from final
