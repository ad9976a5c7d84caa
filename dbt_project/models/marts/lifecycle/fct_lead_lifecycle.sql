with leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

lead_accounts as (
    select * from {{ ref('int_lead_accounts') }}
),

stage_days as (
    select * from {{ ref('int_lead_stage_days') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

spells as (
    select * from {{ ref('int_account_spell_states') }}
),

reached as (
    select
        stage_days.*,
        lead_accounts.account_id,
        stages.stage,
        stages.is_customer,
        coalesce(spells.is_active and stages.is_customer, false) as is_active,
        coalesce(stage_days.churned_on, case when stages.is_customer then spells.churned_on end) as left_on
    from stage_days
    inner join stages on stage_days.furthest_stage_order = stages.stage_order
    left join lead_accounts on stage_days.lead_id = lead_accounts.lead_id
    left join spells on lead_accounts.account_id = spells.account_id
),

final as (
    select
        leads.lead_id,
        reached.account_id,
        leads.lead_source,
        leads.campaign,
        leads.country,
        leads.region,
        leads.industry,
        leads.company_size,
        leads.seniority,
        case
            when (reached.has_churned or reached.left_on is not null) and not reached.is_active then 'churned'
            else reached.stage
        end as current_stage,
        reached.is_customer,
        leads.created_on,
        reached.mql_on,
        reached.sql_on,
        reached.opportunity_on,
        reached.customer_on,
        reached.retained_on,
        reached.expanded_on,
        reached.left_on as churned_on
    from leads
    inner join reached on leads.lead_id = reached.lead_id
)

select * from final
