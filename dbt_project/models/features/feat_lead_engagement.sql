{{ config(unique_key='as_of_month', pre_hook="{{ clear_months('as_of_month') }}") }}

with open_leads as (
    select * from {{ ref('int_lead_as_of') }}
    where {{ is_in_run('as_of_month') }}
),

touchpoints as (
    select
        *,
        {{ is_sales_contact('kind') }} as is_sales_contact,
        case when not {{ is_sales_contact('kind') }} then occurred_on end as own_occurred_on,
        case when not {{ is_sales_contact('kind') }} then channel end as own_channel
    from {{ ref('int_lead_touchpoints_as_of') }}
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

measured as (
    select
        lead_id,
        as_of,
        sum(case when not is_sales_contact then touchpoints else 0 end) as touchpoints,
        {{ sum_within('touchpoints', 'own_occurred_on', 'as_of', 7) }} as touchpoints_7d,
        {{ sum_within('touchpoints', 'own_occurred_on', 'as_of', 28) }} as touchpoints_28d,
        max(own_occurred_on) as last_occurred_on,
        count(distinct own_occurred_on) as active_days,
        count(distinct own_channel) as channels,
        {{ touchpoints_of(['email_open']) }} as email_opens,
        {{ touchpoints_of(['email_click']) }} as email_clicks,
        {{ touchpoints_of(['page_view']) }} as page_views,
        {{ touchpoints_of(['content_download']) }} as content_downloads,
        {{ touchpoints_of(['webinar', 'event']) }} as webinars,
        {{ touchpoints_of(['call']) }} as calls,
        {{ touchpoints_of(['meeting']) }} as meetings,
        {{ touchpoints_of(['demo_request', 'consultation_booked']) }} as demos
    from touchpoints
    group by lead_id, as_of
),

reached as (
    select
        open_leads.lead_id,
        open_leads.as_of,
        max(stages.stage_order) as furthest_order,
        max(case when stages.stage = 'mql' then 1 else 0 end) = 1 as is_mql,
        min(case when stages.stage = 'mql' then stage_events.entered_on end) as mql_on
    from open_leads
    inner join stage_events
        on open_leads.lead_id = stage_events.lead_id
        and coalesce(stage_events.entered_on, stage_events.known_on) <= open_leads.as_of
        and {{ known_as_of('stage_events', 'open_leads.as_of') }}
    inner join stages on stage_events.stage = stages.stage
    group by open_leads.lead_id, open_leads.as_of
),

opened_deals as (
    select distinct
        open_leads.lead_id,
        open_leads.as_of
    from open_leads
    inner join deals
        on open_leads.lead_id = deals.lead_id
        and deals.created_on <= open_leads.as_of
        and {{ known_as_of('deals', 'open_leads.as_of') }}
),

final as (
    select
        open_leads.lead_id,
        open_leads.as_of,
        open_leads.as_of_month,
        cast(coalesce(measured.touchpoints, 0) as double) as touchpoints_count,
        coalesce(measured.touchpoints_7d, 0) as touchpoints_7d_count,
        coalesce(measured.touchpoints_28d, 0) as touchpoints_28d_count,
        cast({{ day_diff('measured.last_occurred_on', 'open_leads.as_of') }} as double) as last_touchpoint_days,
        cast(coalesce(measured.active_days, 0) as double) as active_days_count,
        cast(coalesce(measured.channels, 0) as double) as channels_count,
        {% for name in ['email_opens', 'email_clicks', 'page_views', 'content_downloads', 'webinars'] -%}
        cast(coalesce(measured.{{ name }}, 0) as double) as {{ name }}_count,
        {% endfor -%}
        coalesce(reached.is_mql, false) as is_mql,
        cast(case
            when reached.mql_on >= open_leads.created_on
                then {{ day_diff('open_leads.created_on', 'reached.mql_on') }}
        end as double) as mql_after_days,
        coalesce(stages.stage, 'lead') as current_stage,
        {% for name in ['calls', 'meetings', 'demos'] -%}
        cast(coalesce(measured.{{ name }}, 0) as double) as {{ name }}_count,
        {% endfor -%}
        opened_deals.lead_id is not null as has_deal
    from open_leads
    left join measured
        on open_leads.lead_id = measured.lead_id and open_leads.as_of = measured.as_of
    left join reached
        on open_leads.lead_id = reached.lead_id and open_leads.as_of = reached.as_of
    left join stages on reached.furthest_order = stages.stage_order
    left join opened_deals
        on open_leads.lead_id = opened_deals.lead_id and open_leads.as_of = opened_deals.as_of
)

select * from final
