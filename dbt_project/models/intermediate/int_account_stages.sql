{# The spell decides once there is one; before that, the furthest the account's leads and deals have come. #}
with accounts as (
    select * from {{ ref('int_accounts_known') }}
),

prospects as (
    select * from {{ ref('int_account_prospects') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
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

purchases as (
    select * from {{ ref('int_account_purchases') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

final as (
    select
        accounts.account_id,
        case
            when not spells.is_active then 'churned'
            when spells.is_active and revenue.current_mrr > revenue.starting_mrr then 'expanded'
            when
                spells.is_active and case
                    when observation.is_contractual then renewals.has_renewed else purchases.has_repeated
                end
                then 'retained'
            when spells.is_active then 'customer'
            when prospects.has_churned then 'churned'
            when first_days.first_customer_on is not null then 'customer'
            when prospects.open_deals_count > 0 then 'opportunity'
            else coalesce(stages.stage, 'lead')
        end as lifecycle_stage
    from accounts
    cross join observation
    left join spells on accounts.account_id = spells.account_id
    left join revenue on accounts.account_id = revenue.account_id
    left join renewals on accounts.account_id = renewals.account_id
    left join purchases on accounts.account_id = purchases.account_id
    left join prospects on accounts.account_id = prospects.account_id
    left join stages on prospects.furthest_stage_order = stages.stage_order
    left join first_days on accounts.account_id = first_days.account_id
)

select * from final
