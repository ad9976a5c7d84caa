{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
),

touchpoint_days as (
    select
        lead_id,
        account_id,
        occurred_on,
        known_on,
        superseded_on,
        count(*) as touchpoints
    from {{ ref('stg_raw__touchpoints') }}
    group by lead_id, account_id, occurred_on, known_on, superseded_on
),

actions as (
    select * from {{ ref('stg_raw__account_actions') }}
),

touched as (
    select
        coalesce(touchpoint_days.account_id, leads.account_id) as account_id,
        as_of_dates.as_of,
        touchpoint_days.occurred_on as contact_on,
        0 as actions,
        touchpoint_days.touchpoints
    from touchpoint_days
    inner join as_of_dates
        on {{ within_days('touchpoint_days.occurred_on', 'as_of_dates.as_of', 365) }}
        and {{ known_as_of('touchpoint_days', 'as_of_dates.as_of') }}
    left join leads
        on touchpoint_days.lead_id = leads.lead_id
        and {{ known_as_of('leads', 'as_of_dates.as_of') }}
),

acted as (
    select
        actions.account_id,
        as_of_dates.as_of,
        actions.started_on as contact_on,
        1 as actions,
        0 as touchpoints
    from actions
    inner join as_of_dates
        on {{ within_days('actions.started_on', 'as_of_dates.as_of', 365) }}
        and {{ known_as_of('actions', 'as_of_dates.as_of') }}
    where not coalesce(actions.holdout, false)
),

contacts as (
    select * from touched
    union all
    select * from acted
),

final as (
    select
        account_id,
        as_of,
        {{ sum_within('actions', 'contact_on', 'as_of', 90) }} as actions_90d,
        {{ sum_within('touchpoints', 'contact_on', 'as_of', 90) }} as touchpoints_90d,
        max(contact_on) as last_contact_on
    from contacts
    where account_id is not null
    group by account_id, as_of
)

select * from final
