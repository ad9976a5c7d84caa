{{ config(schema='intermediate', unique_key='as_of_month', pre_hook="{{ clear_months('as_of_month') }}") }}

with settings as (
    select open_lead_days from {{ source('control', 'company_settings') }}
),

lead_ages as (
    select * from {{ source('control', 'lead_ages') }}
),

as_of_dates as (
    select * from {{ ref('int_as_of_dates') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
),

stage_events as (
    select * from {{ ref('stg_raw__lead_stage_events') }}
    where coalesce(is_reached, true)
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

deals as (
    select * from {{ ref('stg_raw__deals') }}
),

aged as (
    select
        leads.lead_id,
        leads.created_on,
        leads.known_on,
        leads.superseded_on,
        {{ add_days('leads.created_on', 'lead_ages.age_days') }} as as_of
    from leads
    cross join lead_ages
),

on_ages as (
    select
        aged.lead_id,
        aged.as_of,
        as_of_dates.as_of as as_of_month,
        aged.created_on
    from aged
    inner join as_of_dates on {{ month_end('aged.as_of') }} = as_of_dates.as_of
    where {{ known_as_of('aged', 'aged.as_of') }}
),

on_month_ends as (
    select
        leads.lead_id,
        as_of_dates.as_of,
        as_of_dates.as_of as as_of_month,
        leads.created_on
    from leads
    cross join settings
    inner join as_of_dates
        on leads.created_on <= as_of_dates.as_of
        and {{ add_days('leads.created_on', 'settings.open_lead_days') }} >= as_of_dates.as_of
        and {{ known_as_of('leads', 'as_of_dates.as_of') }}
),

candidates as (
    select * from on_ages
    union
    select * from on_month_ends
),

closings as (
    select
        stage_events.lead_id,
        coalesce(stage_events.entered_on, stage_events.known_on) as closed_on,
        stage_events.known_on,
        stage_events.superseded_on
    from stage_events
    inner join stages on stage_events.stage = stages.stage
    where stages.is_customer or not stages.is_funnel
    union all
    select
        lead_id,
        coalesce(closed_on, known_on) as closed_on,
        known_on,
        superseded_on
    from deals
    where outcome = 'won' and lead_id is not null
),

closed as (
    select distinct
        candidates.lead_id,
        candidates.as_of
    from candidates
    inner join closings
        on candidates.lead_id = closings.lead_id
        and closings.closed_on <= candidates.as_of
        and {{ known_as_of('closings', 'candidates.as_of') }}
),

final as (
    select candidates.*
    from candidates
    left join closed
        on candidates.lead_id = closed.lead_id and candidates.as_of = closed.as_of
    where closed.lead_id is null
)

select * from final
