with deals as (
    select * from {{ ref('int_deals_converted') }}
    where {{ is_newest() }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select
        deals.deal_id,
        coalesce(deals.account_id, lead_accounts.account_id) as account_id,
        deals.lead_id,
        deals.owner_id,
        deals.name,
        deals.pipeline,
        deals.currency,
        deals.amount,
        deals.given_amount,
        deals.outcome,
        deals.lost_reason,
        deals.outcome = 'open' as is_open,
        deals.outcome = 'won' as is_won,
        case when deals.outcome <> 'open' then deals.closed_at end as closed_at,
        deals.created_on,
        deals.expected_close_on,
        case when deals.outcome <> 'open' then deals.closed_on end as closed_on,
        observation.data_until
    from deals
    left join lead_accounts on deals.lead_id = lead_accounts.lead_id
    cross join observation
    where deals.created_on <= observation.data_until
)

select * from final
