with deals as (
    select * from {{ ref('int_deals_enriched') }}
),

stages as (
    select * from {{ ref('int_deal_stages') }}
    where left_on is null
),

accounts as (
    select * from {{ ref('int_accounts_known') }}
),

final as (
    select
        deals.deal_id,
        deals.account_id,
        deals.lead_id,
        deals.owner_id,
        deals.name,
        deals.pipeline,
        coalesce(accounts.region, 'unknown') as region,
        coalesce(accounts.segment, 'unknown') as segment,
        stages.stage as current_stage,
        deals.outcome,
        deals.lost_reason,
        deals.currency,
        deals.amount,
        deals.given_amount,
        stages.probability as source_probability,
        {{ day_diff('deals.created_on', 'coalesce(deals.closed_on, deals.data_until)') }} as age_days,
        deals.is_open,
        deals.is_won,
        deals.is_open and coalesce(deals.expected_close_on < deals.data_until, false) as is_overdue,
        deals.created_on,
        deals.expected_close_on,
        deals.closed_on
    from deals
    left join stages on deals.deal_id = stages.deal_id
    left join accounts on deals.account_id = accounts.account_id
)

select * from final
