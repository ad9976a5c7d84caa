{# Stages at odds with the source's own score. #}
with stage_events as (
    select * from {{ ref('stg_raw__lead_stage_events') }}
    where {{ is_newest() }} and source_score is not null
),

touchpoints as (
    select * from {{ ref('stg_raw__touchpoints') }}
    where {{ is_newest() }} and lead_id is not null
),

rule_points as (
    select * from {{ source('control', 'rule_points') }}
    where attribute = 'sales_qualified_kind'
),

stage_days as (
    select * from {{ ref('int_lead_stage_days') }}
),

stages as (
    select
        max(case when stage = 'mql' then stage_order end) as mql_order,
        max(case when stage = 'sql' then stage_order end) as sql_order
    from {{ ref('lifecycle_stages') }}
),

observation as (
    select * from {{ ref('int_observation_window') }}
),

fast_tracked as (
    select distinct touchpoints.lead_id
    from touchpoints
    inner join rule_points on lower(touchpoints.kind) = lower(rule_points.value)
),

scored as (
    select
        lead_id,
        min(source) as source,
        max(source_score) as source_score,
        max(known_on) as known_on
    from stage_events
    group by lead_id
),

judged as (
    select
        scored.*,
        observation.mql_max_score,
        observation.sql_min_score,
        fast_tracked.lead_id is not null as is_fast_tracked,
        coalesce(stage_days.furthest_stage_order >= stages.mql_order, false) as is_mql,
        coalesce(stage_days.furthest_stage_order >= stages.sql_order, false) as is_sql
    from scored
    cross join observation
    cross join stages
    left join stage_days on scored.lead_id = stage_days.lead_id
    left join fast_tracked on scored.lead_id = fast_tracked.lead_id
),

final as (
    select {{ finding(
        'score_without_mql', 'leads', 'lead_id',
        "concat('Score ', cast(source_score as varchar), ' but not marketing-qualified.')", 'known_on'
    ) }}
    from judged
    where source_score <= mql_max_score and not is_mql
    union all
    select {{ finding(
        'score_without_sql', 'leads', 'lead_id',
        "concat('Score ', cast(source_score as varchar), ' but not sales-qualified.')", 'known_on'
    ) }}
    from judged
    where source_score >= sql_min_score and not is_sql
    union all
    select {{ finding(
        'sql_below_score', 'leads', 'lead_id',
        "concat('Sales-qualified with score ', cast(source_score as varchar), '.')", 'known_on'
    ) }}
    from judged
    where source_score <= mql_max_score and is_sql and not is_fast_tracked
)

select * from final
