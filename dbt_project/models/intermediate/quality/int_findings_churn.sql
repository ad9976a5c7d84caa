{# What a source says of an account and what its events say; one without churn events, or without the flag, is not judged. #}
with accounts as (
    select * from {{ ref('stg_raw__accounts') }}
    where {{ is_newest() }} and is_churned is not null
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
    where account_id is not null
),

churn_events as (
    select * from {{ ref('stg_raw__lead_stage_events') }}
    where {{ is_newest() }} and stage = 'churned' and coalesce(is_reached, true)
),

churned_accounts as (
    select
        lead_accounts.account_id,
        max(churn_events.entered_on) as churned_on
    from churn_events
    inner join lead_accounts on churn_events.lead_id = lead_accounts.lead_id
    group by lead_accounts.account_id
),

final as (
    select {{ finding(
        'churned_without_flag', 'accounts', 'accounts.account_id',
        "concat('An event dates the churn (', coalesce(cast(churned_accounts.churned_on as varchar), 'without a day'), '"
        ~ "), the account itself is not marked as churned.')", 'accounts.known_on', source='accounts.source'
    ) }}
    from accounts
    inner join churned_accounts on accounts.account_id = churned_accounts.account_id
    where not accounts.is_churned
    union all
    select {{ finding(
        'churn_flag_without_event', 'accounts', 'accounts.account_id',
        "'The account is marked as churned, but no event says when.'", 'accounts.known_on', source='accounts.source'
    ) }}
    from accounts
    left join churned_accounts on accounts.account_id = churned_accounts.account_id
    where accounts.is_churned and churned_accounts.account_id is null and exists (select 1 from churned_accounts)
)

select * from final
