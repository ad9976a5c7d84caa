{# Contacts with a deal's lead, or else with its account, in the last year. #}
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with open_deals as (
    select * from {{ ref('int_deal_as_of') }}
    where {{ is_in_run('as_of_month') }}
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

by_lead as (
    select
        open_deals.deal_id,
        open_deals.as_of,
        touchpoint_days.occurred_on,
        touchpoint_days.touchpoints
    from open_deals
    inner join touchpoint_days
        on open_deals.lead_id = touchpoint_days.lead_id
        and {{ within_days('touchpoint_days.occurred_on', 'open_deals.as_of', 365) }}
        and {{ known_as_of('touchpoint_days', 'open_deals.as_of') }}
),

by_account as (
    select
        open_deals.deal_id,
        open_deals.as_of,
        touchpoint_days.occurred_on,
        touchpoint_days.touchpoints
    from open_deals
    inner join touchpoint_days
        on open_deals.account_id = touchpoint_days.account_id
        and coalesce(touchpoint_days.lead_id, '') <> coalesce(open_deals.lead_id, '∅')
        and {{ within_days('touchpoint_days.occurred_on', 'open_deals.as_of', 365) }}
        and {{ known_as_of('touchpoint_days', 'open_deals.as_of') }}
),

contacts as (
    select * from by_lead
    union all
    select * from by_account
),

final as (
    select
        deal_id,
        as_of,
        {{ sum_within('touchpoints', 'occurred_on', 'as_of', 28) }} as touchpoints_28d,
        max(occurred_on) as last_touchpoint_on
    from contacts
    group by deal_id, as_of
)

select * from final
