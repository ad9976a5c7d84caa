{# How far the account's leads and deals have come before it is a customer. #}
with lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
    where account_id is not null
),

stage_days as (
    select * from {{ ref('int_lead_stage_days') }}
),

deals as (
    select * from {{ ref('int_deals_enriched') }}
    where account_id is not null
),

figures as (
    select
        lead_accounts.account_id,
        1 as leads_count,
        0 as open_deals_count,
        stage_days.furthest_stage_order as stage_order,
        case when stage_days.has_churned then 1 else 0 end as has_churned
    from lead_accounts
    inner join stage_days on lead_accounts.lead_id = stage_days.lead_id
    union all
    select
        account_id,
        0 as leads_count,
        case when is_open then 1 else 0 end as open_deals_count,
        null as stage_order,
        0 as has_churned
    from deals
),

final as (
    select
        account_id,
        sum(leads_count) as leads_count,
        sum(open_deals_count) as open_deals_count,
        max(stage_order) as furthest_stage_order,
        max(has_churned) = 1 as has_churned
    from figures
    group by account_id
)

select * from final
