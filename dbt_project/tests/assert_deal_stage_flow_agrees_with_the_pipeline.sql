-- The stages hold as many deals at a month end as the pipeline counts in them, and no stage is without flow.
{{ config(meta={'dagster': {'ref': {'name': 'fct_deal_stage_flow'}}}) }}
with flow as (
    select
        stage,
        {{ month_end('month_start') }} as as_of,
        closing_count
    from {{ ref('fct_deal_stage_flow') }}
    where is_complete and closing_count > 0
),

pipeline as (
    select
        stage,
        as_of,
        open_count
    from {{ ref('fct_pipeline_monthly') }}
)

select
    flow.closing_count,
    pipeline.open_count,
    coalesce(flow.stage, pipeline.stage) as stage,
    coalesce(flow.as_of, pipeline.as_of) as as_of
from flow
full outer join pipeline on flow.stage = pipeline.stage and flow.as_of = pipeline.as_of
where coalesce(flow.closing_count, 0) <> coalesce(pipeline.open_count, 0)
