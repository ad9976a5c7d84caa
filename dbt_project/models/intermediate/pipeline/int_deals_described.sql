{# What reports group deals by. The lead speaks where the account does not: deals of leads that never became an account
   would otherwise all be lost deals of no region. #}
with deals as (
    select * from {{ ref('int_deals_enriched') }}
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

final as (
    select
        deals.*,
        coalesce(nullif(accounts.region, 'unknown'), leads.region, 'unknown') as region,
        coalesce(accounts.industry, leads.industry, 'unknown') as segment,
        coalesce(leads.lead_source, 'unknown') as lead_source,
        deals.is_open or deals.closed_on is not null as is_dated
    from deals
    left join accounts on deals.account_id = accounts.account_id
    left join leads on deals.lead_id = leads.lead_id
)

select * from final
