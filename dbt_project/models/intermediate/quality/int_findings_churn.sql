{# What a source says of an account and what its events say; without churn events, or the flag, nothing is judged. #}
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

observed as (
    select count(*) > 0 as has_churn_events from churned_accounts
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
    cross join observed
    left join churned_accounts on accounts.account_id = churned_accounts.account_id
    where accounts.is_churned and churned_accounts.account_id is null and observed.has_churn_events
)

select * from final
