with accounts as (
    select * from {{ ref('int_accounts_known') }}
),

stages as (
    select * from {{ ref('int_account_stages') }}
),

first_days as (
    select * from {{ ref('int_account_first_days') }}
),

spells as (
    select * from {{ ref('int_account_spell_states') }}
),

revenue as (
    select * from {{ ref('int_account_revenue') }}
),

renewals as (
    select * from {{ ref('int_account_renewals') }}
),

activity as (
    select * from {{ ref('int_account_activity') }}
),

final as (
    select
        accounts.account_id,
        accounts.owner_id,
        accounts.name,
        accounts.domain,
        accounts.industry,
        accounts.country,
        accounts.region,
        accounts.segment,
        stages.lifecycle_stage,
        renewals.current_plan,
        accounts.employee_count,
        accounts.annual_revenue,
        cast(renewals.current_seats as bigint) as current_seats,
        cast(coalesce(revenue.current_mrr, 0) as decimal(18, 2)) as current_mrr,
        cast(
            coalesce(nullif(revenue.revenue_amount, 0), revenue.subscribed_amount, 0) as decimal(18, 2)
        ) as lifetime_revenue_amount,
        cast(coalesce(spells.spells_count, 0) as bigint) as spells_count,
        activity.purchases_count,
        activity.leads_count,
        activity.open_deals_count,
        activity.usage_28d_events_count,
        activity.usage_28d_trend_ratio,
        activity.tickets_count,
        activity.tickets_90d_count,
        activity.open_tickets_count,
        activity.nps_score,
        activity.csat_score,
        accounts.is_registered,
        coalesce(spells.is_active, false) as is_active_customer,
        accounts.created_on,
        first_days.first_customer_on,
        spells.current_started_on as current_spell_started_on,
        spells.churned_on,
        renewals.renewal_on,
        activity.last_purchased_on,
        activity.last_used_on
    from accounts
    inner join stages on accounts.account_id = stages.account_id
    inner join activity on accounts.account_id = activity.account_id
    left join first_days on accounts.account_id = first_days.account_id
    left join spells on accounts.account_id = spells.account_id
    left join revenue on accounts.account_id = revenue.account_id
    left join renewals on accounts.account_id = renewals.account_id
)

select * from final
