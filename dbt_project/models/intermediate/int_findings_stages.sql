{# Stages that lack a date or come in the wrong order. #}
with stage_events as (
    select * from {{ ref('stg_raw__lead_stage_events') }}
    where {{ is_newest() }}
),

entries as (
    select * from {{ ref('int_lead_stage_entries') }}
    where is_dated
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
    where is_funnel
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

lifecycles as (
    select * from {{ ref('fct_lead_lifecycle') }}
),

undated as (
    select {{ finding(
        'stage_without_date', 'lead_stage_events', 'event_id',
        "concat('Lead ', lead_id, ' is marked ', stage, ' without a date.')", 'known_on'
    ) }}
    from stage_events
    where entered_at is null and coalesce(is_reached, true)
),

denied as (
    select {{ finding(
        'stage_date_without_flag', 'lead_stage_events', 'event_id',
        "concat('Lead ', lead_id, ' has a date for ', stage, ' although its flag says that it was not reached.')",
        'known_on'
    ) }}
    from stage_events
    where entered_at is not null and not is_reached
),

compared as (
    select
        entries.lead_id,
        leads.source,
        entries.stage,
        entries.entered_on,
        max(entries.entered_on) over (
            partition by entries.lead_id order by stages.stage_order
            rows between unbounded preceding and 1 preceding
        ) as earlier_stage_on
    from entries
    inner join stages on entries.stage = stages.stage
    inner join leads on entries.lead_id = leads.lead_id
),

out_of_order as (
    select {{ finding(
        'stages_out_of_order', 'leads', 'lead_id',
        "concat('Stage ', min(stage), ' is dated before an earlier stage (', cast(min(entered_on) as varchar), ').')",
        'max(earlier_stage_on)', 'count(*)', 'min(source)'
    ) }}
    from compared
    where entered_on < earlier_stage_on
    group by lead_id
),

unconverted as (
    select {{ finding(
        'customer_without_conversion_date', 'leads', 'lifecycles.lead_id',
        "concat('Lead is ', lifecycles.current_stage, ' but no date says when it became a customer.')",
        'lifecycles.created_on', source='leads.source'
    ) }}
    from lifecycles
    inner join leads on lifecycles.lead_id = leads.lead_id
    where is_customer and customer_on is null
),

final as (
    select * from undated
    union all
    select * from denied
    union all
    select * from out_of_order
    union all
    select * from unconverted
)

select * from final
