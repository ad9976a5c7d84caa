{# A lead that names no account belongs to the account of its first deal that names one. #}
with leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

deals as (
    select * from {{ ref('stg_raw__deals') }}
    where {{ is_newest() }} and lead_id is not null and account_id is not null
),

ranked as (
    select
        lead_id,
        account_id,
        row_number() over (partition by lead_id order by created_at, deal_id) as deal_rank
    from deals
),

first_deals as (
    select * from ranked
    where deal_rank = 1
),

final as (
    select
        leads.lead_id,
        coalesce(leads.account_id, first_deals.account_id) as account_id
    from leads
    left join first_deals on leads.lead_id = first_deals.lead_id
)

select * from final
