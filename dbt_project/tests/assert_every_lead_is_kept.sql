-- As many leads come out as went in.
{{ config(meta={'dagster': {'ref': {'name': 'fct_lead_lifecycle'}}}) }}
with landed as (
    select count(*) as leads_count from {{ ref('stg_raw__leads') }}
    where {{ is_newest() }}
),

reported as (
    select count(*) as leads_count from {{ ref('fct_lead_lifecycle') }}
)

select
    landed.leads_count,
    reported.leads_count as reported_count
from landed
cross join reported
where landed.leads_count <> reported.leads_count
