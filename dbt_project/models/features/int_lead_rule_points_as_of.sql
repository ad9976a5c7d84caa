{# The rule score of each open lead: the points of every attribute that matches, each kind of touchpoint once. #}
{{ config(materialized='ephemeral', contract={'enforced': false}) }}

with open_leads as (
    select * from {{ ref('int_lead_as_of') }}
    where {{ is_in_run('as_of_month') }}
),

leads as (
    select * from {{ ref('stg_raw__leads') }}
),

touchpoints as (
    select * from {{ ref('int_lead_touchpoints_as_of') }}
),

rule_points as (
    select
        attribute,
        value,
        max(points) as points
    from {{ source('control', 'rule_points') }}
    group by attribute, value
),

settings as (
    select sql_min_score from {{ ref('int_observation_window') }}
),

profiles as (
    select
        open_leads.lead_id,
        open_leads.as_of,
        lower(leads.seniority) as seniority,
        lower(leads.company_size) as company_size,
        lower(leads.lead_source) as lead_source
    from open_leads
    inner join leads
        on open_leads.lead_id = leads.lead_id
        and {{ known_as_of('leads', 'open_leads.as_of') }}
),

facts as (
    {% for attribute in ['seniority', 'company_size', 'lead_source'] -%}
    select lead_id, as_of, '{{ attribute }}' as attribute, {{ attribute }} as value from profiles
    union all
    {% endfor -%}
    select distinct lead_id, as_of, 'touchpoint_kind' as attribute, kind as value from touchpoints
    union all
    select distinct lead_id, as_of, 'sales_qualified_kind' as attribute, kind as value from touchpoints
),

scored as (
    select
        facts.lead_id,
        facts.as_of,
        sum(rule_points.points) as points,
        max(case when facts.attribute = 'sales_qualified_kind' then 1 else 0 end) = 1 as is_qualified_at_once
    from facts
    inner join rule_points
        on facts.attribute = rule_points.attribute and facts.value = rule_points.value
    group by facts.lead_id, facts.as_of
),

final as (
    select
        scored.lead_id,
        scored.as_of,
        least(greatest(scored.points, 0), 200) as rule_score,
        scored.is_qualified_at_once or scored.points >= settings.sql_min_score as is_rule_sql
    from scored
    cross join settings
)

select * from final
