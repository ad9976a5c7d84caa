{# What a lead had done by each day of scoring, by kind and channel of touchpoint. #}
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with open_leads as (
    select * from {{ ref('int_lead_as_of') }}
    where {{ is_in_run('as_of_month') }}
),

touchpoint_days as (
    select
        lead_id,
        lower(kind) as kind,
        channel,
        occurred_on,
        known_on,
        superseded_on,
        count(*) as touchpoints
    from {{ ref('stg_raw__touchpoints') }}
    where lead_id is not null
    group by lead_id, lower(kind), channel, occurred_on, known_on, superseded_on
),

final as (
    select
        open_leads.lead_id,
        open_leads.as_of,
        touchpoint_days.kind,
        touchpoint_days.channel,
        touchpoint_days.occurred_on,
        touchpoint_days.touchpoints
    from open_leads
    inner join touchpoint_days
        on open_leads.lead_id = touchpoint_days.lead_id
        and touchpoint_days.occurred_on <= open_leads.as_of
        and {{ known_as_of('touchpoint_days', 'open_leads.as_of') }}
)

select * from final
