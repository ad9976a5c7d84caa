{% set stages = ['mql', 'sql', 'opportunity', 'customer', 'retained', 'expanded', 'churned'] %}

with entries as (
    select * from {{ ref('int_lead_stage_entries') }}
),

stages as (
    select * from {{ ref('lifecycle_stages') }}
),

ordered as (
    select
        entries.lead_id,
        entries.stage,
        entries.entered_on,
        stages.stage_order
    from entries
    inner join stages on entries.stage = stages.stage
),

final as (
    select
        lead_id,
        {% for stage in stages -%}
        min(case when stage = '{{ stage }}' then entered_on end) as {{ stage }}_on,
        {% endfor -%}
        max(case when stage <> 'churned' then stage_order end) as furthest_stage_order,
        max(case when stage = 'churned' then 1 else 0 end) = 1 as has_churned
    from ordered
    group by lead_id
)

select * from final
