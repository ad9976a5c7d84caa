{# Everyone but the first of those who share an e-mail address or a domain. #}
with leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }} and email_hash is not null
),

accounts as (
    select * from {{ ref('stg_raw__accounts') }}
    where {{ is_newest() }} and domain is not null
),

ranked_leads as (
    select
        leads.*,
        first_value(lead_id) over (partition by lower(email_hash) order by created_at, lead_id) as first_lead_id
    from leads
),

ranked_accounts as (
    select
        accounts.*,
        first_value(account_id) over (
            partition by lower(domain) order by coalesce(created_at, known_at), account_id
        ) as first_account_id
    from accounts
),

final as (
    select {{ finding(
        'duplicate_person', 'leads', 'lead_id', "concat('Same e-mail address as lead ', first_lead_id, '.')", 'known_on'
    ) }}
    from ranked_leads
    where lead_id <> first_lead_id
    union all
    select {{ finding(
        'duplicate_company', 'accounts', 'account_id',
        "concat('Same domain as account ', first_account_id, '.')", 'known_on'
    ) }}
    from ranked_accounts
    where account_id <> first_account_id
)

select * from final
