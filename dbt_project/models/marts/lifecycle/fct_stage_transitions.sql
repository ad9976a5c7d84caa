with transitions as (
    select * from {{ ref('int_stage_transitions') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
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
        transitions.lead_id,
        lead_accounts.account_id,
        transitions.from_stage,
        transitions.to_stage,
        leads.lead_source,
        leads.campaign,
        leads.country,
        leads.region,
        {{ day_diff('transitions.entered_on', 'observation.data_until') }} as observed_days,
        transitions.days_to_reach,
        transitions.reached_on is not null as is_reached,
        transitions.cohort_month,
        transitions.entered_on,
        transitions.reached_on
    from transitions
    cross join observation
    left join leads on transitions.lead_id = leads.lead_id
    left join lead_accounts on transitions.lead_id = lead_accounts.lead_id
)

select * from final
