with accounts as (
    select * from {{ ref('int_accounts_known') }}
),

purchases as (
    select * from {{ ref('int_account_purchases') }}
),

prospects as (
    select * from {{ ref('int_account_prospects') }}
),

usage as (
    select * from {{ ref('int_account_usage') }}
),

support as (
    select * from {{ ref('int_account_support') }}
),

surveys as (
    select * from {{ ref('int_account_surveys') }}
),

final as (
    select
        accounts.account_id,
        coalesce(purchases.purchases_count, 0) as purchases_count,
        cast(coalesce(prospects.leads_count, 0) as bigint) as leads_count,
        cast(coalesce(prospects.open_deals_count, 0) as bigint) as open_deals_count,
        coalesce(usage.usage_28d_events_count, 0) as usage_28d_events_count,
        usage.usage_28d_trend_ratio,
        coalesce(support.tickets_count, 0) as tickets_count,
        cast(coalesce(support.tickets_90d_count, 0) as bigint) as tickets_90d_count,
        cast(coalesce(support.open_tickets_count, 0) as bigint) as open_tickets_count,
        surveys.nps_score,
        surveys.csat_score,
        purchases.last_purchased_on,
        usage.last_used_on
    from accounts
    left join purchases on accounts.account_id = purchases.account_id
    left join prospects on accounts.account_id = prospects.account_id
    left join usage on accounts.account_id = usage.account_id
    left join support on accounts.account_id = support.account_id
    left join surveys on accounts.account_id = surveys.account_id
)

select * from final
